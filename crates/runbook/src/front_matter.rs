//! Front matter: what a runbook declares about itself.
//!
//! `runbook: 1` makes it ours, and then every key must be known. Front matter without it belongs
//! to some other tool (a site generator, a wiki); it is left alone.

use tminus_release::plan::OnFailure;

use crate::data::{Fault, Keys, Node, Value, parse_yaml};
use crate::markdown::FrontMatterText;
use crate::names;
use crate::rules::{self, ParsedRule};

/// The version of the runbook language that is read here.
pub const LANGUAGE_VERSION: u32 = 1;

/// What a runbook declares about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrontMatter {
    /// Whether `runbook:` is there.
    pub is_ours: bool,
    /// Values that are given when a release starts.
    pub inputs: Vec<InputDeclaration>,
    /// Environments in the order in which they are released to.
    pub environments: Vec<String>,
    /// Roles that may be named.
    pub roles: Vec<String>,
    /// Service-level rules.
    pub slo: Vec<DeclaredRule>,
    /// What a failed step leads to.
    pub on_failure: Option<OnFailure>,
    /// What a broken rule leads to.
    pub on_breach: Option<OnFailure>,
}

/// A value that is given when a release starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputDeclaration {
    /// Its name, also the name of the environment variable.
    pub name: String,
    /// What it may be.
    pub accepts: Accepts,
    /// What it is when nothing is given.
    pub default: Option<String>,
    /// Byte offset of its name in the document; 0 when it was declared elsewhere.
    pub start: usize,
}

/// What an input may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// A regular expression that the whole value must match.
    Pattern(String),
    /// One of these.
    OneOf(Vec<String>),
}

/// A rule that front matter declares.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredRule {
    /// As written: `error_rate < 1%`.
    pub text: String,
    /// As read.
    pub rule: ParsedRule,
    /// Byte offset in the document.
    pub start: usize,
}

impl Accepts {
    /// Tells why a value is not accepted.
    ///
    /// # Errors
    /// A sentence that names the pattern or the values.
    pub fn check(&self, value: &str) -> Result<(), String> {
        match self {
            Accepts::OneOf(values) if values.iter().any(|known| known == value) => Ok(()),
            Accepts::OneOf(values) => Err(format!("`{value}` is none of: {}", values.join(", "))),
            Accepts::Pattern(pattern) if pattern == names::SAFE_VALUE && names::is_safe_value(value) => {
                Ok(())
            }
            Accepts::Pattern(pattern) => {
                let whole = regex::Regex::new(&format!("^(?:{pattern})$"));
                match whole {
                    Ok(whole) if whole.is_match(value) => Ok(()),
                    Ok(_) => Err(format!("`{value}` does not match the pattern `{pattern}`")),
                    Err(_) => Err(format!("the pattern `{pattern}` is no regular expression")),
                }
            }
        }
    }
}

/// Reads front matter. Faults are returned beside the value; foreign front matter has none.
pub fn read(source: &FrontMatterText) -> (FrontMatter, Vec<Fault>) {
    let mut faults = Vec::new();
    let claims = source.text.lines().any(|line| line.starts_with("runbook:"));
    let value = match parse_yaml(&source.text, source.start) {
        Ok(value) => value,
        Err(fault) if claims => {
            return (FrontMatter { is_ours: true, ..FrontMatter::default() }, vec![fault]);
        }
        Err(_) => return (FrontMatter::default(), faults),
    };
    let is_ours = value.entries().is_some_and(|entries| entries.iter().any(|(key, _)| key.text == "runbook"));
    if !is_ours {
        return (FrontMatter::default(), faults);
    }
    let mut keys = Keys::of(&value, "the front matter", &mut faults);
    keys.parsed("runbook", |text| match text.parse::<u32>() {
        Ok(LANGUAGE_VERSION) => Ok(()),
        Ok(version) => {
            Err(format!("this tminus reads version {LANGUAGE_VERSION}, not {version}; update tminus"))
        }
        Err(_) => Err(format!("write the language version, `runbook: {LANGUAGE_VERSION}`")),
    });
    let inputs = keys.value("inputs").cloned();
    let environments = keys.texts("environments");
    let roles = keys.texts("roles").iter().map(|role| crate::names::role(role)).collect();
    let slo = keys.value("slo").cloned();
    let on_failure = keys.parsed("on_failure", on_failure);
    let on_breach = keys.parsed("on_breach", on_failure_word);
    keys.finish();
    let inputs = inputs.map(|value| read_inputs(&value, &mut faults)).unwrap_or_default();
    let slo = slo.map(|value| read_slo(&value, &mut faults)).unwrap_or_default();
    (FrontMatter { is_ours, inputs, environments, roles, slo, on_failure, on_breach }, faults)
}

fn on_failure(text: &str) -> Result<OnFailure, String> {
    on_failure_word(text)
}

/// Reads `hold` or `rollback`.
///
/// # Errors
/// A sentence with both words.
pub fn on_failure_word(text: &str) -> Result<OnFailure, String> {
    match text {
        "hold" => Ok(OnFailure::Hold),
        "rollback" => Ok(OnFailure::Rollback),
        other => Err(format!("`{other}` is neither `hold` nor `rollback`")),
    }
}

/// Reads declarations of inputs: a pattern, a list of values, or keys and values.
pub fn read_inputs(value: &Value, faults: &mut Vec<Fault>) -> Vec<InputDeclaration> {
    let Some(entries) = value.entries() else {
        faults.push(Fault::new(value.start..value.end, "`inputs` must be keys and values"));
        return Vec::new();
    };
    let mut inputs = Vec::new();
    for (key, value) in entries {
        let mut default = None;
        let accepts = match &value.node {
            Node::Scalar(pattern) => Some(Accepts::Pattern(pattern.clone())),
            Node::List(_) => {
                value.texts().map(|texts| Accepts::OneOf(texts.into_iter().map(str::to_owned).collect()))
            }
            Node::Map(_) => {
                let what = format!("input `{}`", key.text);
                let mut keys = Keys::of(value, &what, faults);
                default = keys.text("default").map(str::to_owned);
                let pattern = keys.text("pattern").map(|text| Accepts::Pattern(text.to_owned()));
                let values = keys.texts("values");
                keys.finish();
                let one_of = (!values.is_empty()).then_some(Accepts::OneOf(values));
                pattern.or(one_of).or_else(|| Some(Accepts::Pattern(names::SAFE_VALUE.to_owned())))
            }
            Node::Nothing => Some(Accepts::Pattern(names::SAFE_VALUE.to_owned())),
        };
        let Some(accepts) = accepts else {
            faults.push(Fault::new(
                value.start..value.end,
                format!("`{}` must be a pattern or a list", key.text),
            ));
            continue;
        };
        if let Accepts::Pattern(pattern) = &accepts
            && regex::Regex::new(pattern).is_err()
        {
            let message = format!("the pattern of `{}` is no regular expression", key.text);
            faults.push(Fault::new(value.start..value.end, message));
        }
        if !crate::names::is_variable(&key.text) {
            let message = format!("`{}` cannot be the name of an environment variable", key.text);
            faults.push(Fault::new(key.start..key.end, message).with_help("use A-Z, 0-9 and _"));
        }
        inputs.push(InputDeclaration { name: key.text.clone(), accepts, default, start: key.start });
    }
    inputs
}

fn read_slo(value: &Value, faults: &mut Vec<Fault>) -> Vec<DeclaredRule> {
    let mut rules = Vec::new();
    let mut take = |text: String, value: &Value| match rules::parse_rule(&text) {
        Ok(rule) => rules.push(DeclaredRule { text, rule, start: value.start }),
        Err(error) => faults.push(Fault::new(value.start..value.end, error.to_string())),
    };
    match &value.node {
        Node::Map(entries) => {
            for (key, value) in entries {
                take(format!("{} {}", key.text, value.text().unwrap_or("")), value);
            }
        }
        Node::List(values) => {
            values.iter().for_each(|value| take(value.text().unwrap_or("").to_owned(), value))
        }
        _ => {
            faults.push(Fault::new(value.start..value.end, "`slo` must be rules, such as `error_rate: < 1%`"))
        }
    }
    rules
}
