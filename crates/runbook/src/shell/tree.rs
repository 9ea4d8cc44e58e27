//! Parses a script, with limits: the grammar's own parser backtracks and recurses.

use std::ops::Range;

use brush_parser::ast::Program;
use brush_parser::{ParseError, ParserOptions, Token, parse_tokens, uncached_tokenize_str};

use super::unclosed;

/// Deeper brackets than any script that a person wrote; beyond it the parser's stack is at risk.
const DEEPEST_BRACKETS: usize = 64;

/// Deeper subshells, conditions and loops than any script that a person wrote. The parser tries
/// each of them again for each way to read the one around it: time doubles with every level.
const DEEPEST_BLOCKS: usize = 10;

/// The same for `$[…]`, which was arithmetic once, in one word.
const DEEPEST_SQUARE: usize = 4;

/// Brackets that one word opens and does not close, as the text of a here-document in `$(…)` may. The
/// parser looks for the end of each of them, and time doubles with each.
const MOST_OPEN: usize = 8;

/// Longer scripts are not read as shell: no runbook holds one, and parsing takes memory.
const LONGEST_BYTES: usize = 1 << 20;

/// A script's tokens and, where the shell accepts it, its tree.
pub(super) struct Tree {
    /// Where tokens stand, as ranges of characters; comments lie outside of them.
    pub(super) tokens: Vec<(usize, usize)>,
    /// False when quotes are not closed, so that `tokens` tells nothing.
    pub(super) tokenized: bool,
    /// The commands.
    pub(super) program: Option<Program>,
    /// Line, column and reason.
    pub(super) error: Option<(u32, u32, String)>,
}

/// Parses a script whose placeholders have been made neutral.
pub(super) fn parse(script: &str) -> Tree {
    let refused = |line: u32, reason: &str| Tree {
        tokens: Vec::new(),
        tokenized: false,
        program: None,
        error: Some((line, 1, reason.to_owned())),
    };
    if script.len() > LONGEST_BYTES {
        return refused(1, "longer than 1 MiB: put it into a script file");
    }
    if let Some(line) = too_deep(script) {
        return refused(line, TOO_DEEP);
    }
    if let Some(line) = odd_here_document(script) {
        return refused(line, "the here-document has no end, or one that is no plain word");
    }
    let options = ParserOptions::default();
    let tokens = match uncached_tokenize_str(script, &options.tokenizer_options()) {
        Ok(tokens) => tokens,
        Err(error) => {
            let error = Some(unclosed::text(&error, script));
            return Tree { tokens: Vec::new(), tokenized: false, program: None, error };
        }
    };
    // A line's end is a token that begins where a comment before it began.
    let is_line_end = |token: &&Token| matches!(token, Token::Operator(text, _) if text.starts_with('\n'));
    let spans = tokens.iter().filter(|token| !is_line_end(token)).map(span).collect();
    let too_much = unclosed::deeper_than(DEEPEST_BLOCKS, &tokens).map(|line| (line, TOO_DEEP));
    let refusal = too_much.or_else(|| number_too_large(&tokens)).or_else(|| word_out_of_hand(&tokens));
    if let Some((line, reason)) = refusal {
        return Tree {
            tokens: spans,
            tokenized: true,
            program: None,
            error: Some((line, 1, reason.to_owned())),
        };
    }
    match parse_tokens(&tokens, &options) {
        Ok(program) => Tree { tokens: spans, tokenized: true, program: Some(program), error: None },
        Err(error) => Tree {
            tokens: spans,
            tokenized: true,
            program: None,
            error: Some(place(&error, &tokens, script)),
        },
    }
}

/// Returns the line of a redirection whose number is none of a file: the grammar's parser takes it
/// for a small number without looking, and would end the whole program.
fn number_too_large(tokens: &[Token]) -> Option<(u32, &'static str)> {
    tokens.windows(2).find_map(|pair| match pair {
        [Token::Word(number, at), Token::Operator(sign, sign_at)]
            if sign.starts_with(['<', '>'])
                && at.end.index == sign_at.start.index
                && number.bytes().all(|byte| byte.is_ascii_digit())
                && number.parse::<u16>().is_err() =>
        {
            let line = u32::try_from(at.start.line).unwrap_or(u32::MAX);
            Some((line, "the number in front of `<` or `>` is no open file"))
        }
        _ => None,
    })
}

/// Returns the line of a word in which several indices of variables or many brackets are not closed, or
/// brackets nest without end. The grammar's parser looks for an assignment in it, and time doubles with each of them.
fn word_out_of_hand(tokens: &[Token]) -> Option<(u32, &'static str)> {
    const MOST: usize = 1;
    tokens.iter().find_map(|token| match token {
        Token::Word(word, at) if word.contains("${") && super::word::open_indices(word) > MOST => {
            let line = u32::try_from(at.start.line).unwrap_or(u32::MAX);
            Some((line, "`${…[` is not closed"))
        }
        Token::Word(word, at) if word.contains("$[") && deepest_square(word) > DEEPEST_SQUARE => {
            Some((u32::try_from(at.start.line).unwrap_or(u32::MAX), TOO_DEEP))
        }
        Token::Word(word, at) if opens_more_than(MOST_OPEN, word) => {
            Some((u32::try_from(at.start.line).unwrap_or(u32::MAX), TOO_DEEP))
        }
        _ => None,
    })
}

/// Tells whether a word opens so many more round brackets than it closes.
fn opens_more_than(most: usize, word: &str) -> bool {
    word.matches('(').count() > word.matches(')').count() + most
}

/// Counts how deep square brackets nest, from the first `$[` of a word on.
fn deepest_square(word: &str) -> usize {
    let from = word.find("$[").unwrap_or(word.len());
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in word[from..].bytes() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Returns the line of a here-document whose end is no plain word (`<<END$(x)`, `<<''`, a quote that
/// stays open), or never comes inside `$(…)` or `${…}`. The tokenizer then never ends, or ends the
/// whole program.
fn odd_here_document(script: &str) -> Option<u32> {
    if !script.contains("<<") {
        return None;
    }
    let lines: Vec<&str> = script.lines().collect();
    let (mut nested, mut count) = (false, 0);
    // Whether it is certain which of the quotes so far are open: none.
    let mut is_plain = !script.contains("$'");
    for (number, line) in (1u32..).zip(&lines) {
        let quoted = quoted_parts(line).filter(|_| is_plain && !nested);
        is_plain &= quoted.is_some();
        for at in here_document_signs(line) {
            // `grep '<<' file` looks for the sign.
            let is_text = |part: &Range<usize>| part.contains(&at) && !line[..at].contains(NESTS);
            if quoted.iter().flatten().any(is_text) {
                continue;
            }
            is_plain = false;
            let (before, after) = (&line[..at], &line[at + 2..]);
            let is_shift = before.rfind("((").is_some_and(|open| !before[open..].contains("))"));
            if is_shift {
                continue;
            }
            // Only these stand between words; a carriage return would be a part of the name.
            let word = after.strip_prefix('-').unwrap_or(after).trim_start_matches([' ', '\t']);
            let end = word.find(|c: char| c.is_whitespace() || ";|&<>)".contains(c)).unwrap_or(word.len());
            count += 1;
            // What is opened behind the sign must be closed before its text begins.
            if leaves_open(after) {
                return Some(number);
            }
            let inside = nested || before.contains(NESTS);
            // Each one costs a reading of what follows; no script of a person has that many.
            let Some(tag) = plain_word(&word[..end]).filter(|_| count <= 200) else { return Some(number) };
            if inside && !lines[number as usize..].iter().any(|line| line.trim_start().starts_with(tag)) {
                return Some(number);
            }
        }
        nested |= line.contains(NESTS);
    }
    None
}

/// Tells whether the rest of a line opens an expansion that it does not close.
fn leaves_open(rest: &str) -> bool {
    let opens = |open: u8, close: u8| {
        let (mut depth, mut before) = (0_usize, b' ');
        for byte in rest.bytes() {
            match byte {
                _ if byte == open && before == b'$' => depth += 1,
                // One that closes nothing does not close what comes behind it either.
                _ if byte == close => depth = depth.saturating_sub(1),
                _ => {}
            }
            before = byte;
        }
        depth > 0
    };
    opens(b'{', b'}') || opens(b'(', b')') || rest.matches('`').count() % 2 == 1
}

/// Returns the quoted parts of a line that begins outside of quotes; none when it ends inside of
/// some.
fn quoted_parts(line: &str) -> Option<Vec<Range<usize>>> {
    let mut parts = Vec::new();
    let mut open: Option<(u8, usize)> = None;
    let (mut escaped, mut before) = (false, b' ');
    for (at, byte) in line.bytes().enumerate() {
        match (byte, open) {
            _ if escaped => escaped = false,
            (b'\\', None | Some((b'"', _))) => escaped = true,
            (b'#', None) if before.is_ascii_whitespace() || before == b';' => return Some(parts),
            (b'"' | b'\'', None) => open = Some((byte, at)),
            (_, Some((quote, start))) if quote == byte => {
                parts.push(start..at);
                open = None;
            }
            _ => {}
        }
        before = byte;
    }
    // A line that goes on may go on inside of a word.
    (open.is_none() && !escaped).then_some(parts)
}

/// Returns where each `<<` of a line stands. Three signs in a row are taken for `<<<` first, so a
/// here-document begins with the last two of 2, 5, 8, …
fn here_document_signs(line: &str) -> impl Iterator<Item = usize> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(start) = line[at..].find("<<").map(|offset| at + offset) {
            at = start + line[start..].bytes().take_while(|byte| *byte == b'<').count();
            if (at - start) % 3 == 2 {
                return Some(at - 2);
            }
        }
        None
    })
}

/// What the tokenizer reads by itself, inside of a word.
const NESTS: [char; 3] = ['`', '(', '{'];

/// Returns a word without its quotes, when these are all around it and it holds nothing else that a
/// shell reads.
fn plain_word(word: &str) -> Option<&str> {
    let quoted = |quote| word.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    let plain = quoted('"').or(quoted('\'')).or(word.strip_prefix('\\')).unwrap_or(word);
    (!plain.is_empty() && !plain.contains(['"', '\'', '\\', '$', '`', '(', '#'])).then_some(plain)
}

const TOO_DEEP: &str = "nested too deeply to be read: put it into a script file";

fn span(token: &Token) -> (usize, usize) {
    let location = token.location();
    (location.start.index, location.end.index)
}

fn place(error: &ParseError, tokens: &[Token], script: &str) -> (u32, u32, String) {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    match error {
        ParseError::ParsingNear(at) => {
            (number(at.line), number(at.column), "the shell does not accept this".to_owned())
        }
        ParseError::ParsingAtEndOfInput => {
            if let Some(open) = unclosed::block(tokens) {
                return open;
            }
            let lines = script.trim_end().lines().count().max(1);
            let width = script.trim_end().lines().last().map_or(0, |line| line.chars().count());
            (number(lines), number(width + 1), "something that was opened is not closed".to_owned())
        }
        ParseError::Tokenizing { inner, position } => {
            let (line, column) = position.as_ref().map_or((1, 1), |at| (number(at.line), number(at.column)));
            (line, column, inner.to_string())
        }
    }
}

/// Returns the line on which brackets nest beyond [`DEEPEST_BRACKETS`].
///
/// Counts without regard to quotes: an estimate from above, never from below.
fn too_deep(script: &str) -> Option<u32> {
    let (mut depth, mut backticks) = (0usize, 0usize);
    for (line, text) in (1u32..).zip(script.lines()) {
        for character in text.bytes() {
            match character {
                b'(' | b'{' => depth += 1,
                b')' | b'}' => depth = depth.saturating_sub(1),
                b'`' => backticks += 1,
                _ => {}
            }
        }
        if depth > DEEPEST_BRACKETS || backticks > 1000 {
            return Some(line);
        }
    }
    None
}
