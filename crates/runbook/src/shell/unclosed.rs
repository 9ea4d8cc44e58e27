//! Where something begins that a script never closes.
//!
//! The grammar's parser tells where the text ended, or where the last quote began; a person looks
//! for the place where it was opened.

use brush_parser::{Token, TokenizerError};

/// Line, column and reason.
type Told = (u32, u32, String);

/// A block that is open, and what would close it.
struct Open<'t> {
    word: &'t str,
    closing: &'static str,
    line: usize,
    column: usize,
}

/// Follows the blocks of a script; `visit` sees how many are open at each token.
fn follow<'t>(tokens: &'t [Token], mut visit: impl FnMut(usize, &Token) -> bool) -> Vec<Open<'t>> {
    // A `)` behind a pattern of `case` closes nothing.
    let mut open: Vec<Open<'t>> = Vec::new();
    let mut starts_command = true;
    for token in tokens {
        let (text, location) = match token {
            Token::Operator(text, location) | Token::Word(text, location) => (text.as_str(), location),
        };
        let closing = match text {
            "(" => Some(")"),
            "((" => Some("))"),
            "{" if starts_command => Some("}"),
            "case" if starts_command => Some("esac"),
            "if" if starts_command => Some("fi"),
            "while" | "until" | "for" if starts_command => Some("done"),
            _ => None,
        };
        if let Some(closing) = closing {
            let (line, column) = (location.start.line, location.start.column);
            open.push(Open { word: text, closing, line, column });
        } else if open.last().is_some_and(|last| last.closing == text) {
            open.pop();
        }
        if visit(open.len(), token) {
            break;
        }
        starts_command = matches!(token, Token::Operator(..))
            || matches!(text, "then" | "do" | "else" | "elif" | "{" | "!" | "if" | "while" | "until");
    }
    open
}

/// Returns the line on which blocks nest deeper than `most`.
pub(super) fn deeper_than(most: usize, tokens: &[Token]) -> Option<u32> {
    let mut found = None;
    follow(tokens, |depth, token| {
        if depth > most {
            found = Some(number(token.location().start.line));
        }
        found.is_some()
    });
    found
}

/// Returns where the innermost block begins that is open at the end.
pub(super) fn block(tokens: &[Token]) -> Option<Told> {
    let open = follow(tokens, |_, _| false).pop()?;
    let reason = format!("`{}` is never closed: there is no `{}` for it", open.word, open.closing);
    Some((number(open.line), number(open.column), reason))
}

/// Returns where a quote, a substitution or a here-document begins that made the tokenizer give up.
pub(super) fn text(error: &TokenizerError, script: &str) -> Told {
    let quote = |sign: char, name: &str, line: usize, column: usize| {
        // What is open on a line of its own, and on no other, is what was forgotten.
        let mut odd = (1_u32..).zip(script.lines()).filter(|(_, line)| leaves_open(line, sign));
        let at = match (odd.next(), odd.next()) {
            (Some((alone, text)), None) => {
                let byte = text.rfind(sign).unwrap_or(0);
                (alone, number(text[..byte].chars().count() + 1))
            }
            _ => (number(line), number(column)),
        };
        (at.0.max(1), at.1.max(1), format!("a {name} is opened and never closed"))
    };
    match error {
        TokenizerError::UnterminatedSingleQuote(at) => quote('\'', "single quote", at.line, at.column),
        TokenizerError::UnterminatedDoubleQuote(at) => quote('"', "double quote", at.line, at.column),
        TokenizerError::UnterminatedBackquote(at) => quote('`', "backquote", at.line, at.column),
        TokenizerError::UnterminatedCommandSubstitution
        | TokenizerError::UnterminatedExpansion
        | TokenizerError::UnterminatedVariable => {
            let (line, column, sign) = expansion(script).unwrap_or((1, 1, "$("));
            (line, column, format!("`{sign}` is opened and never closed"))
        }
        other => (1, 1, other.to_string()),
    }
}

/// Tells whether a line that begins outside of quotes ends inside of one.
fn leaves_open(line: &str, sign: char) -> bool {
    let mut open = None;
    let (mut escaped, mut before) = (false, ' ');
    for c in line.chars() {
        match (c, open) {
            _ if escaped => escaped = false,
            ('\\', None | Some('"' | '`')) => escaped = true,
            ('#', None) if before.is_whitespace() => return false,
            ('"' | '\'' | '`', None) => open = Some(c),
            (c, Some(quote)) if c == quote => open = None,
            _ => {}
        }
        before = c;
    }
    open == Some(sign)
}

/// The outermost `$(` or `${` that is open at the end.
fn expansion(script: &str) -> Option<(u32, u32, &'static str)> {
    let mut open: Vec<(u32, u32, &'static str, char)> = Vec::new();
    for (line, text) in (1_u32..).zip(script.lines()) {
        let mut before = ' ';
        for (column, c) in (1_u32..).zip(text.chars()) {
            match c {
                '(' if before == '$' => open.push((line, column - 1, "$(", ')')),
                '(' => open.push((line, column, "(", ')')),
                '{' if before == '$' => open.push((line, column - 1, "${", '}')),
                c if open.last().is_some_and(|last| last.3 == c) => drop(open.pop()),
                _ => {}
            }
            before = c;
        }
    }
    open.into_iter().find(|found| found.2 != "(").map(|(line, column, sign, _)| (line, column, sign))
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
