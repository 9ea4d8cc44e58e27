//! Conditions in the common expression language (CEL) over an answer.
//!
//! Nothing that goes wrong in one counts as true: an expression that cannot be evaluated says what
//! was missing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cel::{Context, Program, Value};

/// How much of a body is shown beside a failure.
const SHOWN_CHARS: usize = 200;

/// What an answer gives to an expression.
pub(crate) struct Facts<'a> {
    pub(crate) body: &'a str,
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: &'a BTreeMap<String, String>,
    pub(crate) env: &'a BTreeMap<String, String>,
    pub(crate) elapsed_ms: u64,
}

/// An expression, compiled.
#[derive(Debug)]
pub(crate) struct Condition {
    text: String,
    program: Program,
}

impl Condition {
    /// Compiles an expression. The error is a sentence.
    pub(crate) fn new(text: &str) -> Result<Condition, String> {
        match Program::compile(text) {
            Ok(program) => Ok(Condition { text: text.to_owned(), program }),
            Err(errors) => {
                let errors = errors.to_string();
                let first = errors.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
                Err(format!("`{text}` is no valid expression: {}", first.trim()))
            }
        }
    }

    /// Tells whether it is true of an answer; if not, why.
    pub(crate) fn holds(&self, facts: &Facts<'_>) -> Result<(), String> {
        match self.value(facts)? {
            Value::Bool(true) => Ok(()),
            Value::Bool(false) => {
                Err(format!("`{}` is false; the body begins with {}", self.text, beginning(facts.body)))
            }
            other => Err(format!("`{}` gives {}, not true or false", self.text, kind(&other))),
        }
    }

    /// Computes a number from an answer; if there is none, why.
    pub(crate) fn number(&self, facts: &Facts<'_>) -> Result<f64, String> {
        let number = match self.value(facts)? {
            Value::Int(number) => number as f64,
            Value::UInt(number) => number as f64,
            Value::Float(number) => number,
            other => return Err(format!("`{}` gives {}, not a number", self.text, kind(&other))),
        };
        if number.is_finite() {
            Ok(number)
        } else {
            Err(format!("`{}` gives {number}, which is no value", self.text))
        }
    }

    fn value(&self, facts: &Facts<'_>) -> Result<Value, String> {
        let parsed = serde_json::from_str::<serde_json::Value>(facts.body);
        let mut context = Context::default();
        let body = parsed.as_ref().map_or_else(|_| text(facts.body), converted);
        context.add_variable_from_value("body", body);
        context.add_variable_from_value("status", Value::Int(i64::from(facts.status)));
        context.add_variable_from_value("headers", texts(facts.headers));
        context.add_variable_from_value("env", texts(facts.env));
        context.add_variable_from_value(
            "elapsed_ms",
            Value::Int(i64::try_from(facts.elapsed_ms).unwrap_or(i64::MAX)),
        );
        self.program.execute(&context).map_err(|error| {
            let json = if parsed.is_ok() { "" } else { ", which is no JSON" };
            format!(
                "`{}` cannot be evaluated: {error}; the body begins with {}{json}",
                self.text,
                beginning(facts.body)
            )
        })
    }
}

/// The beginning of a body, on one line, for a person.
pub(crate) fn beginning(body: &str) -> String {
    let body = body.trim();
    if body.is_empty() {
        return "nothing: it is empty".to_owned();
    }
    let shown: String =
        body.chars().take(SHOWN_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let more = if shown.len() < body.len() { "…" } else { "" };
    format!("`{shown}{more}`")
}

fn text(text: &str) -> Value {
    Value::String(Arc::new(text.to_owned()))
}

fn texts(map: &BTreeMap<String, String>) -> Value {
    let map: HashMap<String, Value> = map.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    Value::Map(map.into())
}

/// Converts JSON. All whole numbers become the same kind, so that they compare and add up with
/// those that people write.
fn converted(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(value) => text(value),
        serde_json::Value::Array(items) => Value::List(Arc::new(items.iter().map(converted).collect())),
        serde_json::Value::Object(fields) => {
            let fields: HashMap<String, Value> =
                fields.iter().map(|(n, v)| (n.clone(), converted(v))).collect();
            Value::Map(fields.into())
        }
    }
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "nothing (null)".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::String(value) => format!("the text {}", beginning(value)),
        other => format!("a {}", other.type_of()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"version": "v1.2.3", "n": 7, "rate": 0.5, "big": 1e300, "none": null, "up": true,
        "list": [{"name": "a", "ok": true}, {"name": "b", "ok": false}], "nested": {"deep": {"x": -1}}}"#;

    fn check<T>(expression: &str, body: &str, ask: impl Fn(&Condition, &Facts<'_>) -> T) -> T {
        let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
        let env = BTreeMap::from([("VERSION".to_owned(), "v1.2.3".to_owned())]);
        let facts = Facts { body, status: 200, headers: &headers, env: &env, elapsed_ms: 35 };
        ask(&Condition::new(expression).unwrap(), &facts)
    }

    #[test]
    fn conditions_hold_or_say_why_not() {
        for (expression, expected) in [
            ("body.version == env.VERSION", Ok(())),
            ("body.n == 7 && body.n > 6 && body.n + 1 == 8 && body.n < 7.5", Ok(())),
            ("body.rate < 1 && body.rate <= 0.5 && body.nested.deep.x == -1", Ok(())),
            ("status == 200 && elapsed_ms < 100", Ok(())),
            ("headers['content-type'].startsWith('application/')", Ok(())),
            ("body.version.matches('^v[0-9]+')", Ok(())),
            ("body.list.exists(x, x.name == 'a' && x.ok) && size(body.list) == 2", Ok(())),
            ("has(body.version) && !has(body.missing)", Ok(())),
            ("body.none == null && body.up", Ok(())),
            ("body.n == 8", Err("`body.n == 8` is false; the body begins with `{\"version\"")),
            ("body.missing == 1", Err("missing")),
            ("body.version", Err("gives the text `v1.2.3`, not true or false")),
            ("body.n", Err("gives 7, not true or false")),
            ("body.version + 1 == 2", Err("cannot be evaluated")),
            ("nothing.here", Err("nothing")),
            ("body.list[9].ok", Err("cannot be evaluated")),
            ("1 / 0 == 1", Err("cannot be evaluated")),
        ] {
            match (check(expression, BODY, Condition::holds), expected) {
                (Ok(()), Ok(())) => {}
                (Err(found), Err(part)) => assert!(found.contains(part), "{expression}: {found}"),
                (found, expected) => panic!("{expression}: {found:?} instead of {expected:?}"),
            }
        }
        let found = check("body.ok", "<html>\nsorry", Condition::holds).unwrap_err();
        assert!(found.ends_with("the body begins with `<html> sorry`, which is no JSON"), "{found}");
        let found = check("body.ok", "", Condition::holds).unwrap_err();
        assert!(found.contains("nothing: it is empty"), "{found}");
    }

    #[test]
    fn numbers_are_numbers() {
        for (expression, expected) in [
            ("body.n", Ok(7.0)),
            ("body.rate * 100.0", Ok(50.0)),
            ("size(body.list)", Ok(2.0)),
            ("double(body.n) / 2.0", Ok(3.5)),
            ("body.big * body.big", Err("which is no value")),
            ("body.version", Err("not a number")),
            ("body.none", Err("gives nothing (null), not a number")),
            ("body.up", Err("gives true, not a number")),
            ("body.missing", Err("cannot be evaluated")),
            ("0.0 / 0.0", Err("no value")),
        ] {
            match (check(expression, BODY, Condition::number), expected) {
                (Ok(found), Ok(value)) => assert!((found - value).abs() < 1e-9, "{expression}: {found}"),
                (Err(found), Err(part)) => assert!(found.contains(part), "{expression}: {found}"),
                (found, expected) => panic!("{expression}: {found:?} instead of {expected:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in
            ["", "body.", "(", "a == ", "body.x ==", "'open", "1 +* 2", "((((((((((((", "\u{0}", "body.x = 1"]
        {
            let error = Condition::new(text).unwrap_err();
            assert!(error.contains("is no valid expression"), "{error}");
        }
    }
}
