//! Builds plans for tests: each step comes after the one before, as in a document.

use std::collections::BTreeMap;

use tminus_release::plan::{
    Action, Approval, Comparison, Confirm, Danger, DocumentRef, Environment, Interpreter, Item, Lane, Mode,
    Notify, OnFailure, Phase, Plan, Policy, Resume, Retry, Role, Rule, Shell, Soak, Source, Step, StepId,
    Task, Undo, Usage, When, Work,
};
use tminus_release::time::Span;

/// A plan under construction.
pub struct PlanBuilder {
    /// The plan so far; tests may change anything in it.
    pub plan: Plan,
    last: Option<StepId>,
}

impl Default for PlanBuilder {
    fn default() -> Self {
        PlanBuilder::new()
    }
}

impl PlanBuilder {
    /// Starts a plan with one main phase and one rollback phase.
    pub fn new() -> PlanBuilder {
        let phase = |id: &str, lane| Phase {
            id: id.to_owned(),
            title: id.to_owned(),
            lane,
            environment: None,
            owner: None,
            duration: None,
            timeline: None,
            line: 1,
        };
        let plan = Plan {
            format: 1,
            title: "Test".to_owned(),
            document: DocumentRef { name: "test.md".to_owned(), sha256: "0".repeat(64) },
            mode: Mode::Unattended,
            lane: Lane::Main,
            version: Some("v2.0.0".to_owned()),
            previous_version: Some("v1.0.0".to_owned()),
            inputs: BTreeMap::new(),
            secrets: BTreeMap::new(),
            databases: BTreeMap::new(),
            environments: vec![Environment {
                name: "production".to_owned(),
                variables: BTreeMap::new(),
                secrets: BTreeMap::new(),
                databases: BTreeMap::new(),
            }],
            roles: BTreeMap::new(),
            phases: vec![phase("main", Lane::Main), phase("rollback", Lane::Rollback)],
            steps: Vec::new(),
            rules: Vec::new(),
            sources: BTreeMap::new(),
            channels: BTreeMap::new(),
            policy: Policy {
                on_failure: OnFailure::Hold,
                on_breach: OnFailure::Rollback,
                no_data: Span::seconds(30),
            },
        };
        PlanBuilder { plan, last: None }
    }

    /// Adds a step of any kind after the last one.
    pub fn add(&mut self, id: &str, work: Work) -> &mut Step {
        let line = u32::try_from(self.plan.steps.len()).expect("tests are small") + 2;
        self.plan.steps.push(Step {
            id: StepId::from(id),
            title: id.to_owned(),
            phase: 0,
            path: Vec::new(),
            line,
            end_line: line,
            environment: None,
            roles: Vec::new(),
            work,
            after: self.last.iter().cloned().collect(),
            check: false,
            on_demand: false,
            confirm: None,
            undo: Undo::Unstated,
            undo_last: false,
            resume: Resume::Ask,
            timeout: Span::minutes(1),
            output_limit_bytes: 1 << 20,
            retry: Retry { times: 0, backoff: Span::seconds(1) },
            on_failure: None,
            notes: Vec::new(),
        });
        self.last = Some(StepId::from(id));
        self.plan.steps.last_mut().expect("just pushed")
    }

    /// Adds a shell step.
    pub fn shell(&mut self, id: &str, script: &str) -> &mut Step {
        let shell = Shell {
            interpreter: Interpreter::Bash,
            script: script.to_owned(),
            folder: None,
            ok: vec![0],
            host: None,
            database: None,
            recipe: None,
            group: None,
        };
        self.add(id, Work::Act(Action::Shell(shell)))
    }

    /// Adds a check.
    pub fn check(&mut self, id: &str, script: &str) -> &mut Step {
        let step = self.shell(id, script);
        step.check = true;
        step.resume = Resume::Rerun;
        step.undo = Undo::NotNeeded;
        step
    }

    /// Adds a shell step with an undo of its own, named `undo-ID`.
    pub fn undoable(&mut self, id: &str, script: &str, undo: &str) -> &mut Step {
        let last = self.last.clone();
        let undo_id = format!("undo-{id}");
        let undo_step = self.shell(&undo_id, undo);
        undo_step.on_demand = true;
        undo_step.undo = Undo::NotNeeded;
        undo_step.after = Vec::new();
        undo_step.phase = 1;
        self.last = last;
        let step = self.shell(id, script);
        step.undo = Undo::Step(StepId(undo_id));
        step
    }

    /// Adds a step that asks first.
    pub fn proposed(&mut self, id: &str, script: &str) -> &mut Step {
        let step = self.shell(id, script);
        step.confirm =
            Some(Confirm { danger: Danger::Ordinary, reason: "proposed by the document".to_owned() });
        step
    }

    /// Adds a checklist item.
    pub fn item(&mut self, id: &str) -> &mut Step {
        let item = Item { text: id.to_owned(), auto: None, children: Vec::new(), ticked_in_document: false };
        self.add(id, Work::Item(item))
    }

    /// Adds a task for a person.
    pub fn task(&mut self, id: &str) -> &mut Step {
        self.add(id, Work::Task(Task { instructions: id.to_owned(), reason: "opens an editor".to_owned() }))
    }

    /// Adds an approval by `quorum`.
    pub fn approval(&mut self, id: &str, quorum: &[(&str, u32)], expires: Option<Span>) -> &mut Step {
        let quorum = quorum.iter().map(|(role, count)| (Role::from(*role), *count)).collect();
        self.add(
            id,
            Work::Approval(Approval { ask: "Go?".to_owned(), quorum, expires, starter_may_approve: false }),
        )
    }

    /// Adds a soak under rules.
    pub fn soak(&mut self, id: &str, duration: Span, rules: &[&str]) -> &mut Step {
        let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
        self.add(id, Work::Soak(Soak { duration, rules, on_breach: None }))
    }

    /// Adds a message at its own time.
    pub fn notify(&mut self, id: &str, template: &str, when: When) -> &mut Step {
        let last = self.last.clone();
        let step = self.add(
            id,
            Work::Act(Action::Notify(Notify {
                to: vec!["log".to_owned()],
                template: template.to_owned(),
                when,
            })),
        );
        step.undo = Undo::NotNeeded;
        if when != When::InOrder {
            step.after = Vec::new();
            self.last = last;
        }
        self.plan.steps.last_mut().expect("just pushed")
    }

    /// Adds a rule on a metric that a source gives each quarter of a minute.
    pub fn rule(&mut self, id: &str, metric: &str, op: Comparison, limit: f64, duration: Span, usage: Usage) {
        let text = format!("{metric} {} {limit}", op.sign());
        self.plan.rules.push(Rule {
            id: id.to_owned(),
            text,
            metric: metric.to_owned(),
            op,
            limit,
            unit: None,
            duration,
            usage,
            line: 1,
        });
        let source = Source::Http {
            url: "http://127.0.0.1:9/".to_owned(),
            value: "body.value".to_owned(),
            headers: Vec::new(),
            every: Span::seconds(15),
        };
        self.plan.sources.insert(metric.to_owned(), source);
    }

    /// Gives a role people.
    pub fn role(&mut self, role: &str, people: &[&str]) {
        self.plan.roles.insert(Role::from(role), people.iter().map(|name| (*name).to_owned()).collect());
    }
}
