//! What must be true of any document at all: places that exist, ids that are unique, a plan exactly
//! when nothing is in its way. The fuzz target `document` includes this file, so that there is one list.

use tminus_release::plan::Mode;
use tminus_runbook::compile::{Compiled, Request, compile};
use tminus_runbook::diagnostic::Severity;
use tminus_runbook::edit::{Tick, apply, tick};
use tminus_runbook::markdown::{self, Block, ListItem, Text};
use tminus_runbook::outline::UnitKind;
use tminus_runbook::view::plan_json;

/// The document compiled in both modes.
pub(super) fn both(document: &str) -> [Compiled; 2] {
    [Mode::Assisted, Mode::Unattended].map(|mode| {
        compile(document, &Request { mode, version: Some("v9.9.9".to_owned()), ..Request::default() })
    })
}

/// Everything that must be true of any document.
pub(super) fn hold_invariants(document: &str) {
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
        Block::Quote(_) | Block::Rule | Block::Html(_) => {}
    });
}
