//! JSON schemas of the small languages, for editors that know schemas and not tminus.
//!
//! Draft 7, which YAML and TOML plug-ins understand best. A schema says which keys there are and of
//! which shape their values; what they mean is judged by the parsers alone. So a schema must never
//! refuse what a parser takes, and a test holds their keys together.

mod database;
mod deploy;
mod repository;

use serde_json::{Map, Value, json};

use crate::control::CONTROL_KINDS;

/// What a schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// The body of a control step, by its class.
    Control,
    /// The front matter of a runbook.
    FrontMatter,
    /// `tminus.toml`.
    Settings,
}

/// Returns the schema.
pub fn schema(of: Schema) -> Value {
    let (title, body) = match of {
        Schema::Control => ("A control step of a tminus runbook", control()),
        Schema::FrontMatter => ("The front matter of a tminus runbook", front_matter()),
        Schema::Settings => ("tminus.toml: what is about the place and the people", settings()),
    };
    let mut schema = json!({ "$schema": "http://json-schema.org/draft-07/schema#", "title": title });
    if let (Value::Object(schema), Value::Object(body)) = (&mut schema, body) {
        schema.extend(body);
    }
    schema
}

/// A scalar: YAML and TOML may read `1.10` as a number, and here it stays the text that was written.
fn text(description: &str) -> Value {
    json!({ "type": ["string", "number", "boolean"], "description": description })
}

fn duration(description: &str) -> Value {
    json!({ "type": ["string", "number"], "description": description, "examples": ["30s", "15m", "1h 30m"] })
}

fn word(words: &[&str], description: &str) -> Value {
    json!({ "enum": words, "description": description })
}

/// Texts: one, or a list of them.
fn texts(description: &str) -> Value {
    let one = json!({ "type": ["string", "number", "boolean"] });
    json!({ "anyOf": [one, { "type": "array", "items": one }], "description": description })
}

/// Any names, each with a value of one shape.
fn named(value: &Value, description: &str) -> Value {
    json!({ "type": "object", "additionalProperties": value, "description": description })
}

/// Keys that are all known.
fn keys(known: &[(&str, Value)], required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        known.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

const HOLD_OR_ROLLBACK: [&str; 2] = ["hold", "rollback"];

fn control() -> Value {
    let kinds: Map<String, Value> =
        CONTROL_KINDS.iter().map(|kind| ((*kind).to_owned(), control_step(kind))).collect();
    let any: Vec<Value> =
        CONTROL_KINDS.iter().map(|kind| json!({ "$ref": format!("#/definitions/{kind}") })).collect();
    json!({
        "description": "The class of the fence says which definition holds: {#id .approval} is #/definitions/approval.",
        "definitions": kinds,
        "anyOf": any,
    })
}

/// Who has to say yes, and for how long it holds.
fn yes() -> [(&'static str, Value); 4] {
    [
        ("quorum", quorum()),
        ("expires", duration("Answers lapse after this time and are asked for again.")),
        ("not", texts("`starter` or `nobody`: who may not approve.")),
        (
            "starter_may_approve",
            json!({ "enum": [true, false, "true", "false"], "description": "Lets whoever started the release say yes." }),
        ),
    ]
}

fn control_step(kind: &str) -> Value {
    let only = ("only", text("Left out in every other environment."));
    match kind {
        "approval" => {
            let mut all =
                vec![("ask", text("The question that the approver reads; $NAME and {{NAME}} are bound."))];
            all.extend(yes());
            all.push(only);
            keys(&all, &["ask", "quorum"])
        }
        "soak" | "watch" => keys(
            &[
                ("for", durations()),
                ("while", rules("`slo`: the document's service-level rules; or rules of its own.")),
                ("rules", rules("Rules that must hold meanwhile.")),
                ("on_breach", word(&HOLD_OR_ROLLBACK, "What a broken rule leads to.")),
                only,
            ],
            &["for"],
        ),
        "choice" => keys(
            &[
                ("ask", text("The question.")),
                (
                    "options",
                    json!({ "type": "array", "minItems": 2, "items": text("An answer."), "description": "The answers." }),
                ),
                only,
            ],
            &["ask", "options"],
        ),
        "backup" | "restore" | "migrate" => database::control_step(kind, only),
        "deploy" => deploy::control_step(&only),
        "job" => keys(
            &[
                ("file", text("The manifest of one Job.")),
                ("set", images("Containers of the Job and their new images.")),
                ("within", duration("How long it may take; the cluster ends it then. 15m.")),
                only,
            ],
            &["file"],
        ),
        "flag" => flag(only),
        "workflow" => repository::workflow(&only),
        "tag" => repository::tag(only),
        "image" => repository::image(only),
        "send" | "fetch" => file(kind, only),
        other => {
            let known = crate::control::unavailable_keys(other);
            let anything = json!({ "description": "Not available yet." });
            let mut all: Vec<(&str, Value)> = known.iter().map(|key| (*key, anything.clone())).collect();
            if other == "gate" {
                all.extend(gate());
            }
            all.push(only);
            let mut schema = keys(&all, &[]);
            schema["type"] = json!(["object", "null"]);
            if known.is_empty() {
                // Their keys come with the version that can run them.
                schema["additionalProperties"] = json!(true);
            }
            schema
        }
    }
}

fn flag(only: (&'static str, Value)) -> Value {
    keys(
        &[
            ("flag", text("The flag's name.")),
            ("to", flag_values()),
            ("provider", word(&["flagd", "unleash", "command"], "Who keeps the flag.")),
            ("url", text("The address of Unleash.")),
            ("token", text("The secret with a token of Unleash's Admin API; UNLEASH_TOKEN.")),
            ("project", text("The flag's project in Unleash; default.")),
            ("environment", text("The environment in Unleash; that of the phase.")),
            ("file", text("The file in flagd's format.")),
            ("get", text("A command that prints the value of $FLAG.")),
            ("set", text("A command that makes $FLAG_VALUE the value of $FLAG.")),
            only,
        ],
        &["flag", "to", "provider"],
    )
}

/// A file that goes to hosts, or comes from them.
fn file(kind: &str, only: (&'static str, Value)) -> Value {
    if kind == "fetch" {
        return keys(
            &[
                ("from", text("The file there; inputs are bound.")),
                ("to", text("The folder here that gets a folder for each host.")),
                only,
            ],
            &["from", "to"],
        );
    }
    keys(
        &[
            ("from", text("The file here; inputs are bound.")),
            ("to", text("The file there.")),
            ("mode", mode()),
            only,
        ],
        &["from", "to"],
    )
}

fn workloads_and_images() -> Value {
    let mut schema = named(&images("Containers and their new images."), "Workloads whose images change.");
    schema["minProperties"] = json!(1);
    schema
}

fn images(description: &str) -> Value {
    json!({ "type": "object", "minProperties": 1, "additionalProperties": text("An image; $VERSION and inputs are bound."), "description": description })
}

/// The conditions of a gate that can be looked at.
fn gate() -> [(&'static str, Value); 5] {
    let rls = keys(
        &[
            ("schemas", texts("Schemas whose tables must have row-level security and a policy.")),
            ("allow", texts("Tables that need none.")),
        ],
        &["schemas"],
    );
    let env_keys = keys(
        &[
            ("example", text("The file that names the keys.")),
            ("file", text("The file that must have them.")),
            ("allow", texts("Keys that may be in one of them only.")),
        ],
        &["example", "file"],
    );
    [
        ("env_keys", env_keys),
        ("git", word(&["clean"], "The work tree has no change.")),
        ("db", text("A name under [databases] in tminus.toml: where rls and pgtap look.")),
        ("rls", json!({ "anyOf": [texts("The schemas."), rls] })),
        ("pgtap", text("pgTAP's test files, such as db/tests/*.sql.")),
    ]
}

fn mode() -> Value {
    let mut mode = text("Its mode there, such as 640; without, that of the file in its place, or 644.");
    mode["pattern"] = json!("^[0-7]{3,4}$");
    mode
}

fn flag_values() -> Value {
    let value =
        text("`on`, `off`, a variant, or with Unleash a share such as 25%; $VERSION and inputs are bound.");
    json!({
        "anyOf": [value, named(&value, "By environment, with `default`; left out where neither holds.")],
    })
}

fn quorum() -> Value {
    json!({
        "type": "object",
        "minProperties": 1,
        "additionalProperties": { "anyOf": [
            { "type": "integer", "minimum": 1 },
            { "type": "string", "pattern": "^\\+?[0-9]+$" },
        ]},
        "description": "How many of which role; each person counts once.",
    })
}

fn durations() -> Value {
    json!({
        "anyOf": [duration("How long."), named(&duration("How long there."), "By environment or release type, with `default`.")],
    })
}

fn rules(description: &str) -> Value {
    let rule = text("`metric op number unit [for duration]`");
    json!({
        "anyOf": [rule, { "type": "array", "items": rule }, { "type": "object", "additionalProperties": rule }],
        "description": description,
    })
}

fn inputs() -> Value {
    let declared = keys(
        &[
            ("pattern", text("A regular expression that the whole value must match.")),
            ("values", texts("What it may be.")),
            ("default", text("What it is when nothing is given.")),
        ],
        &[],
    );
    json!({
        "type": "object",
        "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
        "additionalProperties": { "anyOf": [
            text("A regular expression that the whole value must match."),
            { "type": "array", "items": text("A value that it may have.") },
            declared,
            { "type": "null" },
        ]},
        "description": "Values that are given when a release starts; also environment variables of every step.",
    })
}

fn front_matter() -> Value {
    let slo = text("`< 1%`");
    keys(
        &[
            ("runbook", json!({ "enum": [1, "1"], "description": "The language version." })),
            ("inputs", inputs()),
            ("environments", texts("In the order in which they are released to.")),
            ("roles", texts("Roles that are named.")),
            (
                "slo",
                json!({
                    "anyOf": [{ "type": "object", "additionalProperties": slo }, { "type": "array", "items": slo }],
                    "description": "Service-level rules: { error_rate: < 1%, p95: < 500ms }.",
                }),
            ),
            ("on_failure", word(&HOLD_OR_ROLLBACK, "What a failed step leads to.")),
            ("on_breach", word(&HOLD_OR_ROLLBACK, "What a broken rule leads to.")),
        ],
        &["runbook"],
    )
}

/// How codes of the checker are taken here.
fn checks() -> Value {
    let one = keys(
        &[
            ("severity", word(&["off", "note", "warning", "error"], "How the code is taken here.")),
            ("because", text("Why it is taken otherwise than everywhere else.")),
        ],
        &["severity", "because"],
    );
    json!({
        "type": "object",
        "propertyNames": { "pattern": "^[Tt][2-8][0-9][0-9]$" },
        "additionalProperties": one,
        "description": "Codes T2 to T8: how they are taken here, with the reason.",
    })
}

fn references(what: &str) -> Value {
    named(&json!({ "type": "string", "pattern": "^(env|file|exec|vault):" }), what)
}

fn cluster() -> Value {
    keys(
        &[
            ("context", text("A name that `kubectl config get-contexts` shows.")),
            ("namespace", text("The namespace that releases act in.")),
            ("kubeconfig", text("The configuration's file; without, that of KUBECONFIG.")),
        ],
        &["context", "namespace"],
    )
}

fn settings() -> Value {
    let secrets = references("References, never values: env:NAME, file:path, exec:command.");
    let databases = references("Database name to the reference of its address, such as env:DATABASE_URL.");
    let variables = named(&text("A value."), "Variables of every step there.");
    let environment = keys(
        &[
            ("url", text("Its address: the variable URL.")),
            ("variables", variables),
            ("secrets", secrets.clone()),
            ("databases", databases.clone()),
            ("kubernetes", cluster()),
        ],
        &[],
    );
    let metric = keys(
        &[
            ("url", text("The address that answers with JSON.")),
            ("value", text("CEL over `body`.")),
            ("headers", named(&text("A value, or secret:NAME."), "Headers of the request.")),
            ("every", duration("Time between two samples.")),
            ("environment", text("Where it holds.")),
        ],
        &["url"],
    );
    let probe = keys(
        &[
            ("url", text("The address that is asked again and again.")),
            ("every", duration("Time between two requests.")),
            ("timeout", duration("An answer after this time is none.")),
            ("window", duration("Time over which the figures are taken.")),
            ("environment", text("Where it holds.")),
        ],
        &["url"],
    );
    let mut channel = keys(
        &[
            ("file", text("A file, relative to the release's own folder.")),
            ("webhook", text("An address, or secret:NAME; gets {\"text\": …}.")),
        ],
        &[],
    );
    channel["minProperties"] = json!(1);
    let policy = keys(
        &[
            ("on_failure", word(&HOLD_OR_ROLLBACK, "What a failed step leads to.")),
            ("on_breach", word(&HOLD_OR_ROLLBACK, "What a broken rule leads to.")),
            ("no_data", duration("How long a rule may be without data.")),
            (
                "minimum_quorum",
                json!({ "type": ["integer", "string"], "description": "How many people an approval needs at least." }),
            ),
        ],
        &[],
    );
    keys(
        &[
            ("environments", named(&environment, "In the order in which they are released to.")),
            ("roles", named(&texts("People."), "Who has which role.")),
            ("inputs", inputs()),
            ("metrics", named(&metric, "Where numbers come from.")),
            ("probe", named(&probe, "tminus's own requests.")),
            ("channels", named(&channel, "Where messages go.")),
            ("secrets", secrets),
            ("hosts", named(&texts("Addresses."), "Host to address.")),
            ("databases", databases),
            ("policy", policy),
            ("checks", checks()),
            ("choices", named(&text("An answer."), "Answers to choices and options.")),
        ],
        &[],
    )
}
