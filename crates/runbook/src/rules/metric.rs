//! Names of metrics: cut out of a sentence, and brought to one normal name.

/// Returns the normal name of a metric.
pub(super) fn key(metric: &str) -> String {
    let lower = metric.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')
        .filter(|word| !word.is_empty())
        .collect();
    if let Some(percentile) = words.iter().find_map(|word| percentile(word)) {
        return percentile;
    }
    let has = |word: &str| words.iter().any(|w| w.trim_end_matches('s') == word.trim_end_matches('s'));
    let known = [
        ("error_rate", has("error") && has("rate")),
        ("error_rate", has("5xx")),
        ("success_rate", has("success") && has("rate")),
        ("availability", has("availability") || has("uptime")),
        ("cache_hit_rate", has("cache") && has("hit")),
        ("coverage", has("coverage")),
        ("cpu", has("cpu")),
        ("memory", has("memory") || has("ram")),
        ("disk", has("disk")),
        ("restarts", has("restart") || has("restarts")),
        ("latency", has("latency") || (has("response") && has("time"))),
    ];
    if let Some((name, _)) = known.iter().find(|(_, fits)| *fits) {
        return (*name).to_owned();
    }
    let small = ["the", "a", "an", "of", "in", "for", "is", "are", "any", "per"];
    let kept: Vec<&str> = words.iter().copied().filter(|word| !small.contains(word)).collect();
    // A rule must have a name to be asked by, so small words count where there are no others.
    if kept.is_empty() { words.join("_") } else { kept.join("_") }
}

fn percentile(word: &str) -> Option<String> {
    let digits = word.strip_prefix('p').or_else(|| word.strip_suffix("th"))?;
    let fits = matches!(digits, "50" | "75" | "90" | "95" | "98" | "99" | "999" | "99.9");
    fits.then(|| format!("p{}", digits.replace('.', "")))
}

/// Tells whether more of a metric is better; decides a bare target such as `99.9%`.
pub(super) fn more_is_better(metric: &str) -> bool {
    let lower = metric.to_lowercase();
    [
        "availab",
        "uptime",
        "success",
        "coverage",
        "hit rate",
        "hit ratio",
        "pass",
        "throughput",
        "score",
        "free",
        "healthy",
        "apdex",
    ]
    .iter()
    .any(|word| lower.contains(word))
}

/// Tells whether a metric is a change against something that must be measured first.
pub(super) fn is_relative(metric: &str) -> bool {
    let lower = metric.to_lowercase();
    ["degradation", "regression", "increase", "decrease", "drop ", "drops", "spike", "deviation"]
        .iter()
        .any(|word| lower.contains(word))
        || lower.ends_with("drop")
}

/// Words that label a threshold and name no metric.
const LABELS: [&str; 24] = [
    "alert threshold",
    "alert thresholds",
    "alerting thresholds",
    "threshold",
    "thresholds",
    "target",
    "targets",
    "alert",
    "alerts",
    "trigger",
    "triggers",
    "warning",
    "critical",
    "acceptance",
    "acceptance criteria",
    "criteria",
    "slo",
    "goal",
    "limit",
    "meets thresholds",
    "if",
    "when",
    "rollback",
    "page",
];

/// Words at the front of a sentence that ask a person to look.
const FRONT: [&str; 32] = [
    "confirm",
    "verify",
    "ensure",
    "check",
    "that",
    "the",
    "if",
    "when",
    "unless",
    "and",
    "or",
    "any",
    "sustained",
    "maintain",
    "keep",
    "require",
    "requires",
    "alert",
    "rollback",
    "roll",
    "back",
    "immediately",
    "trigger",
    "on",
    "while",
    "once",
    "until",
    "our",
    "all",
    "with",
    "has",
    "no",
];

/// Words at the end that join a metric with its number, or tell its state.
const BACK: [&str; 55] = [
    "shall",
    "needs",
    "may",
    "not",
    "always",
    "is",
    "are",
    "was",
    "be",
    "stays",
    "stay",
    "remains",
    "remain",
    "rises",
    "rise",
    "goes",
    "drops",
    "falls",
    "has",
    "have",
    "been",
    "should",
    "must",
    "to",
    "at",
    "of",
    "with",
    "exceeds",
    "exceed",
    "normal",
    "stable",
    "healthy",
    "acceptable",
    "within",
    "slo",
    "slos",
    "meets",
    "meet",
    "thresholds",
    "threshold",
    "passing",
    "the",
    "a",
    "an",
    "in",
    "no",
    "not",
    "by",
    "returned",
    "consistently",
    "obtained",
    "configured",
    "reaches",
    "does",
    "for",
];

/// Cuts a metric's name out of the words in front of a comparison.
pub(super) fn clean(text: &str) -> String {
    let text = text.trim().trim_start_matches(['-', '*', '+', '•', '>', '|', ' ', '»', '«']);
    let text = text
        .strip_prefix("[ ]")
        .or_else(|| text.strip_prefix("[x]"))
        .or_else(|| text.strip_prefix("[X]"))
        .unwrap_or(text);
    let plain: String = text.chars().filter(|c| !matches!(c, '*' | '`' | '"')).collect();
    let mut words: Vec<&str> = plain.split_whitespace().collect();
    while words.first().is_some_and(|word| FRONT.contains(&word.to_lowercase().as_str())) {
        words.remove(0);
    }
    while words.last().is_some_and(|word| {
        BACK.contains(&word.to_lowercase().trim_end_matches(['.', ',', ':', '-', '–', '—']))
    }) {
        words.pop();
    }
    // A long sentence names its metric last.
    let first = words.len().saturating_sub(6);
    let name = words[first..].join(" ");
    let name = name
        .trim_matches([':', ',', ';', '-', '–', '—', '.', '(', ')', '[', ']', ' ', '=', '|'])
        .trim()
        .to_owned();
    let is_name = name.contains(char::is_alphanumeric) && !LABELS.contains(&name.to_lowercase().as_str());
    if is_name { name } else { String::new() }
}

/// Things that are compared by version and not by measuring.
pub(super) fn is_versioned(metric: &str) -> bool {
    const PRODUCTS: [&str; 30] = [
        "node",
        "node.js",
        "nodejs",
        "python",
        "npm",
        "pnpm",
        "yarn",
        "version",
        "postgres",
        "postgresql",
        "php",
        "ruby",
        "java",
        "jdk",
        "docker",
        "kubectl",
        "kubernetes",
        "rust",
        "rustc",
        "go",
        "golang",
        "helm",
        "terraform",
        "bash",
        "git",
        "openssl",
        "redis",
        "mysql",
        "cli",
        "compose",
    ];
    metric.split_whitespace().next_back().is_some_and(|word| PRODUCTS.contains(&word.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_normal() {
        for (metric, expected) in [
            ("Error rate", "error_rate"),
            ("error_rate", "error_rate"),
            ("Sentry error rate", "error_rate"),
            ("P95", "p95"),
            ("API latency P95", "p95"),
            ("95th percentile", "p95"),
            ("p99.9", "p999"),
            ("latency", "latency"),
            ("API response time", "latency"),
            ("CPU usage", "cpu"),
            ("Redis cache hit rate", "cache_hit_rate"),
            ("HITL queue depth", "hitl_queue_depth"),
            ("Container restart count", "restarts"),
            ("Monthly uptime", "availability"),
            ("guardrail breaches", "guardrail_breaches"),
            ("Any of the", "any_of_the"),
            ("·", ""),
        ] {
            assert_eq!(key(metric), expected, "{metric}");
        }
    }

    #[test]
    fn sentences_lose_what_is_no_name() {
        for (text, expected) in [
            ("- [ ] Confirm coverage ", "coverage"),
            ("Sentry error rate normal ", "Sentry error rate"),
            ("Alert threshold: ", ""),
            ("· ", ""),
            ("**CPU usage** is ", "CPU usage"),
            ("If the error rate exceeds ", "error rate"),
            ("Code coverage meets thresholds ", "Code coverage"),
        ] {
            assert_eq!(clean(text), expected, "{text}");
        }
    }
}
