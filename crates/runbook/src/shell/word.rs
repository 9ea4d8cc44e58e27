//! What one word of a command holds: its text without quotes, variables, inner commands.

use brush_parser::ParserOptions;
use brush_parser::word::{WordPiece, WordPieceWithSource};

/// A word taken apart.
#[derive(Debug, Default)]
pub(super) struct WordFacts {
    /// Quotes removed, expansions as written.
    pub(super) value: String,
    /// Variables that it reads.
    pub(super) reads: Vec<Read>,
    /// Offset in the word and text of each command substitution.
    pub(super) inner: Vec<(usize, String)>,
    /// True when it reads `$?`.
    pub(super) status: bool,
    /// True when it is quoted as a whole.
    pub(super) quoted: bool,
}

/// One use of a variable.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) name: String,
    /// `${NAME:-value}`: the script does without it.
    pub(super) has_default: bool,
    /// `${NAME:?}`: the script stops by itself when it is missing.
    pub(super) stops: bool,
    /// Between double quotes, so that its value stays one word.
    pub(super) quoted: bool,
}

/// Takes a word apart. `neutral` is what the grammar saw, `original` the same bytes as written.
pub(super) fn read(neutral: &str, original: &str) -> WordFacts {
    let original = if original.len() == neutral.len() { original } else { neutral };
    let mut facts = WordFacts { quoted: is_quoted(neutral), ..WordFacts::default() };
    // Most words have nothing that a shell would expand or unquote; the word grammar is for the rest.
    if !neutral.bytes().any(|byte| matches!(byte, b'$' | b'`' | b'\\' | b'"' | b'\'')) {
        facts.value = original.to_owned();
        return facts;
    }
    if counts_too_far(neutral) || open_indices(neutral) > 0 {
        facts.value = brush_parser::unquote_str(original);
        return facts;
    }
    match brush_parser::word::parse(neutral, &ParserOptions::default()) {
        Ok(pieces) => collect(&pieces, original, false, &mut facts),
        Err(_) => facts.value = brush_parser::unquote_str(original),
    }
    facts
}

/// Tells whether a `~` stands with a number in which the word grammar does not expect so many
/// digits: it would end the whole program.
fn counts_too_far(word: &str) -> bool {
    const MOST_DIGITS: usize = 9;
    word.contains('~') && word.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > MOST_DIGITS)
}

/// Counts the `${name[` of a word that are not closed: the grammar tries what follows again for each
/// way to read them, and a few such places in one word take for ever.
pub(super) fn open_indices(word: &str) -> usize {
    let opened = word.match_indices("${").filter(|(at, _)| {
        let name = word[at + 2..].trim_start_matches(|c: char| c.is_alphanumeric() || "_#!@*".contains(c));
        name.strip_prefix('[').is_some_and(|index| !is_closed(index))
    });
    opened.count()
}

/// Tells whether `]` comes before the end of the expansion that the index stands in.
fn is_closed(index: &str) -> bool {
    let (mut depth, mut before) = (0_usize, ' ');
    for c in index.chars() {
        match c {
            '{' if before == '$' => depth += 1,
            '}' if depth == 0 => return false,
            '}' => depth -= 1,
            ']' if depth == 0 => return true,
            _ => {}
        }
        before = c;
    }
    false
}

fn is_quoted(word: &str) -> bool {
    word.len() > 1 && ['"', '\''].iter().any(|quote| word.starts_with(*quote) && word.ends_with(*quote))
}

fn collect(pieces: &[WordPieceWithSource], original: &str, quoted: bool, facts: &mut WordFacts) {
    for piece in pieces {
        let written = original.get(piece.start_index..piece.end_index).unwrap_or_default();
        match &piece.piece {
            WordPiece::SingleQuotedText(_) => facts.value.push_str(inside(written, 1, 1)),
            WordPiece::AnsiCQuotedText(_) => facts.value.push_str(inside(written, 2, 1)),
            WordPiece::DoubleQuotedSequence(inner) | WordPiece::GettextDoubleQuotedSequence(inner) => {
                collect(inner, original, true, facts);
            }
            WordPiece::EscapeSequence(_) => {
                facts.value.push_str(written.strip_prefix('\\').unwrap_or(written).trim_start_matches('\n'))
            }
            WordPiece::ParameterExpansion(_) => {
                facts.value.push_str(written);
                parameter(written, quoted, facts);
            }
            WordPiece::CommandSubstitution(script) => {
                facts.value.push_str(written);
                facts.inner.push((piece.start_index + 2, script.clone()));
            }
            WordPiece::BackquotedCommandSubstitution(script) => {
                facts.value.push_str(written);
                facts.inner.push((piece.start_index + 1, script.clone()));
            }
            WordPiece::ArithmeticExpression(_) => {
                facts.value.push_str(written);
                for name in names(written) {
                    facts.reads.push(Read { name, has_default: true, stops: false, quoted: true });
                }
            }
            WordPiece::Text(_) | WordPiece::TildeExpansion(_) => facts.value.push_str(written),
        }
    }
}

fn inside(written: &str, front: usize, back: usize) -> &str {
    written.get(front..written.len().saturating_sub(back)).unwrap_or(written)
}

/// Reads `$NAME`, `${NAME}`, `${NAME:-default}`, `${#NAME}`, `${!NAME}`, `$?`.
fn parameter(written: &str, quoted: bool, facts: &mut WordFacts) {
    let Some(rest) = written.strip_prefix('$') else { return };
    if rest == "?" || rest.starts_with("{?") {
        facts.status = true;
        return;
    }
    let braced = rest.strip_prefix('{');
    let rest = braced.map_or(rest, |inner| inner.trim_start_matches(['#', '!']));
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (name, operator) = rest.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return;
    }
    let operator = operator.strip_prefix(':').unwrap_or(operator);
    // `${X:?message}` fails loudly by itself: it needs X.
    let has_default = braced.is_some() && operator.starts_with(['-', '=', '+']);
    // `${#NAME}` is a number: it is one word whatever the value is.
    let quoted = quoted || written.starts_with("${#");
    let stops = braced.is_some() && operator.starts_with('?');
    facts.reads.push(Read { name: name.to_owned(), has_default, stops, quoted });
    if has_default {
        for name in operator.split('$').skip(1).flat_map(|text| names(text).into_iter().take(1)) {
            facts.reads.push(Read { name, has_default: true, stops: false, quoted: true });
        }
    }
}

fn names(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
        .map(str::to_owned)
        .collect()
}
