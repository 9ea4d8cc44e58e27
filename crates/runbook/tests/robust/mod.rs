//! Any text at all: never a panic, places that exist, time in proportion to length.

use proptest::prelude::*;
use tminus_release::plan::Mode;
use tminus_runbook::compile::{Compiled, Request, compile};
use tminus_runbook::diagnostic::Severity;
use tminus_runbook::edit::{Tick, apply, tick};
use tminus_runbook::markdown::{self, Block, ListItem, Text};
use tminus_runbook::outline::UnitKind;
use tminus_runbook::view::plan_json;
use tminus_runbook::{adopt, attributes, settings};

fn both(document: &str) -> [Compiled; 2] {
    [Mode::Assisted, Mode::Unattended].map(|mode| {
        compile(document, &Request { mode, version: Some("v9.9.9".to_owned()), ..Request::default() })
    })
}

/// Everything that must be true of any document.
fn hold_invariants(document: &str) {
    check_ranges(document);
    for compiled in both(document) {
        let lines = u32::try_from(document.split('\n').count()).expect("small");
        for found in &compiled.diagnostics {
            assert!((1..=lines.max(1)).contains(&found.line), "{found:?} of {lines} lines");
            assert!(
                found.column >= 1 && (found.end_line, found.end_column) >= (found.line, found.column),
                "{found:?}"
            );
            if let Some(fix) = &found.fix {
                assert!(fix.start <= fix.end && document.get(fix.start..fix.end).is_some(), "{found:?}");
            }
        }
        let failed = compiled.diagnostics.iter().any(|found| found.severity == Severity::Error);
        assert_eq!(compiled.plan.is_none(), failed, "no plan exactly when there is an error");
        let json = plan_json(&compiled);
        assert_eq!(json["document"]["sha256"].as_str().map(str::len), Some(64));
        if let Some(plan) = &compiled.plan {
            let ids: std::collections::HashSet<&str> =
                plan.steps.iter().map(|step| step.id.as_str()).collect();
            assert_eq!(ids.len(), plan.steps.len(), "ids are unique");
            for step in &plan.steps {
                assert!(step.phase < plan.phases.len());
                assert!(
                    step.after.iter().all(|id| ids.contains(id.as_str())),
                    "{}: {:?}",
                    step.id,
                    step.after
                );
            }
            assert_eq!(plan.digest(), plan.digest());
        }
        for (unit, id) in
            compiled.outline.units.iter().zip(tminus_runbook::outline::default_ids(&compiled.outline))
        {
            assert!(!id.is_empty());
            if let UnitKind::Item(item) = &unit.kind {
                let splice = tick(document, unit.line, if item.ticked { Tick::Open } else { Tick::Ticked });
                if let Ok(Some(splice)) = splice {
                    assert_eq!(apply(document, &[splice]).len(), document.len());
                }
            }
        }
    }
}

fn check_ranges(document: &str) {
    let markdown = markdown::parse(document);
    let inside = |start: usize, end: usize| {
        assert!(document.get(start..end).is_some(), "{start}..{end} of {}", document.len());
    };
    let text = |text: &Text| {
        inside(text.start, text.end);
        text.pieces.iter().for_each(|piece| inside(piece.start, piece.end));
    };
    let item = |item: &ListItem| {
        inside(item.start, item.end);
        if let Some(task) = item.task {
            assert!(document[task.start..].starts_with('['), "a box begins with a bracket");
        }
    };
    markdown.walk(|block| match block {
        Block::Heading(heading) => text(&heading.text),
        Block::Paragraph(paragraph) => text(paragraph),
        Block::Fence(fence) => {
            inside(fence.start, fence.end);
            inside(fence.info_start, fence.info_start + fence.info.len());
            assert_eq!(&document[fence.info_start..fence.info_start + fence.info.len()], fence.info);
        }
        Block::List(list) => list.items.iter().for_each(item),
        Block::Table(table) => {
            table.header.iter().chain(table.rows.iter().flat_map(|row| &row.cells)).for_each(text)
        }
        Block::Quote(_) | Block::Rule | Block::Html => {}
    });
}

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
        "[probe.web]\nurl = 'http://x'\n[channels]\n'slack:#releases' = { file = 'm' }\n[secrets]\nAPI_TOKEN = 'env:T'\n[environments.staging]\nurl = 'http://s'\n[environments.production]\nurl = 'http://p'\n",
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
