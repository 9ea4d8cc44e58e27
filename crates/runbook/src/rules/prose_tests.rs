//! Lines as teams write them.

use super::*;
use proptest::prelude::*;

/// `metric op value unit for`, one line for each threshold.
fn written(text: &str, context: &Context<'_>) -> Vec<String> {
    thresholds(text, context)
        .iter()
        .map(|t| {
            let op = match t.op {
                Op::Compare(op) => op.sign(),
                Op::Fails => "fails",
            };
            let value = match &t.value {
                None => String::new(),
                Some(Value::Number(number)) => format!(" {number}"),
                Some(Value::Numbers(numbers)) => format!(" {numbers:?}"),
                Some(Value::Text(text)) => format!(" {text:?}"),
            };
            let unit = t.unit.as_deref().map_or(String::new(), |unit| format!(" {unit}"));
            let wait = t.duration.map_or(String::new(), |span| format!(" for {span}"));
            let grade = t.grade.as_deref().map_or(String::new(), |grade| format!(" [{grade}]"));
            format!("{} {op}{value}{unit}{wait}{grade}", t.metric)
        })
        .collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(written(text, &Context::default()), expected, "{text}");
}

#[test]
fn sentences() {
    check("The p95 latency should stay below 2 s.", &["p95 latency < 2 s"]);
    check("Error rate must always remain under 0.5%", &["Error rate < 0.5 %"]);
    check("CPU usage needs to be below 70% after the switch", &["CPU usage < 70 %"]);
}

#[test]
fn signs() {
    check("Error rate > 5% for > 2 minutes", &["Error rate > 5 % for 2m"]);
    check("p95 latency > 2000ms for > 5 minutes", &["p95 latency > 2000 ms for 5m"]);
    check("Error rate > 5%", &["Error rate > 5 %"]);
    check("p95 latency > 1.5s", &["p95 latency > 1.5 s"]);
    check("CPU usage < 70%", &["CPU usage < 70 %"]);
    check("Database connections < 80% of pool", &["Database connections < 80 % of pool"]);
    check("Container restart count = 0", &["Container restart count = 0 count"]);
    check("- [ ] Page load time < 3s", &["Page load time < 3 s"]);
    check("- [ ] API response time < 500ms (p95)", &["API response time p95 < 500 ms"]);
    check("Redis cache hit rate > 80%", &["Redis cache hit rate > 80 %"]);
    check("HITL queue depth > 100 → Warning alert", &["HITL queue depth > 100 count"]);
    check("API latency P95 > 3000ms → Warning alert", &["API latency P95 > 3000 ms"]);
    check("**Lint:** ESLint with max-warnings=0", &["ESLint with max-warnings = 0 count"]);
    check("Admin panel loads (if FEAT_ADMIN_PANEL=1)", &[]);
    check("Queue depth > 6,000", &["Queue depth > 6000 count"]);
    check("If the error rate exceeds 5% for five minutes", &["error rate > 5 % for 5m"]);
}

#[test]
fn several_in_one_line() {
    check(
        "Alert thresholds: error rate >1%, latency >350ms P95, guardrail breaches >0.1% interactions",
        &["error rate > 1 %", "latency P95 > 350 ms", "guardrail breaches > 0.1 %"],
    );
    check(
        "Coverage ≥45% (Vitest), ≥60% (pytest)",
        &["Coverage (Vitest) >= 45 %", "Coverage (pytest) >= 60 %"],
    );
    check(
        "Code coverage meets thresholds (≥45% Vitest, ≥60% pytest)",
        &["Code coverage (Vitest) >= 45 %", "Code coverage (pytest) >= 60 %"],
    );
    check(
        "Error rate (warning: 1%, critical: 5%)",
        &["Error rate > 1 % [warning]", "Error rate > 5 % [critical]"],
    );
    check(
        "Confirm `environment.autonomy.state == \"satisfied\"`, `environment.mfa.state == \"satisfied\"`, and `environment.telemetry.open <= maxOpen`.",
        &[
            "environment.autonomy.state = \"satisfied\"",
            "environment.mfa.state = \"satisfied\"",
            "environment.telemetry.open <= \"maxOpen\"",
        ],
    );
}

#[test]
fn words() {
    check("**Coverage:** Minimum 80%, artifacts stored", &["Coverage >= 80 %"]);
    check("Code review approvals obtained (minimum 2 reviewers)", &["Code review approvals >= 2 reviewers"]);
    check("**Approval**: Minimum 1 approving review from CODEOWNERS", &["Approval >= 1 approving review"]);
    check("Verify results returned within 2 seconds", &["results <= 2 s"]);
    check("Verify agent responds within 5 seconds", &["agent responds <= 5 s"]);
    check("Health checks fail after 5 minutes", &["Health checks fails for 5m"]);
    check("Service unavailable for > 5 minutes", &["Service unavailable > for 5m"]);
    check("Service unavailable for more than 5 minutes", &["Service unavailable > for 5m"]);
    check("Test coverage meets thresholds (45/40/45/45)", &["Test coverage >= [45.0, 40.0, 45.0, 45.0] %"]);
    check("Python tests passing (60%+ coverage)", &["coverage (Python tests) >= 60 %"]);
    check("More than 1 in 20 requests are failing", &[]);
    check("What it means: More than 1 in 20 requests are failing", &[]);
    check("Alert threshold: > 2% error rate", &["error rate > 2 %"]);
    check("Sentry error rate normal (<1%)", &["Sentry error rate < 1 %"]);
    check("Response times within SLO (p95 < 500ms)", &["p95 Response times < 500 ms"]);
    check("Latency above 2.5x baseline", &["Latency > 2.5 x baseline"]);
    check("Performance degradation > 50%", &["Performance degradation > 50 %"]);
    check("No flaky tests (run 3 times to confirm)", &["flaky tests = 3 runs"]);
    check("canary metrics stable ≥12h", &["canary metrics >= 12 h"]);
    check("Confirm coverage ≥ 80% and artifacts archived", &["coverage >= 80 %"]);
    check("signed URL download returns 200 while direct GET fails", &["signed URL download = 200 HTTP"]);
}

#[test]
fn table_cells_take_their_metric_from_the_row() {
    let row = |metric| Context { metric: Some(metric), target_cell: true, ..Context::default() };
    assert_eq!(written("99.9%", &row("Availability")), ["Availability >= 99.9 %"]);
    assert_eq!(written("< 200ms", &row("p50 Latency")), ["p50 Latency < 200 ms"]);
    assert_eq!(written("> 99%", &row("Success Rate")), ["Success Rate > 99 %"]);
    assert_eq!(written("1%", &row("**Error Rate**")), ["Error Rate <= 1 %"]);
    assert_eq!(written("Monthly uptime", &row("Availability")), [""; 0]);
}

#[test]
fn a_baseline_is_asked_for() {
    for text in ["Performance degradation > 50%", "latency > 2x baseline"] {
        assert!(thresholds(text, &Context::default())[0].needs_baseline, "{text}");
    }
    assert!(!thresholds("error rate > 1%", &Context::default())[0].needs_baseline);
}

#[test]
fn what_is_no_threshold() {
    for text in [
        "now() - query_start > interval '5 seconds'",
        "[Security] Upgraded Vite to 7.1.11",
        "head -5",
        "Enable new feature for 10% of users",
        "- Error rate: 0.2%",
        "- API latency P95: 1200ms",
        "Monitor for 30 minutes post-resolution",
        "Respond to incidents within 15 minutes",
        "Post-mortem within 5 business days",
        "Minimum 4 hours (24 hours for major releases)",
        "Chrome/Edge dev tools > Application > Manifest",
        "Settings -> Database -> 3 snapshots",
        "Node >= 18",
        "Requires PostgreSQL >= 15",
        "`FEAT_NEW_FEATURE_ROLLOUT_PERCENTAGE=10`",
        "`git clone --depth=1`",
        "24/7 on-call",
        "deployed on 2025/10/29",
        "See <details>",
        "tag v1.2.3",
        "Within 2 hours of critical issue discovery",
        "<staging-ref>",
        "Tuesdays 02:00-04:00 UTC",
        "",
        "Lighthouse thresholds met and archived",
    ] {
        check(text, &[]);
    }
}

#[test]
fn parts_are_named_by_their_bytes() {
    let text = "» Error rate > 5% for 2m «";
    let threshold = &thresholds(text, &Context::default())[0];
    assert_eq!(&text[threshold.start..threshold.end], "Error rate > 5% for 2m");
    assert_eq!(threshold.text, "Error rate > 5% for 2m");
}

proptest! {
    #[test]
    fn any_text_gives_parts_in_bounds(text in "\\PC{0,120}|[a-z0-9<>=%()≥ .,:/x-]{0,80}") {
        for threshold in thresholds(&text, &Context { metric: Some("é"), target_cell: true, inverted: true }) {
            prop_assert!(threshold.start <= threshold.end && threshold.end <= text.len());
            prop_assert_eq!(&text[threshold.start..threshold.end], threshold.text.as_str());
            prop_assert!(threshold.inverted);
        }
    }
}

/// Found by fuzzing: signs stood for the metric, and the rule had a name that nothing can be asked by.
#[test]
fn a_threshold_without_a_name_is_none() {
    for text in ["· within the 7-day window", "> (warning: 1'ine) (warning: 3", "→ > 5%", "** < 3 ms"] {
        for found in thresholds(text, &Context::default()) {
            assert!(!found.key.is_empty(), "{text}: {found:?}");
        }
    }
}
