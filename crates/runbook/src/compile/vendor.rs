//! Deployments by a vendor's own program: `.deploy` with `target: command`.
//!
//! What such a program reports is not believed: the address is asked before and afterwards, and the
//! way back is only taken when it serves something else than before.

use tminus_release::time::Span;

use super::database::quote;
use super::drafts::{Compiler, Place};
use super::recipe::{BothWays, Recipe};
use crate::control::Vendor;
use crate::outline::FenceUnit;

const HEAD: &str = include_str!("recipes/vendor_head.sh");
const DEPLOY: &str = include_str!("recipes/vendor_deploy.sh");
const UNDO: &str = include_str!("recipes/vendor_undo.sh");

/// Many of them build first.
const BUILD: Span = Span::minutes(30);

impl Compiler<'_> {
    pub(super) fn vendor(&mut self, place: &Place<'_>, fence: &FenceUnit, vendor: &Vendor) {
        let Some(version) = self.bound_line(place, "version", &vendor.version) else { return };
        let head = format!(
            "name={}\ndeploy={}\nrollback={}\nverify={}\nlive={}\nwant={}\npatience={}\n{HEAD}\n",
            quote(&self.record_name(place.index, place.run.as_deref())),
            quote(vendor.deploy.trim()),
            quote(vendor.rollback.trim()),
            quote(vendor.verify.trim()),
            quote(vendor.live.as_deref().unwrap_or_default().trim()),
            quote(&version),
            vendor.within.0.div_ceil(1000),
        );
        let first = vendor.deploy.trim().lines().next().unwrap_or_default();
        let forward =
            Recipe { title: format!("Deploy {version} by `{first}`"), script: format!("{head}{DEPLOY}") };
        let back = Recipe {
            title: "Put back what the address served before this release".to_owned(),
            script: format!("{head}{UNDO}"),
        };
        if !self.is_no_check(place, fence, "deploy") {
            return;
        }
        let (own, folder) = (self.hosts(place, fence), self.recipe_folder(place, fence));
        let timeout = Span(vendor.within.0.saturating_add(BUILD.0));
        let both = BothWays { kind: "deploy", timeout, own, folder, forward, back };
        self.with_way_back(place, fence, both);
    }
}
