//! `.workflow` as written: a run of GitHub Actions, or a pipeline of GitLab.

use tminus_release::time::Span;

use super::Body;
use super::database::secret;
use crate::data::{Keys, Node, Value};

/// How long a run may take.
const PATIENCE: Span = Span::minutes(30);

/// Who runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forge {
    /// GitHub Actions.
    GitHub,
    /// GitLab's pipelines.
    GitLab,
}

/// A run of a workflow elsewhere, followed to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workflow {
    /// Who runs it.
    pub forge: Forge,
    /// `owner/name`; of GitLab also `group/subgroup/name`.
    pub repo: String,
    /// What is dispatched.
    pub forward: Dispatch,
    /// What takes it back. None: the document says it elsewhere, or not at all.
    pub undo: Option<Dispatch>,
    /// The input by which its own run is found.
    pub marker: String,
    /// How long a run may take until it is cancelled.
    pub within: Span,
    /// The secret with the token.
    pub token: String,
}

/// One of the two ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// The workflow's file; empty for GitLab, which has one.
    pub workflow: String,
    /// Branch or tag, inputs not yet bound.
    pub reference: String,
    /// Its inputs, those of the runbook not yet bound.
    pub inputs: Vec<(String, String)>,
}

pub(super) fn workflow(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let forge = keys
        .parsed("provider", |text| match text {
            "github" => Ok(Forge::GitHub),
            "gitlab" => Ok(Forge::GitLab),
            other => Err(format!("`{other}` is not available; there are `github` and `gitlab`")),
        })
        .unwrap_or(Forge::GitHub);
    if keys.value("repo").is_none() {
        keys.missing("repo", "owner and name, such as `repo: acme/shop`");
    }
    let repo = keys.parsed("repo", |text| repository(forge, text));
    let forward = dispatch(keys, forge, None);
    let (marker, token) = match forge {
        Forge::GitHub => ("tminus_marker", "GITHUB_TOKEN"),
        Forge::GitLab => ("TMINUS_MARKER", "GITLAB_TOKEN"),
    };
    let marker = keys.parsed("marker", name).unwrap_or_else(|| marker.to_owned());
    if forward.as_ref().is_some_and(|way| way.inputs.iter().any(|(name, _)| *name == marker)) {
        keys.wrong("inputs", format!("`{marker}` is the marker, which every run gets its own of"));
    }
    let token = keys.parsed("token", secret).unwrap_or_else(|| token.to_owned());
    let within = keys.duration("within").unwrap_or(PATIENCE);
    let undo = match keys.value("undo") {
        Some(value) => {
            let before = forward.clone()?;
            let mut inner = keys.inner(value, "`undo`");
            let undo = dispatch(&mut inner, forge, Some(&before));
            inner.finish();
            // What takes back by the very same run would do it once more.
            if undo.as_ref() == Some(&before) {
                keys.fault(
                    value,
                    "`undo` is the same run again: give it another `workflow`, `ref` or `inputs`",
                );
            }
            Some(undo?)
        }
        None => None,
    };
    Some(Body::Workflow(Workflow { forge, repo: repo?, forward: forward?, undo, marker, within, token }))
}

/// Reads what is dispatched; what `undo` does not say is as it was on the way forward.
fn dispatch(keys: &mut Keys<'_, '_>, forge: Forge, before: Option<&Dispatch>) -> Option<Dispatch> {
    let workflow = match (forge, keys.value("workflow")) {
        (Forge::GitLab, Some(value)) => {
            keys.fault(value, "a project of GitLab has one pipeline: leave `workflow` out, and choose by `ref` and `inputs`");
            None
        }
        (Forge::GitLab, None) => Some(String::new()),
        (Forge::GitHub, Some(_)) => keys.parsed("workflow", file),
        (Forge::GitHub, None) if before.is_some() => before.map(|before| before.workflow.clone()),
        (Forge::GitHub, None) => {
            keys.missing("workflow", "its file in .github/workflows, such as `workflow: deploy.yml`");
            None
        }
    };
    let reference = match (keys.value("ref"), before) {
        (Some(_), _) => keys.parsed("ref", |text| {
            let odd = text.is_empty() || text.starts_with('-') || text.contains(char::is_whitespace);
            if odd { Err(format!("`{text}` is no branch or tag")) } else { Ok(text.to_owned()) }
        }),
        (None, Some(before)) => Some(before.reference.clone()),
        (None, None) => {
            keys.missing("ref", "the branch or tag whose workflow runs, such as `ref: main`");
            None
        }
    };
    let own = keys.value("inputs").map(|value| inputs(keys, value)).unwrap_or_default();
    let mut inputs = before.map(|before| before.inputs.clone()).unwrap_or_default();
    for (name, text) in own {
        match inputs.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = text,
            None => inputs.push((name, text)),
        }
    }
    Some(Dispatch { workflow: workflow?, reference: reference?, inputs })
}

fn inputs(keys: &mut Keys<'_, '_>, value: &Value) -> Vec<(String, String)> {
    let wanted = "`inputs` is names and values, such as `{ profile: web }`";
    let Some(entries) = value.entries() else {
        keys.fault(value, wanted);
        return Vec::new();
    };
    let mut all = Vec::new();
    for (key, value) in entries {
        match (name(&key.text), value.text()) {
            (Ok(name), Some(text)) => all.push((name, text.to_owned())),
            // `rollback_tag:` is how an empty one is written.
            (Ok(name), None) if value.node == Node::Nothing => all.push((name, String::new())),
            _ => keys.fault(value, format!("`{}`: {wanted}", key.text)),
        }
    }
    all
}

/// Inputs have the names of variables, or dashes in them.
fn name(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    let begins = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if begins && text.bytes().all(plain) { Ok(text.to_owned()) } else { Err(format!("`{text}` is no name")) }
}

fn repository(forge: Forge, text: &str) -> Result<String, String> {
    let plain = |part: &str| {
        !part.is_empty()
            && part != ".."
            && part != "."
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let parts = text.split('/').count();
    if text.split('/').all(plain) && (parts == 2 || (parts > 2 && forge == Forge::GitLab)) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is not `owner/name`"))
}

/// `deploy.yml`, the whole path, or the number that GitHub has for it.
fn file(text: &str) -> Result<String, String> {
    let name = text.strip_prefix(".github/workflows/").unwrap_or(text);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let is_known =
        name.ends_with(".yml") || name.ends_with(".yaml") || name.bytes().all(|b| b.is_ascii_digit());
    if !name.is_empty() && name.bytes().all(plain) && is_known {
        return Ok(name.to_owned());
    }
    Err(format!("`{text}` is no file of a workflow, such as `deploy.yml`"))
}
