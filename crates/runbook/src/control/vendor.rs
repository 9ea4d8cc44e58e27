//! `.deploy` with `target: command` as written.

use tminus_release::time::Span;

use super::Body;
use super::deploy::{command, wanted};
use crate::data::Keys;

/// What a vendor puts live reaches its edges after a while.
const PATIENCE: Span = Span::minutes(5);

/// What a vendor's own program puts live, and takes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vendor {
    /// A command that puts the release live.
    pub deploy: String,
    /// A command that puts back what was live, as `$SERVED_BEFORE` or `$LIVE_BEFORE`.
    pub rollback: String,
    /// A command that prints what the address serves now.
    pub verify: String,
    /// What `verify` must print then, inputs not yet bound.
    pub version: String,
    /// A command that prints the vendor's own name of what is live.
    pub live: Option<String>,
    /// How long it may take until the address serves it.
    pub within: Span,
}

pub(super) fn vendor(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let deploy = wanted(keys, "deploy", "the vendor's command, such as `deploy: vercel deploy --prod --yes`");
    let rollback =
        wanted(keys, "rollback", "a command that puts back what was live, which `$LIVE_BEFORE` names");
    let verify = wanted(
        keys,
        "verify",
        "a command that prints what the address serves now, such as `verify: curl -fsS \"$URL/version.txt\"`",
    );
    let version = match keys.text("version") {
        Some(text) if !text.trim().is_empty() => Some(text.to_owned()),
        found => {
            if found.is_some() || keys.value("version").is_none() {
                keys.missing("version", "what `verify` must print afterwards, such as `version: $VERSION`");
            }
            None
        }
    };
    let live = command(keys, "live");
    let within = keys.duration("within").unwrap_or(PATIENCE);
    Some(Body::Vendor(Vendor {
        deploy: deploy?,
        rollback: rollback?,
        verify: verify?,
        version: version?,
        live,
        within,
    }))
}
