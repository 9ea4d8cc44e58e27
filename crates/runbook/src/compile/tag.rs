//! Tags of git: `.tag`, as a shell step that calls git, with its way back.
//!
//! The tag's object is made and recorded before it has its name, so the way back knows exactly what
//! this step made, and never removes what is somebody else's.

use tminus_release::time::Span;

use super::database::quote;
use super::drafts::{Compiler, Place};
use super::recipe::{BothWays, Recipe};
use crate::control::Tag;
use crate::outline::FenceUnit;

const HEAD: &str = include_str!("recipes/tag_head.sh");
const MAKE: &str = include_str!("recipes/tag_make.sh");
const UNDO: &str = include_str!("recipes/tag_undo.sh");

/// A push of what is there already.
const TIMEOUT: Span = Span::minutes(10);

impl Compiler<'_> {
    pub(super) fn tag(&mut self, place: &Place<'_>, fence: &FenceUnit, tag: &Tag) {
        if !self.is_no_check(place, fence, "tag") {
            return;
        }
        let Some(name) = self.bound_word(place, "tag", &tag.tag) else { return };
        let Some(at) = self.bound_word(place, "at", &tag.at) else { return };
        let message = match &tag.message {
            None => Some(format!("Release {name}")),
            Some(message) => self.bound_text(place, "message", message),
        };
        let Some(message) = message else { return };
        let head = format!(
            "tag={}\nat={}\nmessage={}\nremote={}\nname={}\n{HEAD}\n",
            quote(&name),
            quote(&at),
            quote(&message),
            quote(&tag.remote),
            quote(&self.record_name(place.index, place.run.as_deref())),
        );
        let remote = &tag.remote;
        let forward =
            Recipe { title: format!("Tag {at} as {name} in {remote}"), script: format!("{head}{MAKE}") };
        let back = Recipe {
            title: format!("Remove the tag {name} that this release made"),
            script: format!("{head}{UNDO}"),
        };
        let own = self.one_host(place, fence, "one pushes the tag");
        let folder = self.recipe_folder(place, fence);
        let both = BothWays { kind: "tag", timeout: TIMEOUT, own, folder, forward, back };
        let at = self.with_way_back(place, fence, both);
        // The git host may be away on the night when the service has to go back.
        self.drafts[at].step.undo_last = true;
    }
}
