//! Pages of the codes that concern more than the document: settings, inputs, the plan.

use super::explain::Explanation;

#[rustfmt::skip]
pub(super) const PLAN_PAGES: &[Explanation] = &[
    Explanation { code: "T105", title: "attributes on a block that never runs", why: "They mean nothing there, so what they promise does not happen.", wrong: "", right: "", source: "the runbook language, attributes" },
    Explanation { code: "T108", title: "tminus.toml cannot be read", why: "A key that is misspelt or of the wrong kind would silently mean something else.", wrong: "", right: "", source: "the runbook language, tminus.toml" },
    Explanation { code: "T111", title: "there is nothing to do", why: "No checklist, command, table or rule was found: probably the wrong file.", wrong: "", right: "", source: "the runbook language, structure" },
    Explanation { code: "T901", title: "a block that nobody decided about", why: "In unattended mode only annotated or adopted blocks run; anything else that looks like code could be run by mistake, or be forgotten.", wrong: "", right: "", source: "the runbook language, two modes" },
    Explanation { code: "T902", title: "an input is missing or not accepted", why: "A value that does not match its pattern never reaches a shell.", wrong: "", right: "", source: "the runbook language, inputs" },
    Explanation { code: "T903", title: "a placeholder without a value", why: "The shell would read the placeholder itself.", wrong: "", right: "", source: "the runbook language, inputs" },
    Explanation { code: "T904", title: "a block that cannot run unattended", why: "It waits for a person or never ends.", wrong: "", right: "", source: "the runbook language, two modes" },
    Explanation { code: "T905", title: "a reference that leads nowhere", why: "`undo`, `needs`, `verify` or `auto` names a step that is not there, or not of the right kind.", wrong: "", right: "", source: "the runbook language, attributes" },
    Explanation { code: "T906", title: "an http block that cannot be read", why: "A request that is half understood could check the wrong thing.", wrong: "", right: "", source: "the runbook language, http" },
    Explanation { code: "T907", title: "a control step that cannot be read", why: "An approval or a wait that is half understood is none.", wrong: "", right: "", source: "the runbook language, control steps" },
    Explanation { code: "T908", title: "a choice that nobody has made", why: "Both ways would run, or neither.", wrong: "", right: "", source: "the runbook language, options" },
    Explanation { code: "T909", title: "where it runs is not on the page", why: "What decides where a step runs must be visible to its readers.", wrong: "", right: "", source: "the runbook language, attributes" },
    Explanation { code: "T910", title: "an approval that guards nothing", why: "A question that anyone may answer, or that nothing waits for, is no gate.", wrong: "", right: "", source: "the runbook language, approvals" },
    Explanation { code: "T911", title: "a message to nobody", why: "The channel is not configured here, so nobody would be told.", wrong: "", right: "", source: "the runbook language, notify" },
    Explanation { code: "T912", title: "a secret, a database or a cluster that tminus.toml does not lead to", why: "It could not be found when the step starts.", wrong: "", right: "", source: "the runbook language, secrets" },
    Explanation { code: "T913", title: "steps that wait for each other", why: "None of them could ever start.", wrong: "", right: "", source: "the runbook language, needs" },
    Explanation { code: "T914", title: "a rule that cannot be watched", why: "Its words are understood, its numbers are not.", wrong: "", right: "", source: "the runbook language, rules" },
    Explanation { code: "T916", title: "several environments on an inner section", why: "Only a phase runs once for each environment; below it the line would say something that does not happen.", wrong: "", right: "", source: "the runbook language, structure" },
    Explanation { code: "T917", title: "a kind of step that this version cannot run yet", why: "A release with it does not start: better before the window than in it.", wrong: "", right: "", source: "the runbook language, control steps" },
    Explanation { code: "T115", title: "a sidecar that cannot be read", why: "What a team decided about the blocks would be lost without a word.", wrong: "", right: "", source: "the runbook language, adoption" },
    Explanation { code: "T915", title: "a rule without a source", why: "No data is no pass: the release would hold for ever.", wrong: "", right: "", source: "the runbook language, rules" },
];
