//! Where things are: the store's folder, the working folder, the person at the keyboard.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tminus_engine::open::Engine;
use tminus_release::event::Actor;

use crate::failure::Failure;

/// The folder that holds the store, beside the work.
pub(crate) const STATE_FOLDER: &str = ".tminus";

/// Reads a variable of the environment: the one place that does.
#[expect(clippy::disallowed_methods, reason = "the one home of the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The environment that steps inherit. Names or values that are not UTF-8 are passed over.
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The store's folder and the folder that steps start in.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The store's folder.
    pub(crate) state: PathBuf,
    /// The working folder.
    pub(crate) work: PathBuf,
}

/// Finds the place: `--state`, else the nearest `.tminus` here or above, else here.
pub(crate) fn place(state: Option<&Path>) -> Result<Place, Failure> {
    let here =
        std::env::current_dir().map_err(|error| crate::failure::file("use", Path::new("."), &error))?;
    if let Some(state) = state {
        return Ok(Place { state: state.to_owned(), work: here });
    }
    let found = here.ancestors().find(|folder| folder.join(STATE_FOLDER).join("tminus.db").is_file());
    let work = found.unwrap_or(&here).to_owned();
    Ok(Place { state: work.join(STATE_FOLDER), work })
}

/// Opens the engine of a place.
pub(crate) async fn engine(place: &Place) -> Result<Engine, Failure> {
    Ok(Engine::open(&place.state, environment()).await?)
}

/// Opens the engine of a place that must hold releases already.
pub(crate) async fn existing_engine(place: &Place) -> Result<Engine, Failure> {
    if !place.state.join("tminus.db").is_file() {
        let what = format!("find any release: there is no {} in this folder or above it", STATE_FOLDER);
        return Err(Failure::usage(
            what,
            "go to the folder in which the release was started, or name its store with --state",
        ));
    }
    engine(place).await
}

/// The person at the keyboard: the operating system's user, or who `--as` says. On one machine
/// nobody checks that; the record says so.
pub(crate) fn person(claimed: Option<&str>) -> Actor {
    let user = variable("USER").or_else(|| variable("LOGNAME")).filter(|name| !name.is_empty());
    let user = user.unwrap_or_else(user_name);
    match claimed {
        Some(name) if name != user => {
            Actor::Person { name: name.to_owned(), proof: format!("local, unauthenticated: said by {user}") }
        }
        _ => Actor::Person { name: user, proof: "local, unauthenticated".to_owned() },
    }
}

/// The name that belongs to the process's user id, for shells that do not say it.
fn user_name() -> String {
    let uid = rustix::process::getuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1) == Some(uid.as_str())).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("uid-{uid}"))
}
