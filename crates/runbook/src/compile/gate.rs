//! Gates that look: `.gate`, as a check that changes nothing.

use tminus_release::plan::{Action, Resume, Undo, Work};

use super::database::{SQL, quote};
use super::drafts::{CHECK_TIMEOUT, Compiler, Place};
use super::recipe::shell;
use crate::control::Gate;
use crate::outline::FenceUnit;

const HEAD: &str = include_str!("recipes/gate_head.sh");
const ENV_KEYS: &str = include_str!("recipes/gate_env_keys.sh");
const GIT_CLEAN: &str = include_str!("recipes/gate_git_clean.sh");
const RLS: &str = include_str!("recipes/gate_rls.sh");
const PGTAP: &str = include_str!("recipes/gate_pgtap.sh");
const END: &str = include_str!("recipes/gate_end.sh");

impl Compiler<'_> {
    pub(super) fn gate(&mut self, place: &Place<'_>, fence: &FenceUnit, gate: &Gate) {
        if gate.db.as_ref().is_some_and(|db| !self.known_database(place, db)) {
            return;
        }
        let (mut title, mut script) = (Vec::new(), String::new());
        if let Some(env) = &gate.env_keys {
            title.push(format!("{} has the keys of {}", env.file, env.example));
            let allow: Vec<String> = env.allow.iter().map(|key| quote(key)).collect();
            script.push_str(&format!(
                "example={}\nfile={}\nallow=({})\n",
                quote(&env.example),
                quote(&env.file),
                allow.join(" ")
            ));
        }
        if gate.is_git_clean {
            title.push("git is clean".to_owned());
            // What the document says stands at the head, where the plan shows it.
            script.push_str("git='clean'\n");
        }
        let list = |words: &[String]| words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        if let Some(rls) = &gate.rls {
            title.push(format!("row-level security in {}", rls.schemas.join(", ")));
            script.push_str(&format!(
                "schemas=({})\nallow_tables=({})\n",
                list(&rls.schemas),
                list(&rls.allow)
            ));
        }
        if let Some(tests) = &gate.pgtap {
            title.push(format!("pgTAP {tests}"));
            script.push_str(&format!("pgtap={}\nshopt -s nullglob\ntests=({tests})\n", quote(tests)));
        }
        script.push_str(HEAD);
        if gate.db.is_some() {
            script.push_str(SQL);
        }
        if gate.env_keys.is_some() {
            script.push_str(ENV_KEYS);
        }
        if gate.is_git_clean {
            script.push_str(GIT_CLEAN);
        }
        if gate.rls.is_some() {
            script.push_str(RLS);
        }
        if gate.pgtap.is_some() {
            script.push_str(PGTAP);
        }
        script.push_str(END);
        let own = self.hosts(place, fence);
        let mut work = shell("gate", script, self.recipe_folder(place, fence), own);
        if let Work::Act(Action::Shell(shell)) = &mut work {
            shell.database.clone_from(&gate.db);
        }
        let id = self.default_ids[place.index].clone();
        let at = self.add_step(place, id, title.join(", "), work);
        let step = &mut self.drafts[at].step;
        (step.check, step.resume, step.undo, step.timeout) =
            (true, Resume::Rerun, Undo::NotNeeded, CHECK_TIMEOUT);
        self.attributes(at, fence, place);
    }
}
