//! The schemas against the parsers: the same keys, nothing refused that a parser takes, and what
//! people get wrong most often refused by both.

use serde_json::{Map, Value as Json, json};
use tminus_runbook::control;
use tminus_runbook::data::{Node, Value, parse_toml, parse_yaml};
use tminus_runbook::schema::{Schema, schema};

use crate::given::files_under;

/// Tells what a JSON schema of the kind that we write refuses; only the words that we use.
fn refuses(schema: &Json, root: &Json, value: &Json) -> Option<String> {
    let object = schema.as_object().expect("a schema");
    for (word, rule) in object {
        let refused = match word.as_str() {
            "$schema" | "title" | "description" | "examples" | "definitions" => None,
            "$ref" => {
                let name =
                    rule.as_str().and_then(|path| path.strip_prefix("#/definitions/")).expect("a path");
                refuses(&root["definitions"][name], root, value)
            }
            "type" => (!is_of_type(rule, value)).then(|| format!("{value} is not {rule}")),
            "enum" => (!rule.as_array().expect("words").contains(value))
                .then(|| format!("{value} is none of {rule}")),
            "anyOf" => {
                let all: Option<Vec<String>> =
                    rule.as_array().expect("schemas").iter().map(|one| refuses(one, root, value)).collect();
                all.map(|reasons| reasons.join("; "))
            }
            "minItems" => value
                .as_array()
                .filter(|list| (list.len() as u64) < rule.as_u64().expect("a number"))
                .map(|_| "too short".to_owned()),
            "minProperties" => value
                .as_object()
                .filter(|map| (map.len() as u64) < rule.as_u64().expect("a number"))
                .map(|_| "too few".to_owned()),
            "minimum" => value
                .as_f64()
                .filter(|number| *number < rule.as_f64().expect("a number"))
                .map(|_| "too small".to_owned()),
            "pattern" => {
                let pattern = regex::Regex::new(rule.as_str().expect("a pattern")).expect("a pattern");
                value
                    .as_str()
                    .filter(|text| !pattern.is_match(text))
                    .map(|text| format!("{text} has another form"))
            }
            "items" => value.as_array().into_iter().flatten().find_map(|item| refuses(rule, root, item)),
            "required" | "propertyNames" | "properties" | "additionalProperties" => {
                refuses_keys(word, rule, object, root, value)
            }
            other => panic!("the test does not know the word `{other}`"),
        };
        if refused.is_some() {
            return refused;
        }
    }
    None
}

/// What is refused of an object's keys.
fn refuses_keys(
    word: &str,
    rule: &Json,
    schema: &Map<String, Json>,
    root: &Json,
    value: &Json,
) -> Option<String> {
    match word {
        "required" => {
            let missing = |map: &Map<String, Json>| {
                rule.as_array()
                    .expect("keys")
                    .iter()
                    .find(|key| !map.contains_key(key.as_str().expect("a key")))
                    .cloned()
            };
            value.as_object().and_then(missing).map(|key| format!("{key} is missing"))
        }
        "propertyNames" => {
            value.as_object().into_iter().flatten().find_map(|(key, _)| refuses(rule, root, &json!(key)))
        }
        "properties" => value
            .as_object()
            .into_iter()
            .flatten()
            .find_map(|(key, value)| refuses(rule.get(key)?, root, value)),
        _ => {
            let others = value
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(key, _)| schema.get("properties").is_none_or(|known| known.get(key).is_none()));
            others.into_iter().find_map(|(key, value)| match rule {
                Json::Bool(true) => None,
                Json::Bool(false) => Some(format!("no key {key}")),
                rule => refuses(rule, root, value),
            })
        }
    }
}

fn is_of_type(rule: &Json, value: &Json) -> bool {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the test does not know the type `{other}`"),
    };
    match rule {
        Json::String(name) => is(name),
        names => names.as_array().expect("types").iter().any(|name| is(name.as_str().expect("a type"))),
    }
}

/// The value as an editor's plug-in sees it: plain scalars become numbers and truth values.
fn as_editors_see(value: &Value) -> Json {
    match &value.node {
        Node::Scalar(text) => match text.parse::<i64>() {
            Ok(number) => json!(number),
            Err(_) if matches!(text.as_str(), "true" | "false") => json!(text == "true"),
            Err(_) => text
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite())
                .map_or_else(|| json!(text), |number| json!(number)),
        },
        Node::Nothing => Json::Null,
        Node::List(values) => values.iter().map(as_editors_see).collect(),
        Node::Map(entries) => entries
            .iter()
            .map(|(key, value)| (key.text.clone(), as_editors_see(value)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

/// What a parser says about a text.
type Judge = Box<dyn Fn(&str) -> Vec<String>>;

/// A language: how its parser judges a text, and its schema.
struct Language {
    name: String,
    schema: Json,
    root: Json,
    judge: Judge,
    is_toml: bool,
}

fn control_step(kind: &'static str) -> Language {
    let root = schema(Schema::Control);
    Language {
        name: format!(".{kind}"),
        schema: root["definitions"][kind].clone(),
        root,
        judge: Box::new(move |text| {
            let (_, faults) = control::parse(kind, text, 0..0, Some(0));
            faults
                .into_iter()
                .map(|fault| format!("{} {}", fault.message, fault.help.unwrap_or_default()))
                .collect()
        }),
        is_toml: false,
    }
}

fn front_matter() -> Language {
    let root = schema(Schema::FrontMatter);
    Language {
        name: "front matter".to_owned(),
        schema: root.clone(),
        root,
        judge: Box::new(|text| {
            let document = format!("---\n{text}\n---\n# R\n\n- [ ] done\n");
            let found = tminus_runbook::check::check(&document, "r.md");
            found
                .into_iter()
                .filter(|found| found.code == "T102")
                .map(|found| format!("{} {}", found.message, found.help.unwrap_or_default()))
                .collect()
        }),
        is_toml: false,
    }
}

fn settings() -> Language {
    let root = schema(Schema::Settings);
    Language {
        name: "tminus.toml".to_owned(),
        schema: root.clone(),
        root,
        judge: Box::new(|text| {
            tminus_runbook::settings::read(text)
                .1
                .into_iter()
                .map(|found| format!("{} {}", found.message, found.help.unwrap_or_default()))
                .collect()
        }),
        is_toml: true,
    }
}

impl Language {
    fn refuses(&self, text: &str) -> Option<String> {
        let value = if self.is_toml { parse_toml(text) } else { parse_yaml(text, 0) };
        let value = value.unwrap_or_else(|fault| panic!("{}: {text}: {}", self.name, fault.message));
        refuses(&self.schema, &self.root, &as_editors_see(&value))
    }

    /// Both take it.
    fn takes(&self, text: &str) {
        assert_eq!((self.judge)(text), [""; 0], "{}: the parser on {text}", self.name);
        assert_eq!(self.refuses(text), None, "{}: the schema on {text}", self.name);
    }

    /// Both refuse it.
    fn refuse(&self, text: &str) {
        assert_ne!((self.judge)(text), [""; 0], "{}: the parser takes {text}", self.name);
        assert!(self.refuses(text).is_some(), "{}: the schema takes {text}", self.name);
    }

    /// The parser's own list of keys is that of the schema.
    fn has_the_same_keys(&self) {
        let text = if self.is_toml { "zzqqzzqqzz = 1\n" } else { "runbook: 1\nzzqqzzqqzz: 1\n" };
        let said = (self.judge)(text).join("\n");
        let list = said.split("known keys: ").nth(1).unwrap_or_else(|| panic!("{}: {said}", self.name));
        let mut known: Vec<&str> = list.lines().next().unwrap_or("").trim().split(", ").collect();
        known.sort_unstable();
        let mut offered: Vec<&str> =
            self.schema["properties"].as_object().expect("keys").keys().map(String::as_str).collect();
        offered.sort_unstable();
        assert_eq!(offered, known, "{}", self.name);
    }
}

#[test]
fn a_schema_has_the_keys_of_its_parser() {
    for kind in [
        "approval", "soak", "watch", "choice", "backup", "restore", "migrate", "deploy", "job", "workflow",
        "tag", "image", "rollout", "flag", "gate",
    ] {
        control_step(kind).has_the_same_keys();
    }
    front_matter().has_the_same_keys();
    settings().has_the_same_keys();
}

#[test]
fn control_steps_are_taken_and_refused_by_both() {
    let table: [(&'static str, &[&str], &[&str]); 16] = [
        (
            "approval",
            &[
                "ask: Go?\nquorum: { qa-lead: 1 }",
                "ask: 1\nquorum: { a: '2' }\nexpires: 4h\nnot: starter\nonly: staging\nstarter_may_approve: true",
            ],
            &[
                "ask: Go?",
                "quorum: { a: 1 }",
                "ask: Go?\nquorum: { a: 0 }",
                "ask: Go?\nquorum: {}",
                "ask: Go?\nquorum: { a: 1 }\nexpire: 4h",
                "ask: Go?\nquorum: { a: 1 }\nstarter_may_approve: maybe",
                "- a",
            ],
        ),
        (
            "soak",
            &[
                "for: 4h",
                "for: { staging: 4h, hotfix: 0, default: 30m }\nwhile: slo",
                "for: 1h\nrules: [ p95 < 800ms ]\non_breach: hold",
                "for: 1h\nrules: { p95: < 800ms }",
            ],
            &["while: slo", "for: 4h\non_breach: stop", "for: [4h]", "fro: 4h"],
        ),
        ("watch", &["for: 24h\nonly: production"], &["rules: [ p95 < 800ms ]"]),
        ("choice", &["ask: How?\noptions: [a, b]"], &["ask: How?\noptions: [a]", "options: [a, b]"]),
        (
            "backup",
            &[
                "db: app\nto: backups/\nverify: restore",
                "db: app\nto: b\nkeep: 3\nonly: production",
                "db: app\nto: s3://b/app\nencrypt: KEY",
            ],
            &["database: app", "db: app", "db: app\nto: b\nverify: yes", "db: app\nto: b\nkeep: 0"],
        ),
        (
            "restore",
            &[
                "db: app\nquorum: { dba: 1 }\nexpires: 1h",
                "db: app\nfile: backups/$NAME\nencrypt: KEY\nquorum: { dba: 1 }\nstarter_may_approve: true",
            ],
            &["db: app", "quorum: { dba: 1 }", "db: app\nquorum: { dba: 1 }\nto: backups"],
        ),
        (
            "migrate",
            &[
                "db: app\ntool: prisma\nundo: restore",
                "db: app\ntool: command\napply: db/*.rb\nrun: rake\nhistory: select a from b",
                "db: app\napply: db/*.sql\nintegrity: { a: select 1, b: { query: select 2, rule: 2 } }",
                "db: app\napply: db/*.up.sql\nundo: db/*.down.sql\nlock_timeout: 2s",
                "db: app\napply: db/*.sql\nundo: keep\nout_of_order: true\nbaseline: 004.sql",
            ],
            &[
                "db: app",
                "apply: db/*.sql",
                "db: app\napply: db/*.sql\ntool: sqlx",
                "db: app\napply: db/*.sql\nout_of_order: maybe",
                "db: app\ntool: command\napply: db/*.rb\nrun: rake",
                "db: app\napply: db/*.sql\nintegrity: { a: { rule: same } }",
            ],
        ),
        (
            "deploy",
            &[
                "target: compose\nservices: [api, web]\nenv_file: .env\nset: { TAG: $VERSION }\nwithin: 1m",
                "target: compose\nservices: [web]\nfiles: [a.yml, b.yml]\nfolder: app\nproject: shop\nstrategy: rolling",
                "target: compose\nservices: [web]\ndrain: ./proxy drain\nadmit: ./proxy ready",
                "target: compose\nservices: [web]\nhealthy: serves",
                "target: compose\nservices: [web]\nhealthy: http://127.0.0.1/health",
                "target: compose\nservices: [web, api]\nhealthy: { web: ':8080/health', api: 'https://shop/$VERSION' }",
                "target: compose\nservices: [web]\nstrategy: blue-green\nblue_green: [a-b, a-g]\nserving: ./proxy which\nswitch: ./proxy to $PROJECT\ndrain: ./proxy empty $PROJECT",
                "target: kubernetes\nset: { web: { web: a/web:$VERSION, side: a/side:1.2 } }\nwithin: 3m",
                "target: kubernetes\napply: k8s/\nservices: [statefulset/db, web]\nset: { sts/db: { db: a/db:1 } }\nonly: staging",
                "target: kubernetes\nstrategy: blue-green\nservice: web\nblue_green: [web-blue, web-green]\nset: { web: a/web:$VERSION }",
                "target: static\nfrom: dist\nto: /srv/www\nname: $VERSION\nkeep: 5",
                "target: bucket\nfrom: dist\nto: s3://www.example.com/shop/\nserve: files\nname: $VERSION\nkeep: 5\nonly: staging",
                "target: bucket\nfrom: dist\nto: s3://www\nserve: pointer\nurl: https://example.com\nexpect: a.html\nwithin: 1m",
                "target: command\ndeploy: vercel deploy\nrollback: vercel rollback\nverify: curl x\nversion: $VERSION\nlive: a\nwithin: 1m",
            ],
            &[
                "services: [web]",
                "target: static\nfrom: dist",
                "target: bucket\nfrom: dist\nto: s3://www",
                "target: bucket\nfrom: dist\nto: srv\nserve: files",
                "target: command\ndeploy: vercel deploy\nrollback: a\nverify: b",
                "target: command\nrollback: a\nverify: b\nversion: 1",
                "target: static\nfrom: dist\nto: /srv/www\nkeep: 0",
                "target: compose",
                "target: kubernetes\nservices: [web]",
                "target: compose\nservices: [web]\nstrategy: blue-green",
                "target: compose\nservices: [web]\nbatch: 2",
                "target: compose\nservices: [web]\nserving: ./proxy which",
                "target: compose\nservices: [web]\nstrategy: blue-green\nblue_green: [a, b]\nserving: which",
                "target: compose\nservices: [web]\nstrategy: blue-green\nblue_green: [a, b]\nserving: c\nswitch: d\nadmit: e",
                "target: compose\nservices: [web]\nhealthy: [serves]",
                "target: compose\nservices: [web]\nhealthy: { web: [':8080'] }",
                "target: compose\nservices: [web]\napply: k8s/",
                "target: kubernetes\napply: k8s/",
                "target: kubernetes\nset: {}",
                "target: kubernetes\nset: { web: {} }",
                "target: kubernetes\nset: { web: a/web:1 }",
                "target: kubernetes\nset: { web: { web: a/web:1 } }\nenv_file: .env",
                "target: kubernetes\nset: { web: { web: a/web:1 } }\nblue_green: [a, b]",
                "target: kubernetes\nstrategy: blue-green\nservice: web\nblue_green: [web]\nset: { web: a/web:1 }",
                "target: kubernetes\nstrategy: blue-green\nblue_green: [a, b]\nset: { web: a/web:1 }",
            ],
        ),
        (
            "send",
            &["from: a.toml\nto: /etc/a.toml\nmode: 640", "from: a-$VERSION\nto: ~/a\nonly: production"],
            &["from: a", "from: a\nto: b\nmode: rw", "to: b", "from: a\nto: b\nkeep: 1"],
        ),
        ("fetch", &["from: /var/log/a\nto: logs"], &["from: a", "from: a\nto: b\nmode: 640"]),
        (
            "job",
            &[
                "file: k8s/migrate.yaml",
                "file: j.yaml\nset: { migrate: a/web:$VERSION }\nwithin: 10m\nonly: production",
            ],
            &["within: 10m", "file: j.yaml\nset: a/web:1", "file: j.yaml\nname: x"],
        ),
        (
            "tag",
            &["tag: $VERSION", "tag: v1\nat: main\nmessage: Out\nremote: upstream\nonly: production"],
            &["at: HEAD", "tag: [a]", "tag: v1\nname: v1"],
        ),
        (
            "image",
            &[
                "tags: a/web:$VERSION",
                "tags: [a/web:1, 'localhost:5000/web:1']\nplatforms: [linux/amd64, linux/arm/v7]\ncontext: web\nfile: web/Dockerfile\ntarget: app\nbuild_args: { A: 1 }\nbuilder: b\nexisting: use\noutput: WEB_IMAGE\nonly: staging",
            ],
            &["context: .", "tags: a:1\nexisting: replace", "tags: a:1\nbuild_args: x", "tags: a:1\ntag: b"],
        ),
        (
            "workflow",
            &[
                "repo: acme/shop\nworkflow: deploy.yml\nref: main\ninputs: { profile: web, rollback_tag: }\nundo: { inputs: { rollback_tag: $PREVIOUS_VERSION } }",
                "repo: acme/shop\nworkflow: 12\nref: v1\nundo: { workflow: undo.yaml, ref: x }\nmarker: my-mark\nwithin: 5m\ntoken: A\nonly: staging",
                "provider: gitlab\nrepo: a/b/c\nref: main\ninputs: { A: 1 }\nundo: { inputs: { A: 2 } }",
            ],
            &[
                "repo: acme/shop\nref: main",
                "workflow: a.yml\nref: main",
                "repo: a/b\nworkflow: a.yml",
                "repo: a/b\nworkflow: a.yml\nref: main\ninputs: [a]",
                "repo: a/b\nworkflow: a.yml\nref: main\nundo: { reff: b }",
                "provider: gitlab\nrepo: a/b\nref: main\nworkflow: a.yml",
                "provider: jenkins\nrepo: a/b\nref: main\nworkflow: a.yml",
            ],
        ),
        (
            "flag",
            &[
                "flag: new-page\nto: on\nprovider: flagd\nfile: flags.json",
                "flag: new-page\nto: 25%\nprovider: unleash\nurl: https://u.example.com\ntoken: T\nproject: shop\nenvironment: live",
                "flag: new-page\nto: { production: on, default: 2 }\nprovider: command\nget: a\nset: b\nonly: staging",
            ],
            &[
                "flags: x",
                "flag: a\nto: on",
                "flag: a\nto: on\nprovider: other",
                "flag: a\nprovider: flagd\nfile: f",
            ],
        ),
        (
            "gate",
            &[
                "evidence: report.xml\nformat: junit",
                "",
                "git: clean\nenv_keys: { example: .env.example, file: .env, allow: [A, B] }",
                "db: app\nrls: [public]\npgtap: t/*.sql",
                "db: app\nrls: { schemas: [public], allow: [a] }",
            ],
            &[
                "evidense: x",
                "git: dirty",
                "env_keys: { file: .env }",
                "db: app\nrls: { allow: [a] }",
                "env_keys: { example: a, file: b, x: c }",
            ],
        ),
    ];
    for (kind, taken, refused) in table {
        let language = control_step(kind);
        taken.iter().for_each(|text| language.takes(text));
        refused.iter().for_each(|text| language.refuse(text));
    }
}

#[test]
fn front_matter_is_taken_and_refused_by_both() {
    let language = front_matter();
    for text in [
        "runbook: 1",
        "runbook: 1\ninputs:\n  VERSION: 'v\\d+'\n  TYPE: { values: [a, b], default: a }\n  COUNT: [1, 2]\n  ANY:\nenvironments: [staging, production]\nroles: qa-lead",
        "runbook: 1\nslo: { error_rate: < 1%, p95: < 500ms }\non_failure: hold\non_breach: rollback",
        "runbook: 1\nslo: [ error_rate < 1% ]",
    ] {
        language.takes(text);
    }
    for text in [
        "runbook: 2",
        "runbook: 1\nenviroments: [a]",
        "runbook: 1\non_failure: stop",
        "runbook: 1\ninputs: [a]",
        "runbook: 1\ninputs: { 'MY-NAME': a }",
        "runbook: 1\ninputs: { A: { values: [a], defualt: a } }",
        "runbook: 1\nroles: { a: b }",
        "runbook: 1\nslo: p95",
    ] {
        language.refuse(text);
    }
}

#[test]
fn settings_are_taken_and_refused_by_both() {
    let language = settings();
    language
        .takes("[environments.staging.kubernetes]\ncontext = \"x\"\nnamespace = \"y\"\nkubeconfig = \"z\"\n");
    language.takes(
        "[environments.staging]\nurl = \"http://x\"\nvariables = { A = \"b\", N = 1 }\nsecrets = { T = \"env:T\" }\n\
         [roles]\nqa-lead = [\"ana\"]\nsre = \"kim\"\n[inputs]\nVERSION = 'v\\d+'\n[secrets]\nA = \"file:x\"\n[hosts]\nweb-1 = [\"a\"]\n\
         [databases]\napp = \"env:URL\"\n[probe.staging]\nurl = \"http://x\"\nevery = \"1s\"\ntimeout = \"5s\"\nwindow = \"1m\"\n\
         [metrics.error_rate]\nurl = \"http://x\"\nvalue = \"double(body)\"\nheaders = { A = \"secret:T\" }\nevery = \"15s\"\nenvironment = \"staging\"\n\
         [channels]\nteam = { file = \"messages.log\" }\n[policy]\non_failure = \"hold\"\non_breach = \"rollback\"\nno_data = \"2m\"\nminimum_quorum = 2\n\
         [choices]\nhow = \"slowly\"\n[checks]\nT204 = { severity = \"off\", because = \"no endpoint\" }\n",
    );
    for text in [
        "[polcy]\n",
        "[policy]\non_failure = \"stop\"\n",
        "[policy]\nminimum = 2\n",
        "[environments.staging]\nurll = \"x\"\n",
        "[environments.staging.kubernetes]\ncontext = \"x\"\n",
        "[environments.staging.kubernetes]\ncontext = \"x\"\nnamespace = \"y\"\ncluster = \"z\"\n",
        "[environments]\nstaging = 1\n",
        "[secrets]\nA = \"hunter2\"\n",
        "[probe.x]\nevery = \"1s\"\n",
        "[metrics.x]\nvalue = \"1\"\n",
        "[channels]\nteam = {}\n",
        "[roles]\nqa = { a = 1 }\n",
        "hosts = 1\n",
        "[checks]\nT204 = { severity = \"off\" }\n",
        "[checks]\nT204 = \"off\"\n",
        "[checks]\nT901 = { severity = \"off\", because = \"x\" }\n",
    ] {
        language.refuse(text);
    }
}

/// Every document and every settings file that is given away must fit what an editor is told.
#[test]
fn the_runbooks_of_the_project_fit_the_schemas() {
    let given = |ending| {
        let folders = ["runbooks", "crates/cli/templates"];
        folders.into_iter().flat_map(|folder| files_under(folder, ending)).collect::<Vec<_>>()
    };
    let (documents, places) = (given("md"), given("toml"));
    assert!(documents.len() >= 7 && places.len() >= 7, "{documents:?} {places:?}");
    for path in documents {
        let text = std::fs::read_to_string(&path).expect("a document is text");
        let yaml = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
        let (yaml, _) = yaml.unwrap_or_else(|| panic!("{} has front matter", path.display()));
        assert_eq!(front_matter().refuses(yaml), None, "{}", path.display());
    }
    for path in places {
        let text = std::fs::read_to_string(&path).expect("settings are text");
        assert_eq!(settings().refuses(&text), None, "{}", path.display());
    }
}

#[test]
fn the_files_for_editors_are_the_schemas() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
    for (name, of) in
        [("control", Schema::Control), ("front-matter", Schema::FrontMatter), ("settings", Schema::Settings)]
    {
        let written = serde_json::to_string_pretty(&schema(of)).expect("JSON") + "\n";
        let file = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap_or_default();
        assert!(
            file == written,
            "docs/schema/{name}.json is not the schema: `tminus schema {name} > docs/schema/{name}.json`"
        );
    }
}
