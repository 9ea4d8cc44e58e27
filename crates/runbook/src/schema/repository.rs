//! The schemas of steps that act on a repository: `.workflow`, `.tag` and `.image`.

use serde_json::{Value, json};

use super::{duration, keys, named, text, texts, word};

/// GitHub's workflows have a file, GitLab's one pipeline has none.
pub(super) fn workflow(only: &(&str, Value)) -> Value {
    let ways = [of_forge("github", only), of_forge("gitlab", only)];
    let mut all = ways[0]["properties"].clone();
    all["provider"] = word(&["github", "gitlab"], "Who runs it; github.");
    json!({ "type": "object", "properties": all, "additionalProperties": false, "required": ["repo", "ref"], "anyOf": ways })
}

fn of_forge(forge: &str, (only, only_where): &(&str, Value)) -> Value {
    let value = json!({ "type": ["string", "number", "boolean", "null"], "description": "A value; $VERSION and inputs are bound." });
    let mut all = vec![
        ("ref", text("The branch or tag whose workflow runs.")),
        ("inputs", named(&value, "Inputs of the workflow; variables of a pipeline.")),
    ];
    if forge == "github" {
        all.push(("workflow", text("Its file in .github/workflows.")));
    }
    let mut undo = keys(&all, &[]);
    undo["description"] = json!("What takes it back: what differs from the way forward.");
    all.extend([
        ("provider", word(&[forge], "Who runs it.")),
        ("repo", text("Owner and name.")),
        ("undo", undo),
        ("marker", text("The input by which its own run is found.")),
        ("within", duration("How long a run may take until it is cancelled; 30m.")),
        ("token", text("The secret with the token; GITHUB_TOKEN or GITLAB_TOKEN.")),
        (*only, only_where.clone()),
    ]);
    let last = if forge == "github" { "workflow" } else { "provider" };
    keys(&all, &["repo", "ref", last])
}

pub(super) fn tag(only: (&str, Value)) -> Value {
    keys(
        &[
            ("tag", text("Its name; $VERSION and inputs are bound.")),
            ("at", text("The commit; HEAD.")),
            ("message", text("What it says; Release and its name.")),
            ("remote", text("The remote that gets it; origin.")),
            only,
        ],
        &["tag"],
    )
}

pub(super) fn image(only: (&str, Value)) -> Value {
    keys(
        &[
            ("tags", texts("Its names in the registry, each with a tag; $VERSION and inputs are bound.")),
            ("platforms", texts("Such as linux/amd64; without, that of the builder.")),
            ("context", text("The folder that is built; the runbook's.")),
            ("file", text("The Dockerfile, when it is not the context's own.")),
            ("target", text("The stage of it.")),
            (
                "build_args",
                named(&text("A value; $VERSION and inputs are bound."), "Arguments of the build."),
            ),
            ("builder", text("The builder of buildx; the current one.")),
            ("existing", word(&["refuse", "use"], "What happens when the registry has the name; refuse.")),
            ("output", text("The variable of later steps that holds the image with its digest; IMAGE.")),
            only,
        ],
        &["tags"],
    )
}
