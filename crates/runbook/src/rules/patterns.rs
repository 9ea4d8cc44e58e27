//! The patterns by which units and durations are recognised in prose.

use crate::pattern::Pattern;

pub(super) static UNIT: Pattern = Pattern::new(
    &[],
    r"(?xi)^[\s\u{a0}\u{202f}]*(?:
        (?P<percent>%|percent\b)(?:\s?\+)?(?:\s+(?:of\s+)(?:the\s+|all\s+)?(?P<base>[a-z]+))?
      | (?P<times>[x×]\b(?:\s+(?:the\s+)?(?:baseline|normal|usual|average|previous))?)
      | (?P<time>ms|msec|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)\b\+?
      | (?P<rate>rps|qps|req/s|requests?/s(?:ec(?:ond)?)?|/s|/min|errors?/min(?:ute)?|[KMGT]i?B)\b
      | (?P<count>reviewers?|reviews?|approv(?:als?|ers?|ing\s+reviews?)|runs?|warnings?|errors?|failures?|restarts?|retries|alerts?|incidents?)\b
        )",
);

pub(super) static HOLDS_FOR: Pattern = Pattern::new(
    &["for", "over", "during", "sustained", "in", "within"],
    r"(?xi)\b(?:for|over|during|sustained|in|within)\s+
        (?:(?:>=|>|≥|~|at\s+least|more\s+than|over|the\s+(?:last|first|past)|a|an|any)\s*)*
        (?P<time>(?:\d+(?:\.\d+)?|one|two|three|five|ten|fifteen|thirty)\+?[\s-]*(?:consecutive\s+)?(?:ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d))\b",
);

pub(super) static FAILS_AFTER: Pattern = Pattern::new(
    &[
        "fail",
        "time out",
        "times out",
        "timeout",
        "unavailable",
        "down",
        "unhealthy",
        "unreachable",
        "offline",
        "unresponsive",
        "not responding",
    ],
    r"(?i)\b(?P<verb>fail(?:s|ing|ed)?|time(?:s)? out|timeout|(?P<state>unavailable|down|unhealthy|unreachable|offline|unresponsive|not responding))\s+(?:after|for|over)\s+(?:more than\s+|at least\s+|over\s+)?(?P<time>\d+(?:\.\d+)?\+?[\s-]*(?:seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h))\b",
);

pub(super) static SLASHED: Pattern = Pattern::new(&["/"], r"\b\d{1,3}(?:\s?/\s?\d{1,3}){2,5}\b(?:\s?%)?");
pub(super) static RETURNS: Pattern =
    Pattern::new(&["returns"], r"(?i)\breturns\s+(?:HTTP\s+)?(?P<code>[1-5]\d\d)\b");
pub(super) static WINDOW: Pattern = Pattern::new(
    &["within"],
    r"(?i)\bwithin\s+(?:the\s+|a\s+)?(?:\w+\s+)?(?P<n>\d+)-(?P<unit>day|hour|minute|second)\b",
);
pub(super) static TIMES: Pattern = Pattern::new(&["times"], r"(?i)\brun\s+(?P<n>\d+)\s+times\b");
pub(super) static PERCENTILE: Pattern =
    Pattern::new(&["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9"], r"(?i)^[\s(]*\b(p\d{2,3})\b");
pub(super) static CELL: Pattern =
    Pattern::new(&[], r"^\s*\**\s*(?P<n>\d[\d,]*(?:\.\d+)?)\s*(?P<unit>%|ms|s|x)?\s*\**\s*$");
