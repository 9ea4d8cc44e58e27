//! Binds inputs and placeholders before any shell sees the text.
//!
//! Shell code gets inputs as environment variables only. A placeholder that stands in code, such
//! as `<staging-org>`, is replaced, and only by a value that no shell reads as more than a word.

use super::Request;
use crate::front_matter::{Accepts, FrontMatter, InputDeclaration};
use crate::names;
use crate::pattern::Pattern;
use crate::shell::{Placeholder, PlaceholderKind};
use std::collections::{BTreeMap, BTreeSet};

static BRACES: Pattern = Pattern::new(&["{{"], r"\{\{\s*(?P<a>[A-Za-z_]\w*)\s*\}\}");
static BRACES_AND_DOLLARS: Pattern = Pattern::new(
    &["{{", "$"],
    r"\{\{\s*(?P<a>[A-Za-z_]\w*)\s*\}\}|\$\{(?P<b>[A-Za-z_]\w*)\}|\$(?P<c>[A-Za-z_]\w*)",
);

/// An input or placeholder with what it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundInput {
    /// Name under which a value is given.
    pub name: String,
    /// As it stands in the document: `<staging-org>`; the name itself for a declared input.
    pub written: String,
    /// The value. None: nothing is bound.
    pub value: Option<String>,
    /// The pattern or list that the value must match.
    pub accepts: String,
}

/// All values that texts can be bound to.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    /// Inputs, `VERSION` and `PREVIOUS_VERSION`.
    pub(super) inputs: BTreeMap<String, String>,
    declared: Vec<InputDeclaration>,
    /// Placeholder as written to value, from the sidecar and the request.
    written: BTreeMap<String, String>,
    /// The literal that stands for the version, and the one before it.
    samples: BTreeMap<String, String>,
    /// Placeholders that code needs, with the value they got.
    pub(super) used: BTreeMap<String, Option<String>>,
}

/// A fault of the inputs themselves.
pub(super) struct InputFault {
    pub(super) message: String,
    pub(super) help: String,
    /// Byte offset of the declaration; None when the fault is in the request.
    pub(super) at: Option<(usize, usize)>,
    /// The input's name.
    pub(super) is_missing: bool,
}

impl Values {
    /// Collects the values of a request and tells what is missing or not accepted.
    pub(super) fn new(request: &Request, front_matter: &FrontMatter) -> (Values, Vec<InputFault>) {
        let declared = front_matter.inputs.iter().chain(&request.settings.inputs).cloned().collect();
        let mut values = Values { declared, ..Values::default() };
        for (name, value) in &request.inputs {
            if names::is_variable(name) {
                values.inputs.insert(name.clone(), value.clone());
            }
            // `sha` may mean the input of that name and the placeholder `<sha>`, whose input is `SHA`.
            if names::variable(name) != *name {
                values.written.insert(name.clone(), value.clone());
                values.inputs.entry(names::variable(name)).or_insert_with(|| value.clone());
            }
        }
        let fixed = [("VERSION", &request.version), ("PREVIOUS_VERSION", &request.previous_version)];
        for (name, value) in fixed {
            if let Some(value) = value {
                values.inputs.insert(name.to_owned(), value.clone());
            }
        }
        let mut faults = Vec::new();
        for declared in values.declared.clone() {
            let has_value = declared.default.is_some() || values.inputs.contains_key(&declared.name);
            if request.inputs_come_later && !has_value {
                // Checking asks whether a name is known, not what its value is.
                values.inputs.insert(declared.name.clone(), declared.name);
            } else {
                values.check(&declared, &mut faults);
            }
        }
        if request.inputs_come_later {
            for (name, _) in fixed {
                values.inputs.entry(name.to_owned()).or_insert_with(|| name.to_owned());
            }
        }
        if let Some(adoption) = &request.adoption {
            for (written, target) in &adoption.bindings {
                let value = match target.strip_prefix('$') {
                    Some(name) => values.inputs.get(name).cloned(),
                    None => Some(target.clone()),
                };
                if let Some(value) = value {
                    values.written.insert(written.clone(), value);
                }
            }
        }
        (values, faults)
    }

    fn check(&mut self, declared: &InputDeclaration, faults: &mut Vec<InputFault>) {
        let at = (declared.start > 0).then(|| (declared.start, declared.start + declared.name.len()));
        let accepts = describe(&declared.accepts);
        let value = match (self.inputs.get(&declared.name), &declared.default) {
            (Some(value), _) => value.clone(),
            (None, Some(default)) => default.clone(),
            (None, None) => {
                let message = format!("the input `{}` has no value", declared.name);
                let option = match declared.name.as_str() {
                    "VERSION" => "--version ".to_owned(),
                    name => format!("--set {name}="),
                };
                let help = format!("give one: `{option}…` ({accepts})");
                faults.push(InputFault { message, help, at, is_missing: true });
                return;
            }
        };
        if let Err(reason) = declared.accepts.check(&value) {
            let message = format!("the input `{}`: {reason}", declared.name);
            let help = format!("it accepts: {accepts}");
            faults.push(InputFault { message, help, at, is_missing: false });
        }
        self.inputs.insert(declared.name.clone(), value);
    }

    /// Finds the literals that stand for the version and the one before it, such as `v1.2.3` and
    /// `v1.2.2`: the two highest that are written more than once in the lane's code.
    pub(super) fn bind_samples(&mut self, literals: &[String]) {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for literal in literals {
            *counts.entry(literal).or_default() += 1;
        }
        let distinct: BTreeSet<&str> = counts.keys().copied().collect();
        let mut ranked: Vec<(Vec<u64>, &str)> =
            distinct.into_iter().filter_map(|literal| Some((numbers(literal)?, literal))).collect();
        ranked.sort();
        let targets = ["VERSION", "PREVIOUS_VERSION"];
        for ((_, literal), name) in ranked.iter().rev().zip(targets) {
            if let Some(value) = self.inputs.get(name) {
                self.samples.insert((*literal).to_owned(), value.clone());
            }
        }
    }

    /// Returns the value of a placeholder.
    pub(super) fn of(&self, placeholder: &Placeholder) -> Option<String> {
        let written = placeholder.text.as_str();
        if let Some(value) = self.written.get(written) {
            return Some(value.clone());
        }
        match placeholder.kind {
            PlaceholderKind::SampleVersion => self.samples.get(written).cloned(),
            PlaceholderKind::VersionPattern => self.inputs.get("VERSION").cloned(),
            PlaceholderKind::SampleHost | PlaceholderKind::SampleName => None,
            _ => {
                let name = names::variable(written);
                self.inputs.get(&name).cloned().filter(|_| !name.is_empty())
            }
        }
    }

    /// Puts values in place of the placeholders of code. The second part lists those that must be
    /// bound and are not, or whose value may not stand in code.
    pub(super) fn code(&mut self, code: &str, placeholders: &[Placeholder]) -> (String, Vec<String>) {
        let mut bound = String::with_capacity(code.len());
        let mut unbound = Vec::new();
        let mut at = 0;
        for placeholder in placeholders {
            if placeholder.start < at || placeholder.end > code.len() {
                continue;
            }
            let value = self.of(placeholder);
            // A comment does nothing: what is missing there is missing for nobody.
            let must = placeholder.kind.must_be_bound() && !in_comment(code, placeholder.start);
            if must || value.is_some() {
                self.used.insert(placeholder.text.clone(), value.clone());
            }
            let replacement = match value {
                Some(value) if self.may_stand_in_code(placeholder, &value) => value,
                Some(value) => {
                    note(
                        &mut unbound,
                        format!("`{}`, whose value `{value}` may not stand in code", placeholder.text),
                    );
                    continue;
                }
                None if must => {
                    note(&mut unbound, format!("`{}`", placeholder.text));
                    continue;
                }
                None => continue,
            };
            bound.push_str(&code[at..placeholder.start]);
            bound.push_str(&replacement);
            at = placeholder.end;
        }
        bound.push_str(&code[at..]);
        (bound, unbound)
    }

    fn may_stand_in_code(&self, placeholder: &Placeholder, value: &str) -> bool {
        let name = names::variable(&placeholder.text);
        let declared = self.declared.iter().find(|declared| declared.name == name);
        let accepted = declared.is_none_or(|declared| declared.accepts.check(value).is_ok());
        accepted && names::is_safe_value(value)
    }

    /// Puts values in place of `{{NAME}}` (and, where `dollars`, of `$NAME`). The second part lists
    /// the names that have none.
    pub(super) fn text(
        &self,
        text: &str,
        own: &BTreeMap<String, String>,
        dollars: Dollars,
    ) -> (String, Vec<String>) {
        let pattern: &Pattern = match dollars {
            Dollars::Kept => &BRACES,
            Dollars::Bound => &BRACES_AND_DOLLARS,
        };
        let mut missing = Vec::new();
        let bound = pattern.replace_all(text, |found| {
            let name =
                ["a", "b", "c"].iter().find_map(|group| found.name(group)).map_or("", |name| name.as_str());
            match own.get(name).or_else(|| self.inputs.get(name)) {
                Some(value) => value.clone(),
                None => {
                    missing.push(name.to_owned());
                    found[0].to_owned()
                }
            }
        });
        (bound.into_owned(), missing)
    }

    /// Lists declared inputs and the placeholders that code needs.
    pub(super) fn list(&self) -> Vec<BoundInput> {
        let declared = self.declared.iter().map(|declared| BoundInput {
            name: declared.name.clone(),
            written: declared.name.clone(),
            value: self.inputs.get(&declared.name).cloned(),
            accepts: describe(&declared.accepts),
        });
        let used = self.used.iter().map(|(written, value)| BoundInput {
            name: names::variable(written),
            written: written.clone(),
            value: value.clone(),
            accepts: names::SAFE_VALUE.to_owned(),
        });
        declared.chain(used).collect()
    }

    /// Returns the declared input that has no value and that code reads as `$NAME`.
    pub(super) fn unset_declared<'a>(&self, read: &'a [String]) -> Vec<&'a String> {
        read.iter()
            .filter(|name| {
                self.declared.iter().any(|declared| declared.name == **name)
                    && !self.inputs.contains_key(*name)
            })
            .collect()
    }
}

/// Whether `$NAME` is bound as well as `{{NAME}}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dollars {
    /// Left as they are: `${secret:NAME}` and a body's own dollars.
    Kept,
    /// Bound: a question that a person reads.
    Bound,
}

/// More names than that in one reason help nobody, and each is compared with those before it.
const MOST_NAMED: usize = 100;

fn note(unbound: &mut Vec<String>, text: String) {
    if unbound.len() < MOST_NAMED && !unbound.contains(&text) {
        unbound.push(text);
    }
}

/// Tells whether a place stands on a line that is a comment.
fn in_comment(code: &str, at: usize) -> bool {
    let line_start = code[..at].rfind('\n').map_or(0, |end| end + 1);
    code[line_start..at].trim_start().starts_with('#')
}

fn describe(accepts: &Accepts) -> String {
    match accepts {
        Accepts::Pattern(pattern) => format!("pattern {pattern}"),
        Accepts::OneOf(values) => format!("one of {}", values.join(", ")),
    }
}

/// Returns the numbers of a version for comparing.
fn numbers(version: &str) -> Option<Vec<u64>> {
    version
        .trim_start_matches(['v', 'V'])
        .split(['.', '-', '+'])
        .take(3)
        .map(|part| part.parse().ok())
        .collect()
}
