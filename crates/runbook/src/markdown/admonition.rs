//! Admonitions as MkDocs writes them (`!!! danger "Title"`, `??? note`, `???+ tip`): what is indented
//! below is their text, with fences and lists of its own.
//!
//! CommonMark reads that text as part of the line above, or as code. Here the sign becomes that of
//! a list item, whose text is indented by the same four columns; every byte stays where it was.
//! Nothing but that one line is changed, and only outside of code.
//! (squidfunk.github.io/mkdocs-material/reference/admonitions)

use std::borrow::Cow;

/// Returns the text with each admonition as a list item, of the same length.
pub(super) fn as_items(text: &str) -> Cow<'_, str> {
    if !["!!! ", "??? ", "???+ "].iter().any(|sign| text.contains(sign)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    // The signs and number of the fence that is open.
    let mut fence: Option<(char, usize)> = None;
    for line in text.split_inclusive('\n') {
        let inner = line.trim_start_matches([' ', '\t']);
        let sign = inner.chars().next().unwrap_or(' ');
        let width = inner.len() - inner.trim_start_matches(sign).len();
        if matches!(sign, '`' | '~') && width >= 3 {
            fence = match fence {
                None => Some((sign, width)),
                Some((open, least)) if open == sign && width >= least && inner[width..].trim().is_empty() => {
                    None
                }
                open => open,
            };
        } else if fence.is_none() && opens(inner) {
            out.push_str(&line[..line.len() - inner.len()]);
            out.push_str("-   ");
            // The fourth sign of `???+` leaves a blank at the end, where it has no meaning.
            let body = inner[3..].trim_end_matches(['\r', '\n']);
            let ends = &inner[3 + body.len()..];
            let title = body.strip_prefix('+').unwrap_or(body).trim_start();
            out.push_str(title);
            out.extend(std::iter::repeat_n(' ', 3 + body.len() - 4 - title.len()));
            out.push_str(ends);
            continue;
        }
        out.push_str(line);
    }
    Cow::Owned(out)
}

/// `!!! danger`, `??? note "Title"`, `???+ tip`: a sign, one blank, and a word.
fn opens(line: &str) -> bool {
    let rest = ["!!! ", "??? ", "???+ "].iter().find_map(|sign| line.strip_prefix(sign));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_of_an_admonition_becomes_an_items() {
        let table = [
            ("!!! danger \"No\"\n\n    x\n", "-   danger \"No\"\n\n    x\n"),
            ("??? note\r\n    x\r\n", "-   note\r\n    x\r\n"),
            ("???+ tip \"T\"\n", "-   tip \"T\" \n"),
            ("  !!! note\n", "  -   note\n"),
            ("!!! 5\n", "!!! 5\n"),
            ("a !!! note\n", "a !!! note\n"),
            ("```\n!!! note\n```\n!!! note", "```\n!!! note\n```\n-   note"),
            ("~~~\n```\n!!! note\n~~~\n!!! n", "~~~\n```\n!!! note\n~~~\n-   n"),
        ];
        for (text, expected) in table {
            let items = as_items(text);
            assert_eq!(items, expected);
            assert_eq!(items.len(), text.len());
        }
    }
}
