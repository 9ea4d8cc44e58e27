//! Finds the places in a text that a person has to fill in, before a shell sees them.
//!
//! `<new_migration>` is two redirections to a shell. So placeholders are found first, in the
//! text; the grammar gets a word of the same length instead, and every position stays true.

use crate::pattern::Pattern;

use super::{Placeholder, PlaceholderKind};

/// Where a text is used: what counts as a placeholder differs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Code,
    Prose,
}

struct Form {
    kind: PlaceholderKind,
    /// It cannot be in a text that holds none of these: most texts cost only this search.
    signs: &'static [&'static str],
    how: How,
}

/// How a form is found.
#[expect(clippy::large_enum_variant, reason = "ten constants, never moved")]
enum How {
    Pattern(Pattern),
    /// From a byte with the sign, returns the end of the placeholder that begins there. The two
    /// forms that most documents have are found by hand: their patterns cost more than the reading.
    Scan(fn(&str) -> Option<usize>),
}

macro_rules! forms {
    ($($kind:ident, $signs:expr, $how:expr;)*) => {
        [$(Form { kind: PlaceholderKind::$kind, signs: &$signs, how: $how },)*]
    };
}

const fn pattern(text: &'static str) -> How {
    How::Pattern(Pattern::new(&[], text))
}

// `cat <in >out` is no placeholder: no space may stand beside the brackets.
static FORMS: [Form; 10] = forms! {
    Angle, ["<"], How::Scan(angle_end);
    Mustache, ["{{"], pattern(r"\{\{ ?[A-Za-z_][A-Za-z0-9_.-]* ?\}\}");
    Bracket, ["["], How::Scan(bracket_end);
    Bracket, ["P["], pattern(r"\bP\[0-\d\]");
    Date, ["YYYY", "HH:"], pattern(r"YYYY[-/.]?MM[-/.]?DD(?:[-_T ]?HH:?MM(?::?SS)?)?(?: UTC)?|\bHH:MM(?::SS)?\b");
    VersionPattern, [".Y", ".y", ".x", ".X"], pattern(r"\bv?[Xx]\.[Yy]\.[Zz]\b|\bv\d+(?:\.\d+)?\.[xX]\b");
    Blank, ["TBD", "TODO", "FIXME", "CHANGE", "REPLACE_", "XXX"], pattern(r"\b(?:TBD|TODO|FIXME|CHANGEME|CHANGE_ME|REPLACE_ME)\b|\+?\d*-?\bXXX-XXX-XXXX\b|\bXXXX+\b");
    SampleVersion, ["v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9"], pattern(r"\bv\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?\b");
    SampleHost, ["example."], pattern(r"\b(?:[A-Za-z0-9-]+\.)*example\.(?:com|org|net)\b");
    SampleName, ["your-", "NEW_", "YOUR_"], pattern(r"\b(?:[a-z]+/)?your-[a-z][a-z-]*[a-z]\b|\bNEW_\*(?:\.[a-z]+)?|\bYOUR_[A-Z_]+\b");
};

/// Finds placeholders, in order, without overlaps; where two overlap the earlier pattern wins.
pub(super) fn find(text: &str, place: Place) -> Vec<Placeholder> {
    let mut spans: Vec<(usize, usize, PlaceholderKind)> = Vec::new();
    let bytes = Bytes::of(text);
    for form in
        FORMS.iter().filter(|form| form.signs.iter().any(|sign| bytes.may_hold(sign) && text.contains(sign)))
    {
        let mut note = |start, end| {
            if fits(text, start, end, form.kind, place) {
                spans.push((start, end, form.kind));
            }
        };
        match &form.how {
            How::Pattern(pattern) => {
                pattern.find_iter(text).for_each(|found| note(found.start(), found.end()));
            }
            How::Scan(end) => {
                let mut at = 0;
                while let Some(start) = text[at..].find(form.signs[0]).map(|offset| at + offset) {
                    let end = end(&text[start..]).map(|length| start + length);
                    end.into_iter().for_each(|end| note(start, end));
                    at = end.unwrap_or(start + 1);
                }
            }
        }
    }
    // Stable: at equal starts the order of the table decides.
    spans.sort_by_key(|span| span.0);
    let mut end_of_last = 0;
    spans.retain(|span| {
        let free = span.0 >= end_of_last;
        if free {
            end_of_last = span.1;
        }
        free
    });
    locate(text, spans)
}

/// Which bytes a text holds: one pass tells that most signs are not there.
struct Bytes([bool; 256]);

impl Bytes {
    fn of(text: &str) -> Bytes {
        let mut held = [false; 256];
        for byte in text.bytes() {
            held[usize::from(byte)] = true;
        }
        Bytes(held)
    }

    fn may_hold(&self, sign: &str) -> bool {
        sign.bytes().all(|byte| self.0[usize::from(byte)])
    }
}

/// `<name>`, `<two words>`: a letter first, up to eight words, one blank between them.
fn angle_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if !bytes.get(1)?.is_ascii_alphabetic() {
        return None;
    }
    let (mut blanks, mut word) = (0, 0);
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            b'>' => return (word > 0).then_some(at + 1),
            b' ' if word > 0 && blanks < 7 => (blanks, word) = (blanks + 1, 0),
            byte if byte.is_ascii_alphanumeric() || b"_.:/-".contains(byte) => word += 1,
            _ => return None,
        }
    }
    None
}

/// `[Name]`, `[list or "none"]`: 2 to 60 characters on one line, no other bracket.
fn bracket_end(text: &str) -> Option<usize> {
    for (inside, (at, c)) in text.char_indices().skip(1).enumerate() {
        match c {
            ']' => return (inside >= 2).then_some(at + 1),
            '[' | '\n' | '\t' | '`' | '$' | '|' => return None,
            _ if inside == 60 => return None,
            _ => {}
        }
    }
    None
}

fn locate(text: &str, spans: Vec<(usize, usize, PlaceholderKind)>) -> Vec<Placeholder> {
    let (mut line, mut column, mut scanned) = (1u32, 1u32, 0usize);
    let mut placeholders = Vec::with_capacity(spans.len());
    for (start, end, kind) in spans {
        // Counted on from the last one: a line may be as long as the document.
        let between = &text[scanned..start];
        let last_line = between.rfind('\n').map(|at| &between[at + 1..]);
        if last_line.is_some() {
            let ends = between.bytes().filter(|byte| *byte == b'\n').count();
            (line, column) = (line.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX)), 1);
        }
        let characters = last_line.unwrap_or(between).chars().count();
        column = column.saturating_add(u32::try_from(characters).unwrap_or(u32::MAX));
        scanned = start;
        placeholders.push(Placeholder { line, column, start, end, text: text[start..end].to_owned(), kind });
    }
    placeholders
}

fn fits(text: &str, start: usize, end: usize, kind: PlaceholderKind, place: Place) -> bool {
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    let found = &text[start..end];
    match kind {
        PlaceholderKind::Angle => angle(found, before, place),
        PlaceholderKind::Bracket => found.starts_with('P') || bracket(found, &text[..start], after, place),
        PlaceholderKind::Mustache => {
            let name = found.trim_matches(['{', '}', ' ']);
            !matches!(name, "end" | "else" | "range" | "if" | "with" | "define" | "template" | "block")
        }
        // `v20.x` is how lines of releases are called, and branches after them: in a command it is
        // a name. In a text, and as the tag of an image, it stands for a number.
        PlaceholderKind::VersionPattern if found.contains(|c: char| c.is_ascii_digit()) => {
            place == Place::Prose || before == Some(':')
        }
        PlaceholderKind::Blank if found.starts_with("XXX") => place == Place::Prose,
        // `mktemp /tmp/build.XXXXXX` and "TODO list" are no gaps in code.
        PlaceholderKind::Blank => place == Place::Prose || !matches!(found, "TODO" | "FIXME"),
        PlaceholderKind::SampleVersion => {
            before != Some('/') || place == Place::Code || !text[..start].ends_with("actions/")
        }
        _ => true,
    }
}

fn angle(found: &str, before: Option<char>, place: Place) -> bool {
    // `<<EOF>`, `2<in>` and `<(list)` belong to the shell.
    if matches!(before, Some('<' | '&')) {
        return false;
    }
    let name = found.trim_matches(['<', '>']);
    if place == Place::Prose {
        let tag = name.split([' ', '/']).next().unwrap_or_default().to_ascii_lowercase();
        let address = name.contains("://") || name.starts_with("mailto:");
        return !address && !HTML.contains(&tag.as_str());
    }
    true
}

const HTML: [&str; 37] = [
    "a", "b", "br", "code", "details", "summary", "div", "em", "h1", "h2", "h3", "h4", "hr", "i", "img",
    "kbd", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "sup", "table", "tbody", "td", "th",
    "thead", "tr", "u", "ul", "picture", "source", "video", "center",
];

fn bracket(found: &str, text_before: &str, after: Option<char>, place: Place) -> bool {
    let before = text_before.chars().next_back();
    let opens_line =
        text_before.trim_end_matches([' ', '-', '*', '+', '>']).chars().next_back().is_none_or(|c| c == '\n');
    let inner = &found[1..found.len() - 1];
    let words = || inner.chars().filter(|c| c.is_alphabetic()).count() >= 3;
    if !inner.starts_with(|c: char| c.is_alphabetic()) || !words() {
        return false;
    }
    match place {
        // Links `[x](y)`, `[x][y]`, `[x]: y`, footnotes and footers of tables are no gaps; nor is a tag
        // in front of a text: `[HOTFIX] Fix the login`.
        Place::Prose => {
            let tag = opens_line && after == Some(' ') && !inner.contains(' ');
            !matches!(after, Some('(' | '[' | ':'))
                && !matches!(before, Some(']' | '!' | '\\'))
                && !tag
                && !inner.starts_with('^')
        }
        // `${a[index]}`, `.items[name]`, globs `[abc]*` and tests `[ -f x ]` belong to the shell.
        Place::Code => {
            let outside = before
                .is_none_or(|c| c.is_whitespace() || matches!(c, '"' | '\'' | '=' | '/' | ':' | '@' | '-'));
            let plain = inner
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '\'' | '/' | '.' | ','));
            let range = inner.len() == 3 && inner.as_bytes()[1] == b'-';
            outside && plain && !range && !matches!(after, Some('*' | '?' | '[' | '+'))
        }
    }
}

/// Replaces the placeholders that a shell would misread by words of the same length.
pub(super) fn neutral(script: &str, placeholders: &[Placeholder]) -> String {
    let mut text = String::with_capacity(script.len());
    let mut copied = 0;
    for placeholder in placeholders {
        // Only these hold signs of the shell's grammar, and they are ASCII by their patterns.
        let misread = matches!(placeholder.kind, PlaceholderKind::Angle | PlaceholderKind::Mustache);
        if !misread {
            continue;
        }
        text.push_str(&script[copied..placeholder.start]);
        text.extend(std::iter::repeat_n('x', placeholder.end - placeholder.start));
        copied = placeholder.end;
    }
    text.push_str(&script[copied..]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, place: Place, expected: &[&str]) {
        let found: Vec<String> = find(text, place).into_iter().map(|p| p.text).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn code() {
        let table: [(&str, &[&str]); 24] = [
            ("psql -f supabase/migrations/<new_migration>.sql", &["<new_migration>"]),
            (
                "git tag -a v1.2.3 -m \"Release v1.2.3: <description>\"",
                &["v1.2.3", "v1.2.3", "<description>"],
            ),
            ("vercel promote <deployment-url> --prod", &["<deployment-url>"]),
            ("psql \"$X\" < prod-backup-YYYYMMDD-HHMMSS.sql", &["YYYYMMDD-HHMMSS"]),
            ("docker push <registry>/icupa-agents:<sha>", &["<registry>", "<sha>"]),
            ("sort <infile >outfile", &[]),
            ("cat <<EOF >file\nx\nEOF", &[]),
            ("diff <(a) <(b)", &[]),
            ("if [ -f x ]; then echo; fi", &[]),
            ("ls [abc]*.sql", &[]),
            ("echo ${list[index]}", &[]),
            ("docker ps --format '{{.Names}}'", &[]),
            ("helm template '{{ version }}'", &["{{ version }}"]),
            ("for m in supabase/migrations/NEW_*.sql; do", &["NEW_*.sql"]),
            ("git checkout -b feature/your-feature-name", &["feature/your-feature-name"]),
            ("echo \"due to [reason]\"", &["[reason]"]),
            ("curl https://staging.example.com/health", &["staging.example.com"]),
            ("mktemp /tmp/x.XXXXXX", &[]),
            ("grep '[A-Z]' x", &[]),
            ("[[ $a == b ]] && echo \"<none>\"", &["<none>"]),
            ("tag: vX.Y.Z", &["vX.Y.Z"]),
            ("<a b c d e f g h> <a b c d e f g h i> <a  b> <a > <1> <ab", &["<a b c d e f g h>"]),
            ("<a<b>", &["<b>"]),
            ("", &[]),
        ];
        for (text, expected) in table {
            check(text, Place::Code, expected);
        }
    }

    #[test]
    fn prose() {
        let table: [(&str, &[&str]); 18] = [
            ("Release Manager: [name, contact]", &["[name, contact]"]),
            ("Database migrations: [list or \"none\"]", &["[list or \"none\"]"]),
            ("see [Smoke Tests](#smoke-tests)", &[]),
            ("- [ ] done\n- [x] done", &[]),
            ("- [Feature] New search", &[]),
            ("Severity: P[0-3]", &["P[0-3]"]),
            ("Started: YYYY-MM-DD HH:MM UTC", &["YYYY-MM-DD HH:MM UTC"]),
            ("- HH:MM - Detection", &["HH:MM"]),
            ("Tag release: vX.Y.Z", &["vX.Y.Z"]),
            ("Primary: [Name] (+1-XXX-XXX-XXXX)", &["[Name]", "+1-XXX-XXX-XXXX"]),
            ("| Release Manager | TBD |", &["TBD"]),
            ("<details><summary>More</summary>", &[]),
            ("<https://a.b/c>", &[]),
            ("under /GO-LIVE/artifacts/<release-tag>/", &["<release-tag>"]),
            ("Impact: [Users affected, services impacted]", &["[Users affected, services impacted]"]),
            ("🚨 INCIDENT: [Title]", &["[Title]"]),
            ("[ref]: https://x", &[]),
            ("Next steps: [What's being done]", &["[What's being done]"]),
        ];
        for (text, expected) in table {
            check(text, Place::Prose, expected);
        }
    }

    #[test]
    fn places_on_one_line_count_on() {
        let found = find("<a> é <b> <c>\n\n<d>", Place::Code);
        let places: Vec<(u32, u32)> = found.iter().map(|p| (p.line, p.column)).collect();
        assert_eq!(places, [(1, 1), (1, 7), (1, 11), (3, 1)]);
    }

    #[test]
    fn places_count_characters_and_lines() {
        let found = find("é\né <a> x\n<b>", Place::Code);
        let places: Vec<(u32, u32)> = found.iter().map(|p| (p.line, p.column)).collect();
        assert_eq!(places, [(2, 3), (3, 1)]);
    }

    #[test]
    fn neutral_text_keeps_every_position() {
        let script = "a <x-y> {{ v }} [Name] z";
        let neutral = neutral(script, &find(script, Place::Code));
        assert_eq!(neutral, "a xxxxx xxxxxxx [Name] z");
    }
}
