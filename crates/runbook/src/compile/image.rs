//! Container images: `.image`, as a shell step that builds and pushes by docker buildx and then asks
//! the registry.
//!
//! There is no way back, and none is needed: a name that was not there before is used by nothing.

use tminus_release::plan::{Resume, Undo};
use tminus_release::time::Span;

use super::database::quote;
use super::drafts::{Compiler, Place};
use super::recipe::shell;
use crate::control::Image;
use crate::outline::FenceUnit;

const HEAD: &str = include_str!("recipes/image_head.sh");
const BUILD: &str = include_str!("recipes/image_build.sh");

/// Other platforms are emulated, which takes its time.
const TIMEOUT: Span = Span::minutes(60);

impl Compiler<'_> {
    pub(super) fn image(&mut self, place: &Place<'_>, fence: &FenceUnit, image: &Image) {
        if !self.is_no_check(place, fence, "image") {
            return;
        }
        let (mut tags, mut build_args) = (Vec::new(), Vec::new());
        for tag in &image.tags {
            let Some(bound) = self.bound_word(place, "tags", tag) else { return };
            tags.push(bound);
        }
        for (name, value) in &image.build_args {
            let Some(bound) = self.bound_text(place, name, value) else { return };
            build_args.push(format!("{name}={bound}"));
        }
        let list = |words: &[String]| words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        let word = |word: &Option<String>| quote(word.as_deref().unwrap_or_default());
        let script = format!(
            "tags=({})\nplatforms=({})\nbuild_args=({})\ncontext={}\nfile={}\nstage={}\nbuilder={}\nexisting={}\noutput={}\nname={}\n{HEAD}\n{BUILD}",
            list(&tags),
            list(&image.platforms),
            list(&build_args),
            quote(&image.context),
            word(&image.file),
            word(&image.target),
            word(&image.builder),
            if image.uses_existing { "use" } else { "refuse" },
            image.output,
            quote(&self.record_name(place.index, place.run.as_deref())),
        );
        self.image_outputs.extend([image.output.clone(), format!("{}_DIGEST", image.output)]);
        let own = self.one_host(place, fence, "one pushes the image");
        let work = shell("image", script, self.recipe_folder(place, fence), own);
        let id = self.default_ids[place.index].clone();
        let at = self.add_step(place, id, format!("Build and push {}", tags.join(", ")), work);
        let step = &mut self.drafts[at].step;
        (step.resume, step.timeout, step.undo) = (Resume::Rerun, TIMEOUT, Undo::NotNeeded);
        self.attributes(at, fence, place);
    }
}
