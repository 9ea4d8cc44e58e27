//! Any text at all: never a panic, places that exist, time in proportion to length.

mod invariants;

use proptest::prelude::*;
use tminus_runbook::compile::{Request, compile};
use tminus_runbook::markdown::{self, Block};
use tminus_runbook::{adopt, attributes, settings};

use invariants::{both, hold_invariants};

/// Pieces of runbooks in any order: more likely to meet each other than random letters.
fn fragments() -> impl Strategy<Value = String> {
    let pieces = [
        "# T\n",
        "## Rollback\n",
        "### Option A\n",
        "### Option B: x\n",
        "- [ ] item (@qa)\n",
        "  - [x] in it (auto: `a`)\n",
        "```bash {#a .check needs=b}\n",
        "```bash {#b needs=a undo=b}\n",
        "```\n",
        "````\n",
        "~~~sh\n",
        "true\n",
        "ssh host\n",
        "echo <name> $VERSION\n",
        "```http {#h every=1s}\n",
        "GET {{URL}}/x\n",
        "```yaml {.approval}\n",
        "ask: Go?\n",
        "quorum: { a: 1 }\n",
        "```yaml {.soak}\n",
        "for: { staging: 1m }\nwhile: slo\n",
        "**Environment**: staging → production\n",
        "**Owner:** A + B · **Duration**: 3 min\n",
        "- Error rate > 5% for 2 minutes\n",
        "| Metric | Target |\n|---|---|\n| p95 | < 1s |\n",
        "1. `npm ci`\n",
        "> quote\n",
        "   ",
        "\t",
        "\r\n",
        "---\n",
        "---\nrunbook: 1\nslo: { p95: < 1s }\n---\n",
        "\u{feff}",
        "ðŸš€ â†’ â€¯",
        "<!-- x -->",
        "<br>",
        "\u{202e}",
        "\0",
        "{",
        "}",
        "`",
        "**",
        "[",
        "]",
        "(auto: `x`)",
        "Alternative: y\n",
        "- a\n",
        "é",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_fragments_hold_the_invariants(document in fragments()) {
        hold_invariants(&document);
    }

    #[test]
    fn any_text_holds_the_invariants(document in "\\PC{0,200}") {
        hold_invariants(&document);
    }

    #[test]
    fn any_lines_hold_the_invariants(document in "([-#>`*|:{}\\[\\]a-z0-9 \t\n]{0,12}\n){0,30}") {
        hold_invariants(&document);
    }

    #[test]
    fn any_info_string_is_read(info in "\\PC{0,80}") {
        let parsed = attributes::parse(&info, 7);
        if let Some(attributes) = parsed.attributes {
            for word in attributes.classes.iter().chain(&attributes.id).chain(attributes.pairs.iter().map(|pair| &pair.value)) {
                prop_assert_eq!(info.get(word.start - 7..word.end - 7), Some(word.text.as_str()));
            }
        }
    }

    #[test]
    fn any_side_file_is_read(text in "\\PC{0,200}") {
        let _ = settings::read(&text);
        let _ = adopt::read(&text);
    }
}

#[test]
fn line_ends_and_a_byte_order_mark_change_no_plan() {
    let document = include_str!("../samples/every-kind.md");
    let (place, _) = settings::read(
        "[probe.web]\nurl = 'http://x'\n[channels]\n'slack:#releases' = { file = 'm' }\n[secrets]\nAPI_TOKEN = 'env:T'\n[databases]\napp = 'env:D'\n[environments.staging]\nurl = 'http://s'\n[environments.production]\nurl = 'http://p'\n",
    );
    let with = Request { settings: place, version: Some("v1.2.3".to_owned()), ..Request::default() };
    let steps = |document: &str| compile(document, &with).plan.expect("a plan").steps;
    let plain = steps(document);
    assert_eq!(steps(&document.replace('\n', "\r\n")), plain, "CR LF");
    assert_eq!(steps(&format!("\u{feff}{document}")), plain, "byte-order mark");
    assert_eq!(steps(document.trim_end()), plain, "no line end at the end");
}

#[test]
fn ten_thousand_steps_are_planned() {
    let mut document = String::from("# Big\n");
    for phase in 0..100 {
        document.push_str(&format!("## Phase {phase}\n"));
        for step in 0..100 {
            document.push_str(&format!("```bash {{#s{phase}-{step}}}\ntrue\n```\n"));
        }
    }
    let plan = compile(&document, &Request::default()).plan.expect("a plan");
    assert_eq!(plan.steps.len(), 10_000);
    assert!(plan.steps.iter().skip(1).all(|step| step.after.len() == 1), "a chain");
}

#[test]
fn long_chains_of_needs_do_not_exhaust_the_stack() {
    let mut document = String::from("## A\n");
    for step in 0..3000 {
        document.push_str(&format!("```bash {{#s{step} needs=s{}}}\ntrue\n```\n", step + 1));
    }
    document.push_str("```bash {#s3000}\ntrue\n```\n");
    let plan = compile(&document, &Request::default()).plan.expect("a plan");
    assert_eq!(plan.steps[0].after.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["s1"]);
}

#[test]
fn deep_nesting_is_flattened_not_followed() {
    for document in [
        ">".repeat(5000) + " x",
        "- ".repeat(3000) + "x",
        "[".repeat(20_000),
        "*".repeat(20_000),
        "(".repeat(20_000),
    ] {
        let [assisted, _] = both(&document);
        assert!(!assisted.outline.sections.is_empty());
    }
    let yaml =
        format!("## A\n```yaml {{#a .approval}}\nask: {}{}\n```\n", "[".repeat(2000), "]".repeat(2000));
    let [_, unattended] = both(&yaml);
    assert!(unattended.diagnostics.iter().any(|found| found.code == "T907"), "{:?}", unattended.diagnostics);
}

/// Found by fuzzing: the steps of a phase had the same ids twice.
#[test]
fn an_environment_that_is_named_twice_is_released_once() {
    hold_invariants("# A\n\n## B\n**Environment**: staging → production → staging\n\n```bash\ntrue\n```\n");
    hold_invariants("environments: [staging,     : [staging, production]\n   ```bash\n   ```\n");
}

#[test]
fn nested_fences_keep_their_lines() {
    let document = "## A\n1. x\n   ````bash\n   cat <<'E'\n   ```\n   E\n   ````\n\n> ```sh\n> ls\n> ```\n";
    let markdown = markdown::parse(document);
    let mut fences = Vec::new();
    markdown.walk(|block| {
        if let Block::Fence(fence) = block {
            fences.push((fence.line, fence.body_line, fence.end_line, fence.body.clone()));
        }
    });
    assert_eq!(fences, [(3, 4, 7, "cat <<'E'\n```\nE\n".to_owned()), (9, 10, 11, "ls\n".to_owned())]);
}
