//! `check --fix`: a patch on the screen, applied on a yes.
//!
//! Exactly the bytes of the patch change: line ends, a byte-order mark, trailing spaces stay. The
//! file is read again before it is written, because a person may have taken an hour to say yes.

use std::io::Write as _;
use std::path::Path;

use tminus_runbook::edit;
use tminus_runbook::patch::{self, Level};

use crate::commands::source;
use crate::failure::{self, Failure};
use crate::screen::{self, Tone, paint};

use super::sheet::{Counts, Sheet};

/// Fixes may make room for others. More turns than this would mean that two undo each other.
const MOST_TURNS: usize = 8;

/// Shows what can be mended and mends it; afterwards the sheet holds what is left.
pub(super) fn mend(sheet: &mut Sheet, level: Level, yes: bool) -> Result<(), Failure> {
    for _ in 0..MOST_TURNS {
        let splices = patch::splices(&sheet.found, level);
        let shown = patch::unified(&sheet.text, &splices, &sheet.name);
        if shown.is_empty() {
            break;
        }
        let question = format!("Apply {} to {}?", count(splices.len()), sheet.name);
        if !offer(&shown, &question, yes) {
            break;
        }
        let changed = edit::apply(&sheet.text, &splices);
        write(Path::new(&sheet.name), &sheet.text, &changed)?;
        let before = Counts::of(std::slice::from_ref(sheet));
        super::look_again(sheet)?;
        let after = Counts::of(std::slice::from_ref(sheet));
        screen::line(&paint(
            Tone::Good,
            &format!("{}: {} before, {} now", sheet.name, before.sentence(), after.sentence()),
        ));
    }
    Ok(())
}

fn count(number: usize) -> String {
    if number == 1 { "this fix".to_owned() } else { format!("these {number} fixes") }
}

/// Shows a patch and tells whether it is wanted. Without a person, only `--yes` is a yes; the patch
/// is then on standard output as `git apply` takes it.
pub(crate) fn offer(patch: &str, question: &str, yes: bool) -> bool {
    if !screen::is_terminal() {
        screen::raw(patch);
        if !yes {
            screen::note("nothing was changed: look at the patch, then run it again with --yes");
        }
        return yes;
    }
    for line in patch.lines() {
        let tone = match line.as_bytes().first() {
            Some(b'+') => Tone::Good,
            Some(b'-') => Tone::Bad,
            Some(b'@') => Tone::Faint,
            _ => Tone::Plain,
        };
        screen::line(&paint(tone, &seen(line)));
    }
    if yes {
        return true;
    }
    if !source::is_interactive() {
        screen::note("nothing was changed: nobody is here to say yes; --yes applies it without asking");
        return false;
    }
    screen::raw(&format!("{} [y/N] ", paint(Tone::Ask, question)));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    let said_yes = read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if !said_yes {
        screen::line("nothing was changed");
    }
    said_yes
}

/// Makes characters without width visible: a patch that only removes one would show no change.
fn seen(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '\u{200B}' | '\u{200C}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}' => {
                shown.push_str(&format!("<U+{:04X}>", u32::from(c)));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// Writes a changed document, unless somebody else changed it meanwhile.
pub(crate) fn write(path: &Path, before: &str, after: &str) -> Result<(), Failure> {
    if source::read(path)? != before {
        return Err(Failure::usage(
            format!("write {}: it has changed since it was read", path.display()),
            "nothing was changed; run the command again to see the patch for what stands there now",
        ));
    }
    // In place, so that the file keeps its mode, its owner and the links to it.
    let written = std::fs::OpenOptions::new().write(true).open(path).and_then(|mut file| {
        file.write_all(after.as_bytes())?;
        file.set_len(after.len() as u64)?;
        file.sync_all()
    });
    written.map_err(|error| failure::file("write", path, &error))
}
