//! Reads durations as people write them.

use tminus_release::time::Span;

use super::DurationError;

const LONGEST_MILLISECONDS: f64 = 1000.0 * 365.0 * 86_400_000.0;

/// Reads a whole text as one duration.
pub(super) fn parse(text: &str) -> Result<Span, DurationError> {
    let trimmed = text.trim().trim_matches(['`', '*', '"', '\'']);
    let unreadable = || DurationError::Unreadable(text.trim().to_owned());
    // `T-2 days` and `T+1 hour` name a point in time; the distance is what counts here.
    let body =
        trimmed.strip_prefix("T-").or_else(|| trimmed.strip_prefix("T+")).unwrap_or(trimmed).trim_start();
    let body = body.trim_start_matches(['>', '≥', '~', '<', '≤', '=']).trim_start();
    let mut rest = body;
    let mut milliseconds = 0.0;
    let mut parts = 0;
    while !rest.is_empty() {
        let (number, after) = number(rest).ok_or_else(unreadable)?;
        let (number, after) = range(number, after);
        let after = after.trim_start_matches('+');
        let (unit, after) = unit(after);
        let factor = match unit {
            "" if number == 0.0 && after.trim().is_empty() => 1.0,
            "" => {
                return Err(if after.trim().is_empty() {
                    DurationError::NoUnit(text.trim().to_owned())
                } else {
                    unreadable()
                });
            }
            unit => factor(unit).ok_or_else(unreadable)?,
        };
        milliseconds += number * factor;
        parts += 1;
        let after = after.trim_start().trim_start_matches(',').trim_start();
        rest = after.strip_prefix("and ").unwrap_or(after);
    }
    if parts == 0 {
        return Err(unreadable());
    }
    if milliseconds > LONGEST_MILLISECONDS {
        return Err(DurationError::TooLong(text.trim().to_owned()));
    }
    // Positive and below 2^53 by the check above, so that the conversion is exact.
    Ok(Span(milliseconds.round() as u64))
}

/// Reads a number or a number word; returns it with what follows.
pub(super) fn number(text: &str) -> Option<(f64, &str)> {
    const WORDS: [(&str, f64); 13] = [
        ("one", 1.0),
        ("two", 2.0),
        ("three", 3.0),
        ("four", 4.0),
        ("five", 5.0),
        ("six", 6.0),
        ("ten", 10.0),
        ("fifteen", 15.0),
        ("twenty", 20.0),
        ("thirty", 30.0),
        ("sixty", 60.0),
        ("an", 1.0),
        ("a", 1.0),
    ];
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(text.len());
    let digits = text[..end].trim_end_matches(['.', ',']);
    if digits.starts_with(|c: char| c.is_ascii_digit()) {
        // `6,000` is six thousand; `1,5` is not accepted as one and a half.
        let grouped =
            digits.split(',').skip(1).all(|group| group.split('.').next().is_some_and(|g| g.len() == 3));
        let value = digits.replace(',', "").parse().ok()?;
        return grouped.then_some((value, &text[digits.len()..]));
    }
    WORDS.iter().find_map(|(word, value)| {
        let rest = text.strip_prefix(word).or_else(|| {
            text.get(..word.len()).filter(|t| t.eq_ignore_ascii_case(word)).map(|_| &text[word.len()..])
        })?;
        rest.starts_with([' ', '-']).then_some((*value, rest))
    })
}

/// `10-15 minutes`: the longer end.
fn range(first: f64, after: &str) -> (f64, &str) {
    let trimmed = after.trim_start();
    let Some(rest) = trimmed.strip_prefix(['-', '–', '—']).or_else(|| trimmed.strip_prefix("to ")) else {
        return (first, after);
    };
    match number(rest.trim_start()) {
        Some((second, rest)) => (first.max(second), rest),
        None => (first, after),
    }
}

/// Takes the unit's letters off, with a hyphen or words such as `business` in front.
pub(super) fn unit(text: &str) -> (&str, &str) {
    let mut body = text.trim_start_matches([' ', '-', '\u{a0}', '\u{202f}']);
    for word in ["business ", "working ", "consecutive ", "full ", "calendar "] {
        body = body.strip_prefix(word).unwrap_or(body);
    }
    let end = body.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(body.len());
    (&body[..end], &body[end..])
}

/// Milliseconds of a unit.
pub(super) fn factor(unit: &str) -> Option<f64> {
    let factor = match unit.to_ascii_lowercase().as_str() {
        "ms" | "msec" | "millisecond" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1000.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000.0,
        "d" | "day" | "days" => 86_400_000.0,
        "w" | "wk" | "week" | "weeks" => 604_800_000.0,
        "month" | "months" => 30.0 * 86_400_000.0,
        _ => return None,
    };
    Some(factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_as_people_write_them() {
        let table: [(&str, u64); 24] = [
            ("4h", 14_400),
            ("90s", 90),
            ("15m", 900),
            ("1h 30m", 5400),
            ("1 h 30 min", 5400),
            ("2+ minutes", 120),
            ("T-2 days", 172_800),
            ("T+1 hour", 3600),
            ("4 hours", 14_400),
            ("30-minute", 1800),
            ("10-15 minutes", 900),
            ("1-3 business days", 259_200),
            ("> 2 minutes", 120),
            ("five minutes", 300),
            ("an hour", 3600),
            ("0", 0),
            ("0s", 0),
            ("1 hour and 5 minutes", 3900),
            ("24-48 hours", 172_800),
            ("1.5h", 5400),
            ("6,000 s", 6000),
            ("`5m`", 300),
            ("1w", 604_800),
            ("1d", 86_400),
        ];
        for (text, seconds) in table {
            assert_eq!(parse(text), Ok(Span::seconds(seconds)), "{text}");
        }
        assert_eq!(parse("250ms"), Ok(Span(250)));
    }

    #[test]
    fn what_cannot_be_read_says_how_to_write_it() {
        for text in ["", "soon", "Variable", "Immediate", "4 parsecs", "minutes", "5 m later", "1,5 h", "-3s"]
        {
            assert!(matches!(parse(text), Err(DurationError::Unreadable(_))), "{text}: {:?}", parse(text));
        }
        assert!(matches!(parse("15"), Err(DurationError::NoUnit(_))));
        assert!(matches!(parse("99999999 months"), Err(DurationError::TooLong(_))));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}|[0-9smhd+,. -]{0,20}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_shown_is_read_back(seconds in 0u64..10_000_000) {
            let span = Span::seconds(seconds);
            let back = parse(&span.to_string()).unwrap();
            // Only the two largest units are shown.
            prop_assert!(back.0 <= span.0 && span.0 - back.0 < 86_400_000);
        }
    }
}
