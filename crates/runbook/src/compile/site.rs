//! Static sites: `.deploy` with `target: static`, as a copy that is compared and a link that moves.
//!
//! A folder that was published is never changed, and what a server reads is at every moment one
//! release or the other, whole.

use tminus_release::time::Span;

use super::database::quote;
use super::drafts::{Compiler, Place};
use super::recipe::{BothWays, Recipe};
use crate::control::Site;
use crate::outline::FenceUnit;

const HEAD: &str = include_str!("recipes/site_head.sh");
const DEPLOY: &str = include_str!("recipes/site_deploy.sh");
const UNDO: &str = include_str!("recipes/site_undo.sh");

/// Thousands of files are copied and read twice.
const TIMEOUT: Span = Span::minutes(30);

impl Compiler<'_> {
    pub(super) fn site(&mut self, place: &Place<'_>, fence: &FenceUnit, site: &Site) {
        let Some(own) = self.bound_folder(place, site.name.as_deref()) else { return };
        let Some(from) = self.bound_path(place, "from", &site.from) else { return };
        let Some(to) = self.bound_path(place, "to", &site.to) else { return };
        let head = format!(
            "name={}\nfrom={}\nto={}\nas={}\nkeep={}\n{HEAD}\n",
            quote(&self.record_name(place.index, place.run.as_deref())),
            quote(&from),
            quote(&to),
            quote(&own),
            site.keep.map_or(String::new(), |keep| keep.to_string()),
        );
        let forward =
            Recipe { title: format!("Publish {from} below {to}"), script: format!("{head}{DEPLOY}") };
        let back = Recipe {
            title: format!("Serve from {to} what was served before this release"),
            script: format!("{head}{UNDO}"),
        };
        if !self.is_no_check(place, fence, "deploy") {
            return;
        }
        let (own, folder) = (self.hosts(place, fence), self.recipe_folder(place, fence));
        let both = BothWays { kind: "deploy", timeout: TIMEOUT, own, folder, forward, back };
        self.with_way_back(place, fence, both);
    }
}
