//! What a document says of its databases: what takes what back, and which plans older readers refuse.

use tminus_release::plan::{Mode, Plan, Undo, Work};

use super::{errors, plan, request, unattended};

const BACKUP: &str = "```yaml {#backup .backup}\ndb: app\nto: backups/\n```\n";
const MIGRATE: &str = "```yaml {#migrate .migrate}\ndb: app\napply: db/*.sql\nundo: restore\n```\n";
const RESTORE: &str = "```yaml {#restore .restore}\ndb: app\nquorum: { dba: 1 }\n```\n";

/// Each step on demand with what it waits for.
fn on_demand(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter().filter(|step| step.on_demand);
    steps
        .map(|step| {
            let after: Vec<&str> = step.after.iter().map(|id| id.as_str()).collect();
            format!("{} [{}]", step.id, after.join(" "))
        })
        .collect()
}

#[test]
fn a_restore_waits_for_a_yes_wherever_it_stands() {
    let wanted = request(Mode::Unattended);
    // As an undo: nothing of it stands in the order, and older readers refuse the plan.
    let undo = plan(&format!("## A\n\n{BACKUP}\n{MIGRATE}\n## Rollback\n\n{RESTORE}"), &wanted);
    assert_eq!(undo.format, 3);
    assert_eq!(
        on_demand(&undo),
        ["restore/loss []", "restore/approve [restore/loss]", "restore [restore/approve]"]
    );
    let migrate = undo.steps.iter().find(|step| step.id.as_str() == "migrate").expect("it is there");
    assert_eq!(migrate.undo, Undo::Step("restore".into()));
    // In the order: a chain like others.
    let in_order = plan(&format!("## A\n\n{BACKUP}\n{RESTORE}"), &wanted);
    assert_eq!(in_order.format, 1);
    assert_eq!(on_demand(&in_order), Vec::<String>::new());
    let approve = in_order.steps.iter().find(|step| step.id.as_str() == "restore/approve").expect("there");
    assert!(matches!(&approve.work, Work::Approval(yes) if yes.quorum.len() == 1));
    let restore = in_order.steps.iter().find(|step| step.id.as_str() == "restore").expect("there");
    assert_eq!(restore.after, ["restore/approve".into()]);
}

#[test]
fn nothing_on_the_page_takes_the_yes_away() {
    let look = "```bash {#x .check}\ntrue\n```\n";
    for attributes in ["needs=x", ".parallel", "needs=x .parallel"] {
        let restore = RESTORE.replace(".restore}", &format!(".restore {attributes}}}"));
        let document =
            format!("## A\n\n{look}\n{BACKUP}\n{restore}\n```bash {{#y .check .parallel}}\ntrue\n```\n");
        let plan = plan(&document, &request(Mode::Unattended));
        let after =
            |id: &str| plan.steps.iter().find(|step| step.id.as_str() == id).expect("there").after.clone();
        assert!(after("restore").contains(&"restore/approve".into()), "{attributes}");
        assert!(after("restore/approve").contains(&"restore/loss".into()), "{attributes}");
    }
}

#[test]
fn what_cannot_be_restored_is_a_fault_before_the_release() {
    for (document, expected) in [
        (
            format!("## A\n\n{MIGRATE}"),
            "T905 3: `undo: restore`, and no `.restore` of the database app is on the page",
        ),
        (
            format!("## A\n\n{RESTORE}"),
            "T905 3: no `.backup` of the database app for no environment stands before its `.restore`",
        ),
        (
            format!("## A\n**Environment**: staging\n\n{BACKUP}\n## Rollback\n\n{RESTORE}"),
            "T905 11: no `.backup` of the database app for no environment stands before its `.restore`",
        ),
        (
            format!("## A\n\n{BACKUP}\n{RESTORE}\n{}", RESTORE.replace("#restore", "#again")),
            "T907 13: the database app is restored by the step on line 8 already",
        ),
    ] {
        assert_eq!(errors(&unattended(&document).diagnostics), [expected], "{document}");
    }
}
