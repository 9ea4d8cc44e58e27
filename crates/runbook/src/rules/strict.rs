//! Reads one rule strictly: `metric op number unit [for duration]`.

use tminus_release::plan::Comparison;
use tminus_release::time::Span;

use super::{ParsedRule, RuleError, duration, metric, prose};

/// Signs, the longer ones first.
pub(super) const SIGNS: [(&str, Comparison); 11] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("≥", Comparison::AtLeast),
    ("≤", Comparison::AtMost),
    ("≠", Comparison::NotEqual),
    ("=", Comparison::Equal),
    (">", Comparison::Greater),
    ("<", Comparison::Less),
    ("=>", Comparison::AtLeast),
];

/// Reads a rule.
pub(super) fn parse_rule(text: &str) -> Result<ParsedRule, RuleError> {
    let whole = text.trim();
    let at = whole
        .find(['<', '>', '=', '!', '≥', '≤', '≠'])
        .ok_or_else(|| RuleError::NoComparison(whole.to_owned()))?;
    let (sign, op) = SIGNS
        .iter()
        .find(|(sign, _)| whole[at..].starts_with(sign))
        .copied()
        .ok_or_else(|| RuleError::NoComparison(whole.to_owned()))?;
    let name = whole[..at].trim().trim_end_matches(':').trim();
    let key = metric::key(name);
    if key.is_empty() {
        return Err(RuleError::NoMetric(whole.to_owned()));
    }
    let rest = whole[at + sign.len()..].trim_start();
    let (limit, rest) = rest
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| duration::number(rest))
        .flatten()
        .ok_or_else(|| RuleError::NoNumber(whole.to_owned()))?;
    let (limit_part, wait) = match rest.split_once("for ") {
        Some((unit, wait)) if unit.is_empty() || unit.ends_with(' ') => (unit, Some(wait)),
        _ => (rest, None),
    };
    let unit = limit_part.trim();
    let unit = match unit {
        "" => None,
        unit => Some(prose::known_unit(unit).ok_or_else(|| RuleError::LeftOver(unit.to_owned()))?),
    };
    let duration = wait.map(duration::parse).transpose()?.unwrap_or(Span(0));
    Ok(ParsedRule { metric: name.to_owned(), key, op, limit, unit, duration })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::DurationError;

    fn check(text: &str, expected: (&str, Comparison, f64, Option<&str>, u64)) {
        let rule = parse_rule(text).unwrap();
        assert_eq!(
            (rule.key.as_str(), rule.op, rule.limit, rule.unit.as_deref(), rule.duration.0 / 1000),
            expected,
            "{text}"
        );
    }

    #[test]
    fn rules_as_in_front_matter() {
        use Comparison::{AtLeast, Equal, Greater, Less};
        check("error_rate < 1%", ("error_rate", Less, 1.0, Some("%"), 0));
        check("p95 < 500ms", ("p95", Less, 500.0, Some("ms"), 0));
        check("Error rate > 5% for > 2 minutes", ("error_rate", Greater, 5.0, Some("%"), 120));
        check("p95 latency > 2000ms for 5m", ("p95", Greater, 2000.0, Some("ms"), 300));
        check("coverage ≥ 80 %", ("coverage", AtLeast, 80.0, Some("%"), 0));
        check("restarts = 0", ("restarts", Equal, 0.0, None, 0));
        check("latency > 2.5x baseline", ("latency", Greater, 2.5, Some("x baseline"), 0));
        check("queue depth > 6,000", ("queue_depth", Greater, 6000.0, None, 0));
        check("error_rate: < 1%", ("error_rate", Less, 1.0, Some("%"), 0));
        check(
            "guardrail breaches > 0.1% of interactions for 2+ minutes",
            ("guardrail_breaches", Greater, 0.1, Some("% of interactions"), 120),
        );
    }

    #[test]
    fn refusals_name_what_is_missing() {
        assert!(matches!(parse_rule("error rate 1%"), Err(RuleError::NoComparison(_))));
        assert!(matches!(parse_rule("< 1%"), Err(RuleError::NoMetric(_))));
        assert!(matches!(parse_rule("· < 1%"), Err(RuleError::NoMetric(_))));
        assert!(matches!(parse_rule("x < many"), Err(RuleError::NoNumber(_))));
        assert!(matches!(parse_rule("x < 1 banana split"), Err(RuleError::LeftOver(_))));
        assert!(matches!(
            parse_rule("x < 1% for ever"),
            Err(RuleError::Duration(DurationError::Unreadable(_)))
        ));
    }
}
