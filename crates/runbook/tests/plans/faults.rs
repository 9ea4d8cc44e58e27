//! What stops a plan, and what is only said. Every fault of a document is told in one pass.

use super::{errors, request, unattended};
use tminus_release::plan::Mode;
use tminus_runbook::adopt;
use tminus_runbook::compile::compile;
use tminus_runbook::settings;

/// Compares the errors of an unattended plan: `code line: words of the message`.
fn check(document: &str, expected: &[&str]) {
    let found = errors(&unattended(document).diagnostics);
    assert_eq!(found.len(), expected.len(), "{document}\n{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        let (place, words) = expected.split_once(": ").expect("code line: words");
        assert!(
            found.starts_with(place) && found.contains(words),
            "{document}\nwanted: {expected}\nfound: {found}"
        );
    }
}

#[test]
fn documents_that_are_no_runbook_are_refused_with_a_reason() {
    check("", &["T111 1: nothing to do"]);
    check("   \n\n", &["T111 1: nothing to do"]);
    check("# Title only\n\nSome prose.\n", &["T111 1: nothing would run"]);
    check("---\nrunbook: 1\n# R\n## A\n- [ ] x\n", &["T101 1: never closed"]);
    check("---\nrunbook: 2\n---\n## A\n- [ ] x\n", &["T102 2: reads version 1, not 2"]);
    check("---\nrunbook: 1\nenviroments: [a]\n---\n## A\n- [ ] x\n", &["T102 3: no key `enviroments`"]);
    check("---\nrunbook: 1\nroles: [a\n---\n## A\n- [ ] x\n", &["T102 3: this is not YAML"]);
    check("---\nrunbook: 1\nrunbook: 1\n---\n## A\n- [ ] x\n", &["T102 3: written twice"]);
}

#[test]
fn attributes_are_strict_and_say_what_was_meant() {
    let bash = |attributes: &str| format!("## A\n```bash {attributes}\ntrue\n```\n");
    check(&bash("{#a timout=5m}"), &["T103 2: unknown key `timout`"]);
    check(&bash("{#a .chekc}"), &["T103 2: unknown class `chekc`"]);
    check(&bash("{#a .check"), &["T901 2: neither", "T103 2: never closed"]);
    check(&bash("{#a #b}"), &["T104 2: a second one"]);
    check(&bash("{#a timeout=soon}"), &["T103 2: `soon` is not a duration"]);
    check(&bash("{#a timeout=0s}"), &["T103 2: nothing is no limit"]);
    check(&bash("{#a retry=many}"), &["T103 2: number of retries"]);
    check(&bash("{#a ok=0,256}"), &["T103 2: exit codes"]);
    check(&bash("{#a resume=verify}"), &["T103 2: needs `verify=`"]);
    check(&bash("{#a resume=maybe}"), &["T103 2: none of `rerun`"]);
    check(&bash("{#a shell=fish}"), &["T103 2: none of bash"]);
    check(&bash("{#a on=web-1}"), &["T909 2: does not show"]);
    check(
        "## A\n```bash {#a}\ntrue\n```\n```bash {#a}\ntrue\n```\n",
        &["T104 5: already the one of the block on line 2"],
    );
}

#[test]
fn references_must_lead_somewhere_sensible() {
    let two = |first: &str, second: &str| {
        format!("## A\n```bash {{{first}}}\ntrue\n```\n```bash {{{second}}}\ntrue\n```\n")
    };
    check(&two("#a undo=c", "#bb"), &["T905 2: not in this plan"]);
    check(&two("#a undo=a", "#b"), &["T905 2: cannot undo itself"]);
    check(&two("#a undo=b", "#b undo=a"), &["T905 2: in circles", "T905 5: in circles"]);
    check(&two("#a needs=x", "#b"), &["T905 2: not in this plan"]);
    check(&two("#a needs=b", "#b needs=a"), &["T913 2: a → b → a"]);
    check(&two("#a needs=a", "#b"), &["T913 2: a → a"]);
    check(&two("#a needs=b", "#b .undo"), &["T905 2: only on demand"]);
    check(&two("#a verify=b", "#b"), &["T905 2: has effects"]);
    check("## A\n- [ ] x (auto: `nope`)\n", &["T905 2: no step `nope`"]);
    check(
        "## A\n- [ ] x\n  - [ ] y (auto: `c`)\n\n```bash {#c needs=a/item-1}\ntrue\n```\n",
        &["T913 2: wait for each other"],
    );
}

#[test]
fn an_unattended_release_runs_only_what_was_decided() {
    check("## A\n- [ ] x\n\n```bash\ntrue\n```\n", &["T901 4: neither"]);
    check("## A\n- [ ] x\n\n```sql\nselect 1;\n```\n", &["T901 4: neither"]);
    check("## A\n- [ ] x\n1. `npm ci`\n", &["T901 3: `npm ci` as a list item"]);
    check(
        "## A\n- [ ] x\n\n```bash {.example}\nrm -rf /\n```\n```\nplain text\n```\n```json\n{}\n```\n",
        &[],
    );
    check("## A\n- [ ] x\n\n## Appendix\n```bash\ntrue\n```\n", &[]);
    check("## A\n```bash {#a}\n./deploy <target>\n```\n", &["T903 2: `<target>` is not bound"]);
    check("## A\n```bash {#a}\nnano x\n```\n", &["T904 2: waits for a person"]);
    check("## A\n```bash {#a}\n# only words\n```\n", &["T904 2: only comments"]);
    check("## A\n```bash {#a}\nif true\n```\n", &["T904 2: does not understand"]);
    check("## A\n```bash {#a}\nssh web-1\nuptime\n```\n", &["T909 2: runs on web-1"]);
    check("## A\n**Hosts**: web-1\n\n```bash {#a}\nssh web-1\nuptime\n```\n", &[]);
    check(
        "## A\n**Option A**\n```bash {#a}\ntrue\n```\n**Option B**\n```bash {#b}\ntrue\n```\n",
        &["T908 2: none is chosen"],
    );
    check(
        "## A\n**Option A**: at once\n```bash {#a}\ntrue\n```\n**Option B**: in two halves\n```bash {#b}\ntrue\n```\n",
        &["T908 2: none is chosen"],
    );
}

#[test]
fn requests_and_control_steps_are_read_strictly() {
    let yaml = |kind: &str, body: &str| format!("## A\n```yaml {{#a .{kind}}}\n{body}\n```\n");
    check(&yaml("approval", "ask: Go?\nquorum: { qa: 1 }\nexpire: 4h"), &["T907 5: no key `expire`"]);
    check(
        &yaml("approval", "quorum: { qa: 0 }"),
        &["T907 3: needs `ask`", "T907 3: nobody has to give", "T907 3: from 1"],
    );
    check(&yaml("soak", "while: slo"), &["T907 3: needs `for`"]);
    check(&yaml("soak", "for: a while"), &["T907 3: not a duration"]);
    check(&yaml("soak", "for: 5m\nwhile: slo"), &["T915 2: watches no rule"]);
    check(&yaml("soak", "for: 5m\nwhile: [latency is nice]"), &["T907 4: "]);
    check(
        &yaml("choice", "ask: Which?\noptions: [a]"),
        &["T908 2: nobody has answered", "T907 3: needs `options`"],
    );
    check(
        &yaml("approval", "- a\n- b"),
        &["T907 3: must be keys and values", "T907 3: needs `ask`", "T907 3: needs `quorum`"],
    );
    check(
        &yaml("migrate", "db: app\napplied: x"),
        &["T907 3: `.migrate` needs `apply`", "T907 4: `.migrate` has no key `applied`"],
    );
    // What a clock says twice is two names.
    check(&yaml("backup", "db: app\nto: backups/$(date +%F)"), &["T907 2: `to` has a command in it"]);
    check(
        &yaml("deploy", "target: compose\nservices: [api]\nenv_file: .env\nset: { TAG: $(date +%s) }"),
        &["T907 2: `set: TAG` has a command in it"],
    );
    check("## A\n```http {#a}\nGET {{BASE}}/x\n```\n", &["T903 2: `{{BASE}}` not bound"]);
    check("## A\n```http {#a}\nFETCH /x\n```\n", &["T906 2: no HTTP method"]);
    check(
        "## A\n```http {#a}\nGET http://x\nAuthorization: Bearer ${secret:NOPE}\n```\n",
        &["T912 2: `NOPE` has no reference"],
    );
    check("## A\n```text {#a .notify}\nhi\n```\n", &["T911 2: to nobody"]);
    check("## A\n```text {#a .notify to=\"mail:x\"}\nhi\n```\n", &["T911 2: leads nowhere"]);
    check(
        "## A\n```bash {#x}\ntrue\n```\n## When to roll back\n- Queue depth > 100\n",
        &["T915 6: nothing here measures"],
    );
}

#[test]
fn inputs_must_match_what_was_declared() {
    let document =
        "---\nrunbook: 1\ninputs: { VERSION: 'v\\d+', TYPE: [major, hotfix] }\n---\n## A\n- [ ] x\n";
    check(document, &["T902 3: `v1.2.3` does not match", "T902 3: `TYPE` has no value"]);
    let mut with = request(Mode::Unattended);
    with.version = Some("v12".to_owned());
    with.inputs.insert("TYPE".to_owned(), "minor".to_owned());
    assert_eq!(
        errors(&compile(document, &with).diagnostics),
        ["T902 3: the input `TYPE`: `minor` is none of: major, hotfix"]
    );
    with.inputs.insert("TYPE".to_owned(), "hotfix".to_owned());
    assert_eq!(errors(&compile(document, &with).diagnostics), Vec::<String>::new());
}

#[test]
fn a_value_may_not_be_more_than_a_word_in_code() {
    let document = "## A\n```bash {#a}\n./deploy <target>\n```\n";
    let mut with = request(Mode::Unattended);
    with.inputs.insert("<target>".to_owned(), "x; rm -rf /".to_owned());
    assert!(errors(&compile(document, &with).diagnostics)[0].contains("may not stand in code"));
    with.inputs.insert("<target>".to_owned(), "web-1".to_owned());
    let plan = compile(document, &with).plan.expect("a plan");
    let shown = serde_json::to_value(&plan.steps[0].work).expect("JSON");
    assert_eq!(shown["act"]["shell"]["script"], "./deploy web-1\n");
}

#[test]
fn settings_are_strict_and_tell_all_faults() {
    let (_, faults) = settings::read(
        "[policy]\non_failur = 'hold'\nno_data = 'never'\n[secrets]\nA = 'hunter2'\n[metrics.x]\nvalue = 'body.x'\n[channels]\nc = {}\n",
    );
    let found: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.line, fault.message)).collect();
    let expected = [
        "on_failur",
        "`never` is not a duration",
        "`A` must be a reference",
        "needs `url`",
        "needs `webhook`",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for words in expected {
        assert!(found.iter().any(|message| message.contains(words)), "{words}: {found:#?}");
    }
    let (_, faults) = settings::read("[policy\n");
    assert!(faults[0].message.contains("not TOML"), "{faults:?}");
}

#[test]
fn the_document_can_only_tighten_the_policy() {
    let document = "---\nrunbook: 1\non_breach: hold\n---\n## A\n```yaml {#a .approval}\nask: Go?\nquorum: { qa-lead: 1 }\n```\n";
    let mut with = request(Mode::Unattended);
    with.settings.policy.minimum_quorum = Some(2);
    with.settings.policy.on_breach = Some(tminus_release::plan::OnFailure::Rollback);
    let compiled = compile(document, &with);
    let plan = compiled.plan.expect("a plan");
    assert_eq!(plan.policy.on_breach, tminus_release::plan::OnFailure::Rollback);
    let work = serde_json::to_value(&plan.steps[0].work).expect("JSON");
    assert_eq!(work["approval"]["quorum"]["qa-lead"], 2);
    assert!(compiled.diagnostics.iter().any(|found| found.code == "T910"));
}

#[test]
fn an_adopted_block_runs_until_one_byte_changes() {
    let document = "## Deploy to staging\n```bash\n./deploy v1.2.3\n```\n```bash\nnano x\n```\n";
    let mut with = request(Mode::Unattended);
    let outline = compile(document, &with).outline;
    let (adoption, faults) = adopt::read(&adopt::write(&adopt::draft(&outline, "RUNBOOK.md")));
    assert_eq!(faults, []);
    with.adoption = Some(adoption);
    let plan = compile(document, &with).plan.expect("a plan");
    let kinds: Vec<&str> = plan.steps.iter().map(super::kind).collect();
    assert_eq!(kinds, ["shell", "task"]);
    let changed = document.replace("./deploy", "./deploy -f");
    let found = errors(&compile(&changed, &with).diagnostics);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("changed after it was adopted"), "{found:?}");
}

#[test]
fn a_block_that_cannot_be_read_is_one_fault_and_not_two() {
    check(
        "## A\n- [ ] Nothing unexpected (auto: `look`)\n\n```yaml {#look .migrate .check}\ndb: app\n```\n",
        &["T907 5: `.migrate` needs `apply`"],
    );
}

/// Rules of two environments, and of no environment.
const WATCHED: &str = "---\nrunbook: 1\nENVIRONMENTSslo: { error_rate: < 5% }\n---\n# R\n## 1. Staging\n**Environment**: staging\n\n```yaml {#ws .watch}\nfor: 20s\nwhile: slo\n```\n## 2. Production\n**Environment**: production\n\n```yaml {#wp .watch}\nfor: 5s\nwhile: slo\n```\n## When to roll back\n- p95 latency > 800ms\n";

/// Compiles [`WATCHED`] in a place; returns which address each metric comes from, or the errors.
fn watched(environments: &str, place: &str) -> Result<Vec<String>, Vec<String>> {
    let (settings, faults) = settings::read(place);
    assert_eq!(faults, []);
    let document = WATCHED.replace("ENVIRONMENTS", environments);
    let compiled =
        compile(&document, &tminus_runbook::compile::Request { settings, ..request(Mode::Unattended) });
    let Some(plan) = compiled.plan else { return Err(errors(&compiled.diagnostics)) };
    let shown = plan.sources.iter().map(|(key, source)| match source {
        tminus_release::plan::Source::Probe { url, .. } | tminus_release::plan::Source::Http { url, .. } => {
            format!("{key} {url}")
        }
    });
    Ok(shown.collect())
}

#[test]
fn a_probe_is_about_the_environment_of_its_name_wherever_that_is_named() {
    let place = "[probe.staging]\nurl = 'http://s'\n[probe.prod]\nurl = 'http://p'\n";
    let each = ["error_rate@production http://p", "error_rate@staging http://s", "p95@production http://p"];
    let each: Vec<String> = each.map(str::to_owned).to_vec();
    assert_eq!(watched("environments: [staging, production]\n", place), Ok(each.clone()));
    // The document's sections name them as well.
    assert_eq!(watched("", place), Ok(each.clone()));
    let both = format!("{place}[environments.staging]\n[environments.production]\n");
    assert_eq!(watched("", &both), Ok(each));
}

#[test]
fn two_probes_for_one_metric_are_a_fault_and_none_is_dropped() {
    let place = "[probe.web]\nurl = 'http://w'\n[probe.api]\nurl = 'http://a'\n";
    let found = watched("", place).expect_err("faults");
    let words = [
        "T915 21: [probe.web] and [probe.api] would each measure `p95`",
        "T915 3: [probe.web] and [probe.api] would each measure `error_rate`",
    ];
    for words in words {
        assert!(found.iter().any(|found| found.contains(words)), "{words}: {found:#?}");
    }
    assert_eq!(found.len(), words.len(), "each is told once: {found:#?}");
    // Each of the three ways out that the help names.
    let scoped = "[probe.web]\nurl = 'http://w'\nenvironment = 'staging'\n[probe.api]\nurl = 'http://a'\nenvironment = 'production'\n";
    let found = watched("", scoped).expect("sources");
    assert_eq!(
        found,
        ["error_rate@production http://a", "error_rate@staging http://w", "p95@production http://a"]
    );
    let one = watched("", "[probe.web]\nurl = 'http://w'\n").expect("sources");
    assert_eq!(one, ["error_rate http://w", "p95 http://w"]);
    let said = format!("{place}[metrics.error_rate]\nurl = 'http://e'\n[metrics.p95]\nurl = 'http://l'\n");
    assert_eq!(watched("", &said).expect("sources"), ["error_rate http://e", "p95 http://l"]);
    // Two of one environment are two as well.
    let same = scoped.replace("'staging'", "'production'");
    assert!(watched("", &same).is_err());
}
