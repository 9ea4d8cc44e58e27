//! Edits as people review them: a unified diff, made from the edits themselves.
//!
//! The text is never written anew, so there is nothing to compare: the edits say which lines they
//! touch. What is shown is what `patch` and `git apply` take, to the last byte.

use std::fmt::Write as _;
use std::ops::Range;

use crate::diagnostic::{Diagnostic, FixEffect};
use crate::edit::{Splice, apply};

/// Unchanged lines around a change, as `diff -u` shows them.
const CONTEXT_LINES: usize = 3;

/// Which fixes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Only those after which a step does what was meant all along.
    Safe,
    /// Those that change what a step does as well.
    Unsafe,
}

/// Picks the fixes that can be made together: in order, none touching another. A fix that is left
/// out has its turn when the document is checked again.
pub fn splices(found: &[Diagnostic], level: Level) -> Vec<Splice> {
    let wanted =
        found.iter().filter(|found| level == Level::Unsafe || found.fix_effect == FixEffect::KeepsMeaning);
    let mut fixes: Vec<_> = wanted.filter_map(|found| found.fix.as_ref()).collect();
    fixes.sort_by_key(|fix| (fix.start, fix.end));
    let mut picked: Vec<Splice> = Vec::new();
    for fix in fixes {
        // Two insertions at one place, or an insertion at an edge, could be meant in either order.
        if picked.last().is_none_or(|last| fix.start > last.end) {
            picked.push(Splice { start: fix.start, end: fix.end, replacement: fix.replacement.clone() });
        }
    }
    picked
}

/// Lines that change, numbered from 0, and what stands there afterwards.
struct Change {
    old: Range<usize>,
    new: Vec<String>,
}

/// Writes edits as a unified diff. Empty when they change nothing. `name` is the document's path.
pub fn unified(document: &str, splices: &[Splice], name: &str) -> String {
    let lines: Vec<&str> = document.split_inclusive('\n').collect();
    let changes = changes(document, &lines, splices);
    let Some(first) = changes.first() else { return String::new() };
    // git ends a name that holds a space with a tab, so that nothing after it is taken for a part.
    let mark = if name.contains(' ') { "\t" } else { "" };
    let (before, after) =
        if name.starts_with('/') { (String::new(), String::new()) } else { ("a/".into(), "b/".into()) };
    let mut text = format!("--- {before}{name}{mark}\n+++ {after}{name}{mark}\n");
    let mut hunk = vec![first];
    let mut moved = 0;
    for change in &changes[1..] {
        let gap = change.old.start - hunk.last().map_or(0, |last| last.old.end);
        if gap > 2 * CONTEXT_LINES {
            moved = write_hunk(&mut text, &lines, &hunk, moved);
            hunk.clear();
        }
        hunk.push(change);
    }
    write_hunk(&mut text, &lines, &hunk, moved);
    text
}

/// Finds the lines that edits touch, nearest edits joined, unchanged lines at either end left out.
fn changes(document: &str, lines: &[&str], splices: &[Splice]) -> Vec<Change> {
    let starts: Vec<usize> = lines
        .iter()
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some(start)
        })
        .collect();
    // The end of a text that ends with a line end is a line of its own, and not one of `lines`.
    let line_of = |offset: usize| match starts.partition_point(|start| *start <= offset).saturating_sub(1) {
        last if offset == document.len() && document.ends_with('\n') => last + 1,
        line => line,
    };
    let start_of = |line: usize| starts.get(line).copied().unwrap_or(document.len());
    let mut sorted: Vec<&Splice> = splices.iter().collect();
    sorted.sort_by_key(|splice| splice.start);
    let mut groups: Vec<(Range<usize>, Vec<Splice>)> = Vec::new();
    for splice in sorted {
        let touched = line_of(splice.start)..(line_of(splice.end) + 1).min(lines.len());
        let touched = touched.start.min(touched.end)..touched.end;
        match groups.last_mut() {
            Some((last, edits)) if touched.start <= last.end => {
                last.end = touched.end.max(last.end);
                edits.push(splice.clone());
            }
            _ => groups.push((touched, vec![splice.clone()])),
        }
    }
    let mut found = Vec::new();
    for (touched, edits) in groups {
        let from = start_of(touched.start);
        let moved: Vec<Splice> = edits
            .into_iter()
            .map(|edit| Splice { start: edit.start - from, end: edit.end - from, ..edit })
            .collect();
        let after = apply(&document[from..start_of(touched.end)], &moved);
        let new: Vec<&str> = after.split_inclusive('\n').collect();
        let old = &lines[touched.clone()];
        let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
        let tail = (old[head..].iter().rev())
            .zip(new[head..].iter().rev())
            .take_while(|(old, new)| old == new)
            .count();
        let change = Change {
            old: touched.start + head..touched.end - tail,
            new: new[head..new.len() - tail].iter().map(|line| (*line).to_owned()).collect(),
        };
        if !(change.old.is_empty() && change.new.is_empty()) {
            found.push(change);
        }
    }
    found
}

/// Writes one hunk; returns by how many lines everything after it has moved.
fn write_hunk(text: &mut String, lines: &[&str], hunk: &[&Change], moved: isize) -> isize {
    let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { return moved };
    let from = first.old.start.saturating_sub(CONTEXT_LINES);
    let to = (last.old.end + CONTEXT_LINES).min(lines.len());
    let added: usize = hunk.iter().map(|change| change.new.len()).sum();
    let removed: usize = hunk.iter().map(|change| change.old.len()).sum();
    let new_count = to - from + added - removed;
    // A range without lines is named by the line before it.
    let place = |start: usize, count: usize| if count == 0 { start } else { start + 1 };
    let new_from = from.saturating_add_signed(moved);
    let _ = writeln!(
        text,
        "@@ -{},{} +{},{new_count} @@",
        place(from, to - from),
        to - from,
        place(new_from, new_count)
    );
    let mut at = from;
    for change in hunk {
        lines[at..change.old.start].iter().for_each(|line| write_line(text, ' ', line));
        lines[change.old.clone()].iter().for_each(|line| write_line(text, '-', line));
        change.new.iter().for_each(|line| write_line(text, '+', line));
        at = change.old.end;
    }
    lines[at..to].iter().for_each(|line| write_line(text, ' ', line));
    moved + added.cast_signed() - removed.cast_signed()
}

fn write_line(text: &mut String, sign: char, line: &str) {
    text.push(sign);
    text.push_str(line);
    if !line.ends_with('\n') {
        text.push_str("\n\\ No newline at end of file\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Fix, Severity};

    fn splice(document: &str, from: &str, to: &str) -> Splice {
        let start = document.find(from).unwrap();
        Splice { start, end: start + from.len(), replacement: to.to_owned() }
    }

    fn check(document: &str, splices: &[Splice], expected: &str) {
        let patch = unified(document, splices, "r.md");
        let body = patch.strip_prefix("--- a/r.md\n+++ b/r.md\n").unwrap_or(&patch);
        assert_eq!(body, expected, "{document:?}");
    }

    #[test]
    fn a_patch_shows_the_lines_that_change() {
        let numbers: String = (1..=20).map(|number| format!("{number}\n")).collect();
        check(&numbers, &[], "");
        check(
            &numbers,
            &[splice(&numbers, "10", "ten")],
            "@@ -7,7 +7,7 @@\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n",
        );
        check(
            &numbers,
            &[splice(&numbers, "1\n", ""), splice(&numbers, "20", "20\n21")],
            "@@ -1,4 +1,3 @@\n-1\n 2\n 3\n 4\n@@ -18,3 +17,4 @@\n 18\n 19\n 20\n+21\n",
        );
        check(
            "a\nb",
            &[splice("a\nb", "b", "c")],
            "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n",
        );
        let end = Splice { start: 2, end: 2, replacement: "b\n".into() };
        check("a\n", &[end], "@@ -1,1 +1,2 @@\n a\n+b\n");
        check("a\r\n", &[splice("a\r\n", "a", "b")], "@@ -1,1 +1,1 @@\n-a\r\n+b\r\n");
        let first = Splice { start: 0, end: 0, replacement: "x\n".into() };
        check("", std::slice::from_ref(&first), "@@ -0,0 +1,1 @@\n+x\n");
        check("a\n", &[first], "@@ -1,1 +1,2 @@\n+x\n a\n");
    }

    #[test]
    fn fixes_that_touch_wait_for_the_next_turn() {
        let found = |start: usize, end: usize| {
            Diagnostic::new("T114", Severity::Error, (1, 1), (1, 2), "m").with_fix(Fix {
                start,
                end,
                replacement: "-".into(),
            })
        };
        let risky = Diagnostic { fix_effect: FixEffect::ChangesMeaning, ..found(8, 9) };
        let all = [found(3, 5), found(4, 6), found(5, 5), found(6, 7), risky];
        let places = |level| -> Vec<usize> { splices(&all, level).iter().map(|one| one.start).collect() };
        assert_eq!(places(Level::Safe), [3, 6]);
        assert_eq!(places(Level::Unsafe), [3, 6, 8]);
    }
}
