//! `.image` as written: a container image that is built and pushed.

use super::Body;
use super::database::secret;
use crate::data::Keys;

/// An image for one or several platforms, pushed under names of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its names with their tags, inputs not yet bound.
    pub tags: Vec<String>,
    /// `linux/amd64` and the like; none: that of the builder.
    pub platforms: Vec<String>,
    /// The folder that is built.
    pub context: String,
    /// The Dockerfile, when it is another than the context's own.
    pub file: Option<String>,
    /// The stage of it.
    pub target: Option<String>,
    /// Arguments of the build, inputs not yet bound.
    pub build_args: Vec<(String, String)>,
    /// The builder of buildx; None: the current one.
    pub builder: Option<String>,
    /// Whether what the registry has under that name already is taken instead.
    pub uses_existing: bool,
    /// The variable that later steps find the image in.
    pub output: String,
}

pub(super) fn image(keys: &mut Keys<'_, '_>) -> Option<Body> {
    let tags = keys.texts("tags");
    if tags.is_empty() {
        keys.missing("tags", "its names in the registry, such as `tags: registry.example.com/web:$VERSION`");
    }
    let untagged = tags.iter().find(|tag| !is_tagged(tag));
    let is_all_tagged = untagged.is_none();
    if let Some(tag) = untagged {
        let message = format!("`{tag}` has no tag of its own behind a colon: every version needs a name");
        keys.wrong("tags", message);
    }
    let platforms = keys.texts("platforms");
    if let Some(odd) = platforms.iter().find(|platform| !is_platform(platform)) {
        keys.wrong("platforms", format!("`{odd}` is no platform, such as `linux/arm64`"));
    }
    let path = |text: &str| {
        let odd = text.is_empty() || text.starts_with('-');
        if odd { Err(format!("`{text}` is no path")) } else { Ok(text.to_owned()) }
    };
    let context = keys.parsed("context", path).unwrap_or_else(|| ".".to_owned());
    let file = keys.parsed("file", path);
    let target = keys.parsed("target", path);
    let builder = keys.parsed("builder", path);
    let build_args = keys.text_map("build_args").into_iter().collect();
    let uses_existing = keys
        .parsed("existing", |text| match text {
            "refuse" | "use" => Ok(text == "use"),
            other => Err(format!("`{other}` is not known; there are `refuse` and `use`")),
        })
        .unwrap_or(false);
    let output =
        keys.parsed("output", |text| secret(text).map_err(|_| format!("`{text}` is no name of a variable")));
    let output = output.unwrap_or_else(|| "IMAGE".to_owned());
    (!tags.is_empty() && is_all_tagged).then_some(Body::Image(Image {
        tags,
        platforms,
        context,
        file,
        target,
        build_args,
        builder,
        uses_existing,
        output,
    }))
}

/// The port of a registry has a colon too, but a slash behind it.
fn is_tagged(text: &str) -> bool {
    let plain = !text.starts_with('-') && !text.contains(char::is_whitespace) && !text.contains('@');
    let last = text.rsplit('/').next().unwrap_or(text);
    plain && last.split_once(':').is_some_and(|(name, tag)| !name.is_empty() && !tag.is_empty())
}

fn is_platform(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let plain =
        |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (2..=3).contains(&parts.len()) && parts.iter().all(plain)
}
