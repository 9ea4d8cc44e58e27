//! Suggestions for small documents: what is written, what is asked, and that the result compiles.

use super::*;
use crate::check::check_whole;

fn suggested(document: &str, phase: Option<&str>) -> (String, Suggestion) {
    let suggestion = suggest(document, "r.md", &Settings::default(), phase).unwrap();
    (apply(document, &suggestion.splices), suggestion)
}

/// The lines that were put in, and the questions.
fn check(document: &str, lines: &[&str], questions: &[&str]) {
    let (changed, suggestion) = suggested(document, None);
    for line in lines {
        assert!(changed.lines().any(|found| found == *line), "`{line}` is not in\n{changed}");
    }
    let asked: Vec<&str> = suggestion.questions.iter().map(|question| question.text.as_str()).collect();
    assert_eq!(asked.len(), questions.len(), "{asked:#?}\n{changed}");
    for (asked, expected) in asked.iter().zip(questions) {
        assert!(asked.contains(expected), "{asked}");
    }
    assert_eq!(suggestion.left, [], "{changed}");
    let errors = check_whole(&changed, "r.md", Settings::default()).found;
    assert!(errors.iter().all(|found| found.severity != Severity::Error), "{errors:#?}\n{changed}");
    let again = suggest(&changed, "r.md", &Settings::default(), None).unwrap();
    assert_eq!(again.splices, [], "a second time there is nothing left to write:\n{changed}");
}

#[test]
fn blocks_get_ids_classes_and_undos() {
    check(
        "# Web\n\n## 1. Checks\n\n```bash\ncurl -f https://example.org/health\n```\n\n## 2. Production deployment\n\n```bash\nkubectl -n web set image deployment/web web=app:$VERSION\n```\n\n```bash\nhelm upgrade jobs ./chart\n```\n\n## Rollback\n\n```bash\nkubectl -n web rollout undo deployment/web\n```\n",
        &[
            "---",
            "runbook: 1",
            "  VERSION: 'v?\\d+\\.\\d+\\.\\d+'",
            "environments: [production]",
            "```bash {#checks .check}",
            "**Environment**: production",
            "```bash {#production-deployment undo=rollback}",
            "```bash {#production-deployment-2}",
            "```bash {#rollback .undo}",
        ],
        &["`production-deployment-2` changes something"],
    );
}

#[test]
fn limits_in_passing_become_rules() {
    check(
        "# R\n\n## Deploy to production\n\nThe error rate should stay below 2 %, and p95 latency must be under 800ms.\n\n```bash\n./deploy\n```\n\nNode must be at least 18.\n",
        &["slo: { error_rate: < 2%, p95: < 800ms }", "```bash {#deploy-to-production}"],
        &[
            "the limit for error rate",
            "the limit for p95 latency",
            "`deploy-to-production` changes something",
        ],
    );
    check(
        "# R\n\n## Targets\n\n- Error rate < 1%\n\n## Build\n\nThe error rate must stay below 2%.\n\n```bash\nmake\n```\n",
        &["```bash {#build}"],
        &[],
    );
}

#[test]
fn what_cannot_run_is_left_to_a_person_with_the_reason() {
    check(
        "# R\r\n\r\n## Work\r\n\r\n1. Edit it:\r\n   ```bash\r\n   nano config.yml\r\n   ```\r\n\r\n```bash\r\n# call the customer\r\n```\r\n\r\n```bash {timeout=5m}\r\nmake build\r\n```\r\n",
        &["   ```bash {#edit-it .manual}", "```bash {#work .manual}", "```bash {#work-2 timeout=5m}"],
        &["`edit-it` is left to a person", "`work` is left to a person (it holds only comments)"],
    );
}

#[test]
fn commands_of_a_list_become_blocks_below_their_items() {
    check(
        "# R\n\n## Build\n\n1. `npm ci`\n2. `npm test -- --project <name>`\n\n## Look\n\n- `git status`\n",
        &[
            "   ```bash {#npm-ci}",
            "   npm ci",
            "  NAME: '[A-Za-z0-9._:/@+-]+'",
            "  ```bash {#git-status .check}",
        ],
        &[],
    );
}

#[test]
fn the_host_of_a_first_line_is_shown_on_the_page() {
    check(
        "# R\n\n## Staging restart\nSoon.\n\n```bash\nssh deploy@web-1\nsystemctl restart web\n```\n",
        &["**Environment**: staging · **Hosts**: deploy@web-1", "```bash {#staging-restart}"],
        &["`staging-restart` changes something"],
    );
}

#[test]
fn one_phase_at_a_time_and_the_front_matter_with_the_last() {
    let document = "# R\n\n## Build\n\n```bash\nmake\n```\n\n## Ship it\n\n```bash\n./ship\n```\n";
    let (first, suggestion) = suggested(document, Some("build"));
    assert_eq!((suggestion.blocks, first.contains("runbook: 1")), (1, false), "{first}");
    assert!(first.contains("{#build}") && !first.contains("{#ship-it}"), "{first}");
    let (second, suggestion) = suggested(&first, Some("2"));
    assert_eq!(suggestion.left, []);
    assert!(second.starts_with("---\nrunbook: 1\n") && second.contains("{#ship-it}"), "{second}");
    let missing = suggest(document, "r.md", &Settings::default(), Some("fly"));
    let phases = vec!["1  Build".to_owned(), "2  Ship it".to_owned()];
    assert_eq!(missing, Err(SuggestError::NoPhase { name: "fly".into(), phases }));
}

#[test]
fn foreign_front_matter_stays_alone() {
    let document = "---\ntitle: Release\n---\n# R\n\n## Build\n\n```bash\nmake\n```\n";
    let (changed, _) = suggested(document, None);
    assert!(changed.starts_with("---\ntitle: Release\n---\n") && changed.contains("{#build}"), "{changed}");
}
