//! The schema of `.deploy`: one way for each target.

use serde_json::{Map, Value, json};

use super::{duration, images, keys, named, text, texts, word, workloads_and_images};

/// One project whose services are replaced, and two that take turns.
fn compose<'k>(only: &(&'k str, Value)) -> [Value; 2] {
    let address = "An address that answers with 2xx where the service runs: http://127.0.0.1:8080/health, or :8080/health for a port of its container.";
    let healthy = json!({
        "anyOf": [text("The check below, or an address that is asked when the last service has moved."), named(&text(address), "Services and their addresses.")],
        "description": "What says whether it serves what it should.",
    });
    let common = [
        ("target", word(&["compose"], "Services of a compose file.")),
        ("services", texts("In the order in which they move.")),
        ("files", texts("The compose files; without, what compose looks for itself.")),
        ("env_file", text("The file of variables that `set` changes.")),
        ("set", named(&text("A value; $VERSION and inputs are bound."), "Variables of the file.")),
        ("within", duration("How long one service may take to become healthy; 2m.")),
        ("folder", text("Where the compose file is; without, beside the runbook.")),
        ("drain", text("A command that takes $SERVICE, or $PROJECT, out of the traffic, and waits.")),
        ("healthy", healthy),
        only.clone(),
    ];
    let with = |own: &[(&'k str, Value)], required: &[&str]| {
        let all: Vec<_> = common.iter().chain(own).cloned().collect();
        let required: Vec<_> = ["target", "services"].iter().chain(required).copied().collect();
        keys(&all, &required)
    };
    let replaced = with(
        &[
            ("project", text("The name of the compose project.")),
            ("strategy", word(&["rolling"], "One service after the other.")),
            ("admit", text("A command that gives $SERVICE its traffic again.")),
        ],
        &[],
    );
    let in_turns = with(
        &[
            ("strategy", word(&["blue-green"], "The other project comes up, then the traffic is switched.")),
            (
                "blue_green",
                json!({ "type": "array", "items": text("A compose project."), "minItems": 2, "description": "The two projects." }),
            ),
            ("serving", text("A command that prints the project that has the traffic.")),
            ("switch", text("A command that sends the traffic to $PROJECT.")),
        ],
        &["strategy", "blue_green", "serving", "switch"],
    );
    [replaced, in_turns]
}

/// The keys differ by what is deployed to, and how.
pub(super) fn control_step((only, only_where): &(&str, Value)) -> Value {
    let only = (*only, only_where.clone());
    let healthy = ("healthy", text("The check below that says whether it serves what it should."));
    let target = ("target", word(&["kubernetes"], "Workloads of the environment's cluster."));
    let within = ("within", duration("How long one workload may take to be rolled out; 5m."));
    let mut rolling = keys(
        &[
            target.clone(),
            (
                "services",
                texts(
                    "web, deployment/web, statefulset/db, daemonset/agent, in the order in which they move.",
                ),
            ),
            ("apply", texts("Manifests: files, folders, folders with a kustomization.")),
            ("set", workloads_and_images()),
            ("strategy", word(&["rolling"], "Pod by pod.")),
            within.clone(),
            healthy.clone(),
            only.clone(),
        ],
        &["target"],
    );
    rolling["anyOf"] = json!([{ "required": ["apply", "services"] }, { "required": ["set"] }]);
    let blue_green = keys(
        &[
            target,
            (
                "strategy",
                word(&["blue-green"], "The other Deployment comes up, then the Service is switched."),
            ),
            ("service", text("The Service that is switched.")),
            (
                "blue_green",
                json!({ "type": "array", "items": text("A Deployment."), "minItems": 2, "description": "The two Deployments." }),
            ),
            ("set", images("Containers and their new images.")),
            within,
            healthy.clone(),
            only.clone(),
        ],
        &["target", "strategy", "service", "blue_green", "set"],
    );
    let [compose, in_turns] = compose(&only);
    let ways =
        [compose, in_turns, rolling, blue_green, site(only.clone()), bucket(only.clone()), vendor(only)];
    let mut all = Map::new();
    for (key, value) in ways.iter().flat_map(|way| way["properties"].as_object().into_iter().flatten()) {
        // What it means there is said by the way that is taken.
        let described = json!({ "description": value["description"] });
        all.entry(key.clone()).or_insert(described);
    }
    all.insert(
        "target".to_owned(),
        word(&["compose", "kubernetes", "static", "bucket", "command"], "What is deployed to."),
    );
    json!({ "type": "object", "properties": all, "additionalProperties": false, "required": ["target"], "anyOf": ways })
}

fn site(only: (&str, Value)) -> Value {
    keys(
        &[
            ("target", word(&["static"], "A folder that is served.")),
            ("from", text("The folder that was built.")),
            ("to", text("The folder that gets `releases/` and the link `current`.")),
            ("name", text("The name of the release's own folder, such as $VERSION.")),
            ("keep", keep()),
            only,
        ],
        &["target", "from", "to"],
    )
}

fn keep() -> Value {
    json!({ "type": ["integer", "string"], "minimum": 1, "pattern": "^[0-9]+$", "description": "How many earlier releases stay." })
}

fn bucket(only: (&str, Value)) -> Value {
    let mut to = text("The bucket, and where in it: s3://BUCKET/PREFIX.");
    to["pattern"] = json!("^(s3://|\\$|\\{\\{)");
    let mut url = text("The address that must serve what was published.");
    url["pattern"] = json!("^(https?://|\\$)");
    keys(
        &[
            ("target", word(&["bucket"], "An S3-compatible bucket.")),
            ("from", text("The folder that was built.")),
            ("to", to),
            (
                "serve",
                word(
                    &["files", "pointer"],
                    "What readers get: the objects below `to`, or what lies below the release that `current` names.",
                ),
            ),
            ("name", text("The name of the release below `releases/`, such as $VERSION.")),
            ("keep", keep()),
            ("url", url),
            ("expect", text("The file that the address serves; index.html.")),
            ("within", duration("How long it may take until it does; 2m.")),
            only,
        ],
        &["target", "from", "to", "serve"],
    )
}

fn vendor(only: (&str, Value)) -> Value {
    keys(
        &[
            ("target", word(&["command"], "A vendor's own program.")),
            ("deploy", text("The command that puts the release live.")),
            (
                "rollback",
                text("The command that puts back $SERVED_BEFORE, which the vendor calls $LIVE_BEFORE."),
            ),
            ("verify", text("A command that prints what the address serves now.")),
            ("version", text("What it must print afterwards; $VERSION and inputs are bound.")),
            ("live", text("A command that prints the vendor's name of what is live.")),
            ("within", duration("How long it may take until the address serves it; 5m.")),
            only,
        ],
        &["target", "deploy", "rollback", "verify", "version"],
    )
}
