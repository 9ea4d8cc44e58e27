//! Finds thresholds in prose: bullets, checklist items, table cells, sentences.
//!
//! A comparison is found first (a sign, a word, `60%+`); the metric is what stands before it in
//! its clause, or behind it, or in front of the parenthesis, or in the clause before.

use tminus_release::plan::Comparison;
use tminus_release::time::Span;

use super::comparison::{self, How, Written};
use super::patterns::{CELL, FAILS_AFTER, HOLDS_FOR, PERCENTILE, RETURNS, SLASHED, TIMES, UNIT, WINDOW};
use super::{Context, Op, Threshold, Value, duration, metric};

/// Longer texts are no bullet; only their beginning is read.
const LONGEST_BYTES: usize = 8192;

/// How many characters stand at most between a number and how long it must hold.
const NEAR: usize = 40;

/// Finds the thresholds of a text.
pub(super) fn thresholds(text: &str, context: &Context<'_>) -> Vec<Threshold> {
    let text = clip(text);
    let mut found: Vec<Threshold> = Vec::new();
    if !may_hold(text) {
        return found;
    }
    let mut finder = Finder { text, context, past: 0, found: &mut found };
    finder.states();
    finder.lists_of_numbers();
    finder.comparisons();
    finder.others();
    if found.is_empty() && context.target_cell {
        found.extend(bare_cell(text, context));
    }
    found.sort_by_key(|threshold| threshold.start);
    for threshold in &mut found {
        threshold.inverted = context.inverted;
    }
    found
}

/// Tells whether a text may hold a threshold: most bullets hold neither a number nor a comparison with
/// a word.
pub(super) fn may_hold(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        || ["==", "<=", ">=", "!=", "≥", "≤", "≠"].iter().any(|sign| text.contains(sign))
}

fn clip(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

struct Finder<'a, 'f> {
    text: &'a str,
    context: &'a Context<'a>,
    /// Nothing before this byte is read again.
    past: usize,
    found: &'f mut Vec<Threshold>,
}

impl Finder<'_, '_> {
    /// `Health checks fail after 5 minutes`, `Service unavailable for 5 minutes`.
    fn states(&mut self) {
        for captures in FAILS_AFTER.captures_iter(self.text) {
            let (Some(whole), Some(verb), Some(time)) =
                (captures.get(0), captures.name("verb"), captures.name("time"))
            else {
                continue;
            };
            let is_state = captures.name("state").is_some();
            let name = self.metric_before(if is_state { verb.end() } else { verb.start() });
            let Ok(span) = duration::parse(time.as_str()) else { continue };
            if name.is_empty() {
                continue;
            }
            let op = if is_state { Op::Compare(Comparison::Greater) } else { Op::Fails };
            self.push(name, op, None, None, Some(span), whole.start(), whole.end());
        }
    }

    /// `thresholds (45/40/45/45)`.
    fn lists_of_numbers(&mut self) {
        let lower = self.text.to_lowercase();
        if !lower.contains("coverage") && !lower.contains("threshold") {
            return;
        }
        for slashed in SLASHED.find_iter(self.text) {
            let numbers: Vec<f64> = slashed
                .as_str()
                .trim_end_matches('%')
                .split('/')
                .filter_map(|n| n.trim().parse().ok())
                .collect();
            if numbers.iter().all(|n| *n <= 100.0) {
                let before = self.metric_before(slashed.start());
                let name = if before.is_empty() {
                    self.metric_of_parenthesis(slashed.start()).unwrap_or_default()
                } else {
                    before
                };
                let unit = Some("%".to_owned());
                self.push(
                    name,
                    Op::Compare(Comparison::AtLeast),
                    Some(Value::Numbers(numbers)),
                    unit,
                    None,
                    slashed.start(),
                    slashed.end(),
                );
            }
        }
    }

    fn comparisons(&mut self) {
        let mut at = 0;
        while let Some(written) = comparison::find(self.text, at) {
            at = self.comparison(written).max(written.end);
        }
    }

    /// Reads one comparison; returns the byte after it.
    fn comparison(&mut self, written: Written<'_>) -> usize {
        let Written { start, end, how, .. } = written;
        if self.text[..start].ends_with(['-', '=', '<', '>', '~', '|', '$']) || self.overlaps(start, end) {
            return end;
        }
        if let How::Word(sign) = how {
            return self.comparison_with_word(sign, written.with, start, end);
        }
        let Some((mut op, number)) = operator(&written) else { return end };
        let after = &self.text[end..];
        // Versions, dates and clock times are no measurements.
        if after.starts_with(['.', ':', '/', '-']) && after[1..].starts_with(|c: char| c.is_ascii_digit()) {
            return end;
        }
        // "More than 1 in 20 requests" is a share in words: half of it would be another limit.
        if after.strip_prefix(" in ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            return end;
        }
        let (unit, mut stop) = self.unit(how, end);
        let is_time = unit.as_deref().is_some_and(|unit| matches!(unit, "min" | "h" | "days"));
        // "within 24 hours" and "minimum 4 hours" are deadlines and waits.
        if is_time && matches!(how, How::Phrase(_, Comparison::AtLeast | Comparison::AtMost)) {
            return stop;
        }
        let needs_time = matches!(how, How::Phrase("within", _));
        if needs_time && !unit.as_deref().is_some_and(|unit| matches!(unit, "ms" | "s" | "%")) {
            return stop;
        }
        let mut name = self.metric_before(start);
        // "Service unavailable for > 5 minutes": a state that lasts.
        let lasts = self.text[..start].trim_end().to_lowercase().ends_with(" for");
        if lasts && (is_time || unit.as_deref() == Some("s")) {
            if let Ok(span) =
                duration::parse(&format!("{number}{}", unit.unwrap_or_default().replace("days", "d")))
            {
                self.push(name, op_of(op), None, None, Some(span), start, stop);
            }
            return stop;
        }
        let behind = self.text[stop..].to_owned();
        (name, stop) = self.complete_metric(name, start, stop, &behind);
        if metric::key(&name).is_empty()
            || metric::is_versioned(&name)
            || how == How::Sign("=") && looks_like_setting(&name, self.text, start)
        {
            return stop;
        }
        let grade = match how {
            How::Grade(word) => Some(word.to_lowercase()),
            _ => None,
        };
        if grade.is_some() && metric::more_is_better(&name) {
            op = Comparison::Less;
        }
        let (span, stop) = self.holds_for(stop);
        let unit = unit.or_else(|| Some("count".to_owned()));
        self.push(name, op_of(op), Some(Value::Number(number)), unit, span, start, stop);
        if let Some(last) = self.found.last_mut() {
            last.grade = grade;
        }
        stop
    }

    /// `environment.mfa.state == "satisfied"`: only for names that are paths.
    fn comparison_with_word(&mut self, sign: &str, word: &str, start: usize, end: usize) -> usize {
        let before = self.text[..start].trim_end().trim_end_matches('`');
        let name = before
            .rsplit(|c: char| c.is_whitespace() || matches!(c, '`' | ',' | '('))
            .next()
            .unwrap_or_default();
        let is_path =
            name.contains('.') && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if let (true, Some(op)) = (is_path, sign_of(sign)) {
            let word = word.trim_matches(['"', '\'']).to_owned();
            self.push(name.to_owned(), op_of(op), Some(Value::Text(word)), None, None, start, end);
        }
        end
    }

    /// `returns 200`, `within the 14-day window`, `run 3 times`.
    fn others(&mut self) {
        let mut more = Vec::new();
        for captures in RETURNS.captures_iter(self.text) {
            more.push((captures.get(0), captures["code"].parse().ok(), "HTTP".to_owned(), Comparison::Equal));
        }
        for captures in WINDOW.captures_iter(self.text) {
            more.push((
                captures.get(0),
                captures["n"].parse().ok(),
                format!("{}s", captures["unit"].to_lowercase()),
                Comparison::AtMost,
            ));
        }
        for captures in TIMES.captures_iter(self.text) {
            more.push((captures.get(0), captures["n"].parse().ok(), "runs".to_owned(), Comparison::Equal));
        }
        for (whole, number, unit, op) in more {
            let (Some(whole), Some(number)) = (whole, number) else { continue };
            let mut name = self.metric_before(whole.start());
            if name.is_empty() {
                name = self.metric_of_parenthesis(whole.start()).unwrap_or_default();
            }
            if !name.is_empty() && !self.overlaps(whole.start(), whole.end()) {
                self.push(
                    name,
                    op_of(op),
                    Some(Value::Number(number)),
                    Some(unit),
                    None,
                    whole.start(),
                    whole.end(),
                );
            }
        }
    }

    fn unit(&self, how: How<'_>, end: usize) -> (Option<String>, usize) {
        match how {
            How::Share => return (Some("%".to_owned()), end),
            How::Times => return (Some("x baseline".to_owned()), end),
            _ => {}
        }
        let Some(unit) = UNIT.find(&self.text[end..]) else { return (None, end) };
        (known_unit(unit.as_str()), end + unit.end())
    }

    /// Completes a metric by what follows the number: `>350ms P95`, `≥45% (Vitest)`, `> 2% error
    /// rate`; or takes it from the parenthesis' sentence or the clause before.
    fn complete_metric(&self, name: String, start: usize, stop: usize, behind: &str) -> (String, usize) {
        if let Some(percentile) = PERCENTILE.captures(behind) {
            let end = percentile.get(0).map_or(0, |whole| whole.end());
            let name =
                if name.is_empty() { percentile[1].to_owned() } else { format!("{name} {}", &percentile[1]) };
            return (name, stop + end);
        }
        let mut follows = following(behind);
        // "25 errors per minute" counts errors, not minutes.
        if let Some(per) = follows.as_ref().filter(|words| words.starts_with("per ")) {
            let counted = self.text[start..stop].trim_end().rsplit(' ').next().unwrap_or_default();
            let is_noun = counted.len() > 2 && counted.chars().all(|c| c.is_ascii_alphabetic());
            follows = is_noun.then(|| format!("{counted} {per}"));
        }
        if !name.is_empty() {
            let lone = percentile_only(&name).then(|| self.metric_of_parenthesis(start)).flatten();
            if let Some(sentence) = lone.filter(|sentence| !sentence.is_empty()) {
                return (format!("{name} {sentence}"), stop);
            }
            return match in_parentheses(behind) {
                Some(which) if is_qualifier(which) => (format!("{name} ({which})"), stop),
                _ => (name, stop),
            };
        }
        let outer = self.metric_of_parenthesis(start).filter(|outer| !outer.is_empty());
        let inherited = outer.clone().or_else(|| self.context.metric.map(metric::clean)).or_else(|| {
            self.found.last().map(|last| last.metric.split(" (").next().unwrap_or_default().to_owned())
        });
        match (inherited, follows) {
            // `(≥45% Vitest, ≥60% pytest)`: the sentence names the metric, the word which one.
            (Some(base), Some(which))
                if metric::key(&which) == metric::key(&base) || which.to_lowercase().contains("coverage") =>
            {
                (format!("{which} ({base})"), stop)
            }
            (Some(base), Some(which)) if outer.is_some() || is_qualifier(&which) => {
                (format!("{base} ({which})"), stop)
            }
            (_, Some(which)) => (which, stop),
            (Some(base), None) => match in_parentheses(behind) {
                Some(which) if is_qualifier(which) => (format!("{base} ({which})"), stop),
                _ => (base, stop),
            },
            (None, None) => (String::new(), stop),
        }
    }

    fn holds_for(&self, stop: usize) -> (Option<Span>, usize) {
        let rest = &self.text[stop..];
        let Some(captures) = HOLDS_FOR.captures(rest) else { return (None, stop) };
        // In the same clause, and near: a pattern that counts so many characters costs more than all others.
        let is_end = |(count, (_, c)): &(usize, (usize, char))| *count == NEAR || ",;()|\n".contains(*c);
        let clause = rest.char_indices().enumerate().find(is_end).map_or(rest.len(), |(_, (end, _))| end);
        let Some(whole) = captures.get(0).filter(|whole| whole.start() <= clause) else {
            return (None, stop);
        };
        match duration::parse(&captures["time"].replace("consecutive ", "")) {
            Ok(span) => (Some(span), stop + whole.end()),
            Err(_) => (None, stop),
        }
    }

    /// The metric's name in the clause that ends at a byte.
    fn metric_before(&self, end: usize) -> String {
        let begin = self
            .found
            .iter()
            .filter(|threshold| threshold.end <= end)
            .map(|threshold| threshold.end)
            .max()
            .unwrap_or(0);
        let clause = &self.text[begin..end];
        // Boundaries of a clause; a colon ends a label (`Metrics: error rate >1%`).
        let cut = clause
            .char_indices()
            .filter(|(at, c)| {
                matches!(c, ',' | ';' | '(' | ')' | '|' | '→' | '\n' | '[' | ']')
                    || (*c == ':' && clause[at + 1..].contains(char::is_alphanumeric))
                    || (*c == '.' && clause[at + 1..].starts_with(' '))
            })
            .map(|(at, c)| at + c.len_utf8())
            .next_back()
            .unwrap_or(0);
        let tail = &clause[cut..];
        // Lowering ASCII keeps every byte's place; what is cut off one is cut off the other.
        let lower = tail.to_ascii_lowercase();
        let mut cut = 0;
        for word in [" if ", " when ", " unless ", " and ", " or ", " – ", " — "] {
            if let Some(at) = lower[cut..].rfind(word) {
                cut += at + word.len();
            }
        }
        let tail = &tail[cut..];
        metric::clean(tail.trim_start_matches(':'))
    }

    /// The metric of the sentence in front of the parenthesis that a byte stands in.
    fn metric_of_parenthesis(&self, at: usize) -> Option<String> {
        let open = self.text[..at].rfind('(')?;
        let inside = &self.text[open..at];
        (!inside.contains(')')).then(|| {
            let before = &self.text[..open];
            let cut = before.rfind([',', ';', '.', '|', ')']).map_or(0, |at| at + 1);
            metric::clean(&before[cut..])
        })
    }

    fn overlaps(&self, start: usize, end: usize) -> bool {
        self.found.iter().any(|threshold| start < threshold.end && end > threshold.start)
    }

    #[expect(clippy::too_many_arguments, reason = "the one place where a threshold is put together")]
    fn push(
        &mut self,
        metric: String,
        op: Op,
        value: Option<Value>,
        unit: Option<String>,
        duration: Option<Span>,
        start: usize,
        end: usize,
    ) {
        let begin = if metric.is_empty() {
            start
        } else {
            self.text[..start]
                .rfind(metric.split(' ').next().unwrap_or_default())
                .filter(|at| start - at < 120)
                .unwrap_or(start)
        };
        let needs_baseline = metric::is_relative(&metric) || unit.as_deref() == Some("x baseline");
        let key = metric::key(&metric);
        let begin = begin.max(self.past.min(start));
        self.found.push(Threshold {
            key,
            metric,
            op,
            value,
            unit,
            duration,
            grade: None,
            needs_baseline,
            inverted: false,
            text: self.text[begin..end].to_owned(),
            start: begin,
            end,
        });
    }
}

fn op_of(op: Comparison) -> Op {
    Op::Compare(op)
}

fn sign_of(sign: &str) -> Option<Comparison> {
    super::strict::SIGNS.iter().find(|(known, _)| *known == sign).map(|(_, op)| *op)
}

/// The comparison and its number.
fn operator(written: &Written<'_>) -> Option<(Comparison, f64)> {
    let op = match written.how {
        How::Sign(sign) => sign_of(sign)?,
        How::Phrase(_, op) => op,
        How::Share => Comparison::AtLeast,
        // `critical: 5`, above which a grade begins, and `2x baseline`.
        How::Grade(_) | How::Times => Comparison::Greater,
        How::Word(_) => return None,
    };
    duration::number(written.with).map(|(number, _)| (op, number))
}

/// Brings a unit to its one spelling; `None` when it is none.
pub(super) fn known_unit(text: &str) -> Option<String> {
    let captures = UNIT
        .captures(text)
        .filter(|captures| captures.get(0).is_some_and(|whole| whole.end() == text.trim_end().len()))?;
    if captures.name("percent").is_some() {
        return Some(captures.name("base").map_or("%".to_owned(), |base| format!("% of {}", base.as_str())));
    }
    if captures.name("times").is_some() {
        return Some("x baseline".to_owned());
    }
    if let Some(time) = captures.name("time") {
        let unit = match duration::factor(time.as_str())? {
            1.0 => "ms",
            1000.0 => "s",
            60_000.0 => "min",
            3_600_000.0 => "h",
            _ => "days",
        };
        return Some(unit.to_owned());
    }
    captures.name("rate").or_else(|| captures.name("count")).map(|unit| unit.as_str().to_owned())
}

/// The words behind a number, up to the end of its clause.
fn following(behind: &str) -> Option<String> {
    let end = behind.find([',', ';', '(', ')', '|', '→', '\n', '.', '[']).unwrap_or(behind.len());
    let mut words = &behind[..end];
    for word in [" for ", " over ", " in ", " within ", " and ", " or ", " from ", " - ", " to "] {
        words = words.split(word).next().unwrap_or(words);
    }
    let words = words.trim().trim_start_matches("of ").trim_matches(['*', '`', ':']).trim();
    let fits = words.starts_with(|c: char| c.is_alphabetic()) && words.split_whitespace().count() <= 5;
    fits.then(|| words.to_owned())
}

fn in_parentheses(behind: &str) -> Option<&str> {
    let inner = behind.trim_start().strip_prefix('(')?;
    inner.split(')').next()
}

/// A tool or part that a metric is measured by: `Vitest`, `pytest`, `API`.
fn is_qualifier(word: &str) -> bool {
    !word.is_empty()
        && word.split_whitespace().count() <= 2
        && word.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.'))
}

fn percentile_only(name: &str) -> bool {
    !name.contains(' ')
        && metric::key(name).starts_with('p')
        && metric::key(name)[1..].chars().all(|c| c.is_ascii_digit())
        && metric::key(name).len() > 1
}

/// `FEATURE_PERCENTAGE=10` and `--depth=1` set something; `max-warnings=0` demands it.
fn looks_like_setting(name: &str, text: &str, start: usize) -> bool {
    let tight = !text[..start].ends_with(' ');
    let last = name.split_whitespace().next_back().unwrap_or_default();
    let lower = last.to_lowercase();
    let mut parts = lower.split(|c: char| !c.is_alphanumeric());
    // `FEAT_ADMIN` demands nothing: a short word only counts where it begins one.
    let demand = parts.any(|part| {
        ["max", "min", "limit", "threshold"]
            .iter()
            .any(|word| part.starts_with(word) || word.len() > 3 && part.ends_with(word))
    }) && !last.starts_with("--");
    tight && !demand
}

/// `99.9%` in a table's target column.
fn bare_cell(text: &str, context: &Context<'_>) -> Option<Threshold> {
    let captures = CELL.captures(text)?;
    let name = metric::clean(context.metric?);
    let (number, _) = duration::number(&captures["n"])?;
    let op = if metric::more_is_better(&name) { Comparison::AtLeast } else { Comparison::AtMost };
    let unit =
        captures.name("unit").and_then(|unit| known_unit(unit.as_str())).or_else(|| Some("count".to_owned()));
    Some(Threshold {
        key: metric::key(&name),
        needs_baseline: metric::is_relative(&name),
        metric: name,
        op: Op::Compare(op),
        value: Some(Value::Number(number)),
        unit,
        duration: None,
        grade: None,
        inverted: false,
        text: text.to_owned(),
        start: 0,
        end: text.len(),
    })
}

#[cfg(test)]
#[path = "prose_tests.rs"]
mod tests;
