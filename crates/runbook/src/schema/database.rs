//! The schemas of `.backup`, `.restore` and `.migrate`.

use serde_json::{Value, json};

use super::{keys, text, word, yes};

/// Returns the schema of one of them.
pub(super) fn control_step(kind: &str, only: (&'static str, Value)) -> Value {
    match kind {
        "backup" => keys(
            &[
                ("db", text("A name under [databases] in tminus.toml.")),
                ("to", text("The folder, or s3://BUCKET/PREFIX, that keeps the copies.")),
                (
                    "verify",
                    word(&["list", "restore"], "Reads the copy, or restores it into a scratch database."),
                ),
                (
                    "keep",
                    json!({ "type": ["integer", "string"], "minimum": 1, "pattern": "^[0-9]+$", "description": "How many copies stay." }),
                ),
                ("encrypt", text("The secret that holds the key of age.")),
                only,
            ],
            &["db", "to"],
        ),
        "restore" => {
            let mut all = vec![
                ("db", text("A name under [databases] in tminus.toml.")),
                ("file", text("The backup, when it is not that of this release.")),
                ("encrypt", text("The secret that holds the key of age with which `file` was encrypted.")),
            ];
            all.extend(yes());
            all.push(only);
            keys(&all, &["db", "quorum"])
        }
        _ => migrate(only),
    }
}

/// What must be there differs by who applies the files.
fn migrate(only: (&'static str, Value)) -> Value {
    let mut schema = keys(
        &[
            ("db", text("A name under [databases] in tminus.toml.")),
            ("apply", text("Which files, such as db/*.up.sql.")),
            ("undo", text("What takes them back: db/*.down.sql, `restore`, `keep` or `none`.")),
            ("tool", word(&["sql", "prisma", "supabase", "command"], "Who applies them.")),
            ("run", text("The command of `tool`, when it is not the usual one.")),
            ("history", text("Of `tool: command`: a query that names what is applied, one a row.")),
            ("integrity", integrity()),
            ("lock_timeout", text("How long a statement waits for others, such as 5s.")),
            ("statement_timeout", text("How long a statement may take; 0: for ever.")),
            ("dry_run_on", text("The environment in whose database they are tried first.")),
            ("baseline", text("Files up to this name were applied before there was a ledger.")),
            (
                "out_of_order",
                json!({ "enum": [true, false, "true", "false"], "description": "Lets a late file have an early name." }),
            ),
            only,
        ],
        &["db"],
    );
    let of = |tools: &[&str], required: &[&str]| json!({ "properties": { "tool": { "enum": tools } }, "required": required });
    schema["anyOf"] = json!([
        of(&["sql"], &["apply"]),
        of(&["prisma", "supabase"], &["tool"]),
        of(&["command"], &["tool", "apply", "run", "history"]),
    ]);
    schema
}

/// Questions before and after a migration.
fn integrity() -> Value {
    let rule = json!({
        "type": ["string", "integer", "boolean"],
        "description": "same, grows, shrinks, or the answer that it must have.",
    });
    let ruled = keys(&[("query", text("A query.")), ("rule", rule)], &["query"]);
    json!({
        "type": "object",
        "additionalProperties": { "anyOf": [text("A query."), ruled] },
        "description": "Queries whose answers must be the same before and after, or as their rule says.",
    })
}
