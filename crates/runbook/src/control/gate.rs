//! `.gate` as written: what has to be so before the release goes on.

use super::Body;
use crate::data::{Keys, Value};

/// Conditions that are looked at, and change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// An env file against its example.
    pub env_keys: Option<EnvKeys>,
    /// Whether the work tree must have no change.
    pub is_git_clean: bool,
    /// The database that the next two look at.
    pub db: Option<String>,
    /// Schemas whose tables must have row-level security.
    pub rls: Option<RowSecurity>,
    /// pgTAP's test files.
    pub pgtap: Option<String>,
}

/// Row-level security on every table of these schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSecurity {
    /// The schemas.
    pub schemas: Vec<String>,
    /// Tables that need none.
    pub allow: Vec<String>,
}

/// An env file that must have the keys of its example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvKeys {
    /// The example.
    pub example: String,
    /// The file.
    pub file: String,
    /// Keys that may be in one of them only.
    pub allow: Vec<String>,
}

pub(super) fn gate(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let (env_keys, git) = (keys.value("env_keys"), keys.value("git"));
    let db = keys.text("db").map(str::to_owned);
    let (rls, pgtap) = (keys.value("rls"), keys.value("pgtap"));
    let mut is_later = false;
    for key in super::unavailable_keys("gate") {
        is_later |= keys.value(key).is_some();
    }
    if is_later || [env_keys, git, rls, pgtap].iter().all(Option::is_none) {
        return Some(Body::Unavailable);
    }
    if let Some(value) = git
        && value.text() != Some("clean")
    {
        keys.fault(value, "`git` knows one condition: `clean`");
        return None;
    }
    let env_keys = match env_keys {
        Some(value) => Some(pair(keys, value)?),
        None => None,
    };
    if db.is_none() && (rls.is_some() || pgtap.is_some()) {
        keys.missing("db", "the database's name under [databases], such as `db: app`");
        return None;
    }
    let rls = match rls {
        Some(value) => Some(row_security(keys, value)?),
        None => None,
    };
    let pgtap = match pgtap {
        Some(value) => Some(super::database::pattern(keys, value)?.0),
        None => None,
    };
    Some(Body::Gate(Gate { env_keys, is_git_clean: git.is_some(), db, rls, pgtap }))
}

/// Reads `rls: [public]` or `rls: { schemas: [public], allow: [spatial_ref_sys] }`.
fn row_security(keys: &mut Keys<'_, '_>, value: &Value) -> Option<RowSecurity> {
    let found = match value.texts() {
        Some(schemas) => {
            RowSecurity { schemas: schemas.into_iter().map(str::to_owned).collect(), allow: Vec::new() }
        }
        None => {
            let mut inner = keys.inner(value, "`rls`");
            let found = RowSecurity { schemas: inner.texts("schemas"), allow: inner.texts("allow") };
            inner.finish();
            found
        }
    };
    if found.schemas.is_empty() {
        keys.fault(value, "`rls` names schemas: `rls: [public]`");
        return None;
    }
    Some(found)
}

fn pair(keys: &mut Keys<'_, '_>, value: &Value) -> Option<EnvKeys> {
    let mut keys = keys.inner(value, "`env_keys`");
    let (example, file) = (keys.text("example"), keys.text("file"));
    for (key, found) in [("example", example), ("file", file)] {
        if found.is_none() {
            keys.missing(key, "`env_keys: { example: .env.example, file: .env.production }`");
        }
    }
    let allow = keys.texts("allow");
    keys.finish();
    Some(EnvKeys { example: example?.to_owned(), file: file?.to_owned(), allow })
}
