//! What a document says of a cluster, as the scripts have it at their head.

use tminus_release::plan::{Action, Mode, Work};
use tminus_runbook::settings::{self, Settings};

use super::{errors, plan, request};
use tminus_runbook::compile::{Request, compile};

const CLUSTERS: &str = "[environments.staging.kubernetes]\ncontext = \"test\"\nnamespace = \"shop\"\n[environments.production.kubernetes]\ncontext = \"live\"\nnamespace = \"shop's\"\nkubeconfig = \"kube/live\"\n";

fn with(settings: Settings) -> Request {
    Request { settings, ..request(Mode::Unattended) }
}

/// Ids of the steps of a document, each with the head of its script.
fn heads(document: &str) -> Vec<(String, String)> {
    let plan = plan(document, &with(settings::read(CLUSTERS).0));
    let heads = plan.steps.iter().map(|step| {
        let Work::Act(Action::Shell(shell)) = &step.work else { panic!("{} has a script", step.id) };
        let head: Vec<&str> = shell.script.lines().take_while(|line| !line.starts_with('#')).collect();
        (step.id.to_string(), head.join("\n"))
    });
    heads.collect()
}

fn head<'a>(heads: &'a [(String, String)], id: &str) -> &'a str {
    &heads.iter().find(|(found, _)| found == id).unwrap_or_else(|| panic!("no step {id}: {heads:?}")).1
}

#[test]
fn each_environment_has_its_own_cluster_and_each_way_back_its_own_job() {
    let document = "## Ship\n**Environment**: staging → production\n\n```yaml {#migrate .job undo=back}\nfile: m.yaml\nset: { m: app:$VERSION }\nwithin: 90s\n```\n\n```yaml {#deploy .deploy}\ntarget: kubernetes\nset: { ds/agent: { a: agent:1, b: b:2 }, web: { web: app:$VERSION } }\n```\n\n```yaml {#back .job .undo}\nfile: b.yaml\n```\n";
    let heads = heads(document);
    assert_eq!(
        head(&heads, "migrate@staging"),
        "context='test'\nnamespace='shop'\nfile='m.yaml'\nimages=('m=app:v1.2.3')\ntakes_back=''\npatience=90\nname='migrate@staging'\nconfig=()"
    );
    assert_eq!(
        head(&heads, "deploy@production"),
        "context='live'\nnamespace='shop'\\''s'\nworkloads=('daemonset/agent' 'deployment/web')\napply=()\nimages=('daemonset/agent a=agent:1' 'daemonset/agent b=b:2' 'deployment/web web=app:v1.2.3')\npatience=300\nname='deploy@production'\nconfig=(--kubeconfig='kube/live')"
    );
    assert_eq!(head(&heads, "deploy/undo@production"), head(&heads, "deploy@production"));
    assert!(head(&heads, "back@production").contains("takes_back='migrate@production'\n"));
    assert!(head(&heads, "back@staging").contains("takes_back='migrate@staging'\n"));
}

#[test]
fn a_cluster_that_nothing_leads_to_is_a_fault_before_the_release() {
    let fence = "```yaml {#migrate .job}\nfile: m.yaml\n```\n";
    for (place, document, expected) in [
        (
            "",
            format!("## A\n**Environment**: staging\n\n{fence}"),
            "T912 4: nothing says in which cluster staging is",
        ),
        (
            CLUSTERS,
            format!("## A\n{fence}"),
            "T912 2: nothing says in which cluster this acts: its phase has no environment",
        ),
        (
            CLUSTERS,
            format!(
                "## A\n**Environment**: staging\n\n{}",
                fence.replace("m.yaml", "m.yaml\nset: { m: 'a:$NONE' }")
            ),
            "T903 4: `images: m` is not known: NONE not bound",
        ),
        (
            &format!("{CLUSTERS}[hosts]\nall = [\"a\", \"b\"]\n"),
            format!(
                "## A\n**Environment**: staging\n**Hosts**: all\n\n{}",
                fence.replace(".job}", ".job on=all}")
            ),
            "T909 5: `all` stands for several hosts, and one tells the cluster",
        ),
    ] {
        let compiled = compile(&document, &with(settings::read(place).0));
        assert_eq!(errors(&compiled.diagnostics), [expected]);
    }
}
