//! Static sites in a bucket: `.deploy` with `target: bucket`, by the user's own `aws`.
//!
//! A release is whole below its own name, read back and compared, before anything of it is served;
//! what serves it changes by one small object, or by copies inside of the bucket, pages last.

use tminus_release::time::Span;

use super::database::quote;
use super::drafts::{Compiler, Place};
use super::recipe::{BothWays, Recipe};
use crate::control::{Bucket, Serve};
use crate::outline::FenceUnit;

const HEAD: &str = include_str!("recipes/bucket_head.sh");
const FILES: &str = include_str!("recipes/bucket_files.sh");
const DEPLOY: &str = include_str!("recipes/bucket_deploy.sh");
const UNDO: &str = include_str!("recipes/bucket_undo.sh");

/// Thousands of files go there and come back.
const TIMEOUT: Span = Span::minutes(30);

impl Compiler<'_> {
    pub(super) fn bucket(&mut self, place: &Place<'_>, fence: &FenceUnit, bucket: &Bucket) {
        let Some(own) = self.bound_folder(place, bucket.name.as_deref()) else { return };
        let Some(url) = self.bound_address(place, bucket.url.as_deref()) else { return };
        let Some(from) = self.bound_path(place, "from", &bucket.from) else { return };
        let Some(to) = self.bound_bucket(place, &bucket.to) else { return };
        let (serve, files) = match bucket.serve {
            Serve::Pointer => ("pointer", ""),
            Serve::Files => ("files", FILES),
        };
        let head = format!(
            "name={}\nfrom={}\nto={}\nas={}\nkeep={}\nserve={serve}\nurl={}\nexpect={}\npatience={}\n{HEAD}\n{files}\n",
            quote(&self.record_name(place.index, place.run.as_deref())),
            quote(&from),
            quote(&to),
            quote(&own),
            bucket.keep.map_or(String::new(), |keep| keep.to_string()),
            quote(&url),
            quote(&bucket.expect),
            bucket.within.0.div_ceil(1000),
        );
        let forward = Recipe { title: format!("Publish {from} to {to}"), script: format!("{head}{DEPLOY}") };
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
