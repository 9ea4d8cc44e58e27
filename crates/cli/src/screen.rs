//! The only place that prints. Colour only for people; plain lines when piped.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells whether a person looks at standard output. It stays what it is while tminus runs, and
/// every line that is painted asks.
pub(crate) fn is_terminal() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| std::io::stdout().is_terminal())
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

/// Whether the last line of the terminal is a status line, to be written over by what comes next.
static STATUS_SHOWN: AtomicBool = AtomicBool::new(false);

/// Shows a status line at the bottom; it lasts until the next line. Only for people.
pub(crate) fn status(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "\r\u{1b}[K{}", paint(Tone::Faint, &cut(text, width().saturating_sub(1))));
    let _ = out.flush();
    STATUS_SHOWN.store(true, Ordering::Relaxed);
}

/// Removes the status line, if there is one.
pub(crate) fn clear_status() {
    if STATUS_SHOWN.swap(false, Ordering::Relaxed) {
        let _ = write!(std::io::stdout().lock(), "\r\u{1b}[K");
    }
}

/// Writes a line to standard output. A reader that went away (`| head`) ends nothing but the line.
///
/// Documents and errors are as little trusted as output of steps: only our own colours get through.
pub(crate) fn line(text: &str) {
    clear_status();
    let mut text = visible(text).into_owned();
    text.push('\n');
    // Standard output hands on line by line what is written in pieces, and all at once what comes whole.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes a line for programs to standard output, to the last byte as given.
pub(crate) fn data(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes text without a line end and shows it at once.
pub(crate) fn raw(text: &str) {
    clear_status();
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Folds a text between words to the width of the terminal, with room left in front of the first
/// line and of the others. What is piped stays one line: programs read it by lines.
pub(crate) fn folded(text: &str, first: usize, others: usize) -> Vec<String> {
    if !is_terminal() {
        return vec![text.to_owned()];
    }
    fold(text, width().max(30), first, others)
}

fn fold(text: &str, width: usize, first: usize, others: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = first;
    // What stands between backquotes is there to be copied: it stays in one piece.
    let mut in_code = false;
    let is_end = |c: char| {
        in_code ^= c == '`';
        c == ' ' && !in_code
    };
    for word in text.split(is_end) {
        let length = word.chars().count();
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            used += length;
            line.push_str(word);
        } else if used + 1 + length <= width {
            used += 1 + length;
            line.push(' ');
            line.push_str(word);
        } else {
            used = others + length;
            lines.push(word.to_owned());
        }
    }
    lines
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
    complain("", Tone::Bad, "error:", text);
}

/// Writes what to do now to standard error.
pub(crate) fn hint(text: &str) {
    complain("  ", Tone::Ask, "now:", text);
}

/// For people, folded between words, with what goes on below what it began with.
fn complain(margin: &str, tone: Tone, word: &str, text: &str) {
    let terminal = std::io::stderr().is_terminal();
    let text = visible(text);
    let indent = margin.len() + word.len() + 1;
    let lines = match terminal {
        true => fold(&text, width().max(30), indent, indent),
        false => vec![text.into_owned()],
    };
    let word = paint_if(terminal && colours_wanted(), tone, word);
    let text = lines.join(&format!("\n{:indent$}", ""));
    let _ = writeln!(std::io::stderr().lock(), "{margin}{word} {text}");
}

/// Writes a remark to standard error.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", visible(text));
}

/// Removes what could move a terminal's cursor or change its state: output of steps is not trusted.
pub(crate) fn tame(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// Removes what could change the terminal but for colours, and shows characters that would reorder
/// the text as what they are.
fn visible(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| matches!(byte, b'\n' | b'\t' | b' '..=b'~');
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let plain = rest.bytes().position(|byte| !is_plain(byte)).unwrap_or(rest.len());
        shown.push_str(&rest[..plain]);
        rest = &rest[plain..];
        let Some(character) = rest.chars().next() else { break };
        let colour = colour_length(rest);
        let length = colour.unwrap_or(character.len_utf8());
        match character {
            _ if colour.is_some() => shown.push_str(&rest[..length]),
            _ if character.is_control() => {}
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                shown.push_str(&format!("<U+{:04X}>", u32::from(character)));
            }
            _ => shown.push(character),
        }
        rest = &rest[length..];
    }
    Cow::Owned(shown)
}

/// Returns the length in bytes of a colour code (ECMA-48 SGR) that `text` begins with.
fn colour_length(text: &str) -> Option<usize> {
    let codes = text.strip_prefix("\u{1b}[")?;
    let end = codes.bytes().position(|byte| !matches!(byte, b'0'..=b'9' | b';'))?;
    (codes.as_bytes()[end] == b'm').then_some(end + 3)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fold_between_words() {
        assert_eq!(fold("one two three", 9, 2, 4), ["one two", "three"]);
        assert_eq!(fold("one two three", 8, 5, 0), ["one", "two", "three"]);
        assert_eq!(fold("a/path/without/an/end", 8, 2, 2), ["a/path/without/an/end"]);
        assert_eq!(fold("now `a b c` and", 8, 2, 2), ["now", "`a b c`", "and"]);
        assert_eq!(fold("", 8, 2, 2), [""]);
    }

    #[test]
    fn only_colours_of_our_own_reach_a_terminal() {
        let table = [
            ("plain\ttext\n", "plain\ttext\n"),
            ("\u{1b}[31;1merror:\u{1b}[0m ›", "\u{1b}[31;1merror:\u{1b}[0m ›"),
            ("clear\u{1b}[2J screen", "clear[2J screen"),
            ("title\u{1b}]0;x\u{7} here\r", "title]0;x here"),
            ("C1 \u{9b}2J", "C1 2J"),
            ("ends in \u{1b}[", "ends in ["),
            ("a\u{202e}b\u{2066}", "a<U+202E>b<U+2066>"),
            ("é → 👩\u{200d}💻", "é → 👩\u{200d}💻"),
        ];
        for (text, shown) in table {
            assert_eq!(visible(text), shown, "{text:?}");
        }
    }
}
