//! Any text as a rule, a duration, and prose that may hold thresholds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tminus_runbook::rules::{Context, metric_key, parse_duration, parse_rule, thresholds};

fuzz_target!(|text: &str| {
    for (metric, inverted, target_cell) in [
        (None, false, false),
        (None, true, false),
        (Some("Error rate"), false, false),
        (Some("p95"), false, true),
    ] {
        for found in thresholds(text, &Context { metric, inverted, target_cell }).iter() {
            assert_eq!(text.get(found.start..found.end), Some(found.text.as_str()), "{found:?}");
            assert_eq!(found.key.is_empty(), found.metric.is_empty(), "{found:?}");
        }
    }
    if let Ok(rule) = parse_rule(text) {
        assert!(rule.limit.is_finite(), "{rule:?}");
        assert!(!rule.key.is_empty(), "{rule:?}");
    }
    let _ = parse_duration(text);
    let _ = metric_key(text);
});
