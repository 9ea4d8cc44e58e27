//! The only place that prints. Colour only for people; plain lines when piped.

use std::io::{IsTerminal as _, Write as _};

/// Tells whether a person looks at standard output.
pub(crate) fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Colours, by meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it is.
    Plain,
    /// A heading.
    Strong,
    /// Less important.
    Faint,
    /// It went well.
    Good,
    /// Look at this.
    Warn,
    /// It went badly.
    Bad,
    /// A question to a person.
    Ask,
}

/// Writes a line to standard output. A reader that went away (`| head`) ends nothing but the line.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes text without a line end and shows it at once.
pub(crate) fn raw(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Paints text when a person looks at it.
pub(crate) fn paint(tone: Tone, text: &str) -> String {
    paint_if(is_terminal() && colours_wanted(), tone, text)
}

fn paint_if(wanted: bool, tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Plain => return text.to_owned(),
        Tone::Strong => "1",
        Tone::Faint => "2",
        Tone::Good => "32",
        Tone::Warn => "33",
        Tone::Bad => "31;1",
        Tone::Ask => "36;1",
    };
    if wanted { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// <https://no-color.org>: any non-empty value turns colours off.
fn colours_wanted() -> bool {
    crate::place::variable("NO_COLOR").is_none_or(|value| value.is_empty())
        && crate::place::variable("TERM").as_deref() != Some("dumb")
}

/// Writes an error line to standard error.
pub(crate) fn error(text: &str) {
    let wanted = std::io::stderr().is_terminal() && colours_wanted();
    let _ = writeln!(std::io::stderr().lock(), "{} {text}", paint_if(wanted, Tone::Bad, "error:"));
}

/// Writes what to do now to standard error.
pub(crate) fn hint(text: &str) {
    let wanted = std::io::stderr().is_terminal() && colours_wanted();
    let _ = writeln!(std::io::stderr().lock(), "  {} {text}", paint_if(wanted, Tone::Ask, "now:"));
}

/// Writes a remark to standard error.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Removes what could move a terminal's cursor or change its state: output of steps is not trusted.
pub(crate) fn tame(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// Cuts text to `width` columns.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// The width of the terminal in columns; 80 when there is none.
pub(crate) fn width() -> usize {
    rustix::termios::tcgetwinsize(std::io::stdout()).map_or(80, |size| usize::from(size.ws_col).max(20))
}
