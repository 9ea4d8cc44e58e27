//! What attributes and the sidecar say about a step: limits, undo, order.

use tminus_release::plan::{Action, Interpreter, OnFailure, Resume, Retry, Undo, Work};
use tminus_release::time::Span;

use super::drafts::{CHECK_TIMEOUT, Compiler, Place, Placement, Reference};
use crate::attributes::{Attributes, Word};
use crate::diagnostic::Severity;
use crate::outline::FenceUnit;
use crate::rules::parse_duration;

impl Compiler<'_> {
    /// Applies what the attributes say about limits, undo and order.
    pub(super) fn attributes(&mut self, at: usize, fence: &FenceUnit, place: &Place<'_>) {
        let Some(attributes) = &fence.info.attributes else { return self.adopted(at, fence) };
        let environment = place.environment.as_deref();
        if attributes.has("check") {
            let step = &mut self.drafts[at].step;
            step.check = true;
            step.resume = Resume::Rerun;
            step.undo = Undo::NotNeeded;
            // A request that polls already has the time that it needs.
            if !matches!(step.work, Work::Act(Action::Http(_))) {
                step.timeout = CHECK_TIMEOUT;
            }
        }
        if attributes.has("undo") {
            self.drafts[at].placement = Placement::OnDemand;
            self.drafts[at].step.undo = Undo::NotNeeded;
        } else if attributes.has("parallel") {
            self.drafts[at].placement = Placement::Parallel;
        }
        self.limits(at, attributes, environment);
        self.references(at, attributes, environment);
        self.adopted(at, fence);
    }

    fn limits(&mut self, at: usize, attributes: &Attributes, environment: Option<&str>) {
        if let Some(span) = attributes.value("timeout", environment).and_then(|word| self.duration(word)) {
            self.drafts[at].step.timeout = span;
        }
        let mut retry = self.drafts[at].step.retry;
        if let Some(word) = attributes.value("retry", environment) {
            match word.text.parse::<u32>() {
                Ok(times) if times <= 100 => retry = Retry { times, ..retry },
                _ => self.word_fault(
                    "T103",
                    word,
                    format!("`{}` is no number of retries from 0 to 100", word.text),
                ),
            }
        }
        if let Some(span) = attributes.value("backoff", environment).and_then(|word| self.duration(word)) {
            retry.backoff = span;
        }
        self.drafts[at].step.retry = retry;
        if let Some(word) = attributes.value("on_failure", environment) {
            match word.text.as_str() {
                "hold" => self.drafts[at].step.on_failure = Some(OnFailure::Hold),
                "rollback" => self.drafts[at].step.on_failure = Some(OnFailure::Rollback),
                other => self.word_fault("T103", word, format!("`{other}` is neither `hold` nor `rollback`")),
            }
        }
    }

    fn references(&mut self, at: usize, attributes: &Attributes, environment: Option<&str>) {
        let reference = |word: &Word| Reference { name: word.text.clone(), bytes: word.start..word.end };
        if let Some(word) = attributes.value("undo", environment) {
            match word.text.as_str() {
                "none" => self.drafts[at].step.undo = Undo::Impossible,
                _ => self.drafts[at].undo = Some(reference(word)),
            }
        }
        let verify = attributes.value("verify", environment);
        self.drafts[at].verify = verify.map(reference);
        match (attributes.value("resume", environment).map(|word| (word, word.text.as_str())), verify) {
            (Some((_, "rerun")), _) => self.drafts[at].step.resume = Resume::Rerun,
            (Some((_, "ask")), _) => self.drafts[at].step.resume = Resume::Ask,
            (Some((_, "verify")), Some(_)) | (None, _) => {}
            (Some((word, "verify")), None) => {
                self.word_fault(
                    "T103",
                    word,
                    "`resume=verify` needs `verify=` and the id of a check".to_owned(),
                );
            }
            (Some((word, other)), _) => {
                self.word_fault("T103", word, format!("`{other}` is none of `rerun`, `verify`, `ask`"));
            }
        }
        if let Some(word) = attributes.value("needs", environment) {
            let mut offset = word.start;
            for name in word.text.split(',') {
                let trimmed = name.trim();
                if !trimmed.is_empty() {
                    let start = offset + (name.len() - name.trim_start().len());
                    self.drafts[at]
                        .needs
                        .push(Reference { name: trimmed.to_owned(), bytes: start..start + trimmed.len() });
                }
                offset += name.len() + 1;
            }
        }
    }

    /// Applies what the sidecar says about a block.
    fn adopted(&mut self, at: usize, fence: &FenceUnit) {
        let Some(block) = self.request.adoption.as_ref().and_then(|adoption| adoption.block_for(fence))
        else {
            return;
        };
        let start = fence.start;
        match block.undo.as_deref() {
            Some("none") => self.drafts[at].step.undo = Undo::Impossible,
            Some(name) => {
                self.drafts[at].undo = Some(Reference { name: name.to_owned(), bytes: start..start })
            }
            None => {}
        }
        if let Some(environment) = &block.environment {
            self.drafts[at].step.environment = Some(environment.clone());
        }
        if block.check {
            self.drafts[at].step.check = true;
            self.drafts[at].step.resume = Resume::Rerun;
            self.drafts[at].step.undo = Undo::NotNeeded;
        }
    }

    fn duration(&mut self, word: &Word) -> Option<Span> {
        match parse_duration(&word.text) {
            Ok(span) if span.0 > 0 => Some(span),
            Ok(_) => {
                self.word_fault("T103", word, "a time of nothing is no limit".to_owned());
                None
            }
            Err(error) => {
                self.word_fault("T103", word, error.to_string());
                None
            }
        }
    }

    pub(super) fn word_fault(&mut self, code: &'static str, word: &Word, message: String) {
        self.faults.add(code, Severity::Error, word.start..word.end, message);
    }

    pub(super) fn data_fault(&mut self, code: &'static str, fault: crate::data::Fault) {
        self.faults.add_fault(code, fault);
    }

    pub(super) fn value<'f>(&self, fence: &'f FenceUnit, key: &str, place: &Place<'_>) -> Option<&'f Word> {
        fence.info.attributes.as_ref()?.value(key, place.environment.as_deref())
    }

    pub(super) fn interpreter(
        &mut self,
        fence: &FenceUnit,
        default: Interpreter,
        place: &Place<'_>,
    ) -> Interpreter {
        let Some(word) = self.value(fence, "shell", place) else { return default };
        match word.text.as_str() {
            "bash" => Interpreter::Bash,
            "sh" => Interpreter::Sh,
            "zsh" => Interpreter::Zsh,
            "python" => Interpreter::Python,
            "node" => Interpreter::Node,
            "powershell" => Interpreter::Powershell,
            other => {
                self.word_fault(
                    "T103",
                    word,
                    format!("`{other}` is none of bash, sh, zsh, python, node, powershell"),
                );
                default
            }
        }
    }

    pub(super) fn exit_codes(&mut self, fence: &FenceUnit, place: &Place<'_>) -> Vec<i32> {
        let Some(word) = self.value(fence, "ok", place) else { return vec![0] };
        let codes: Option<Vec<i32>> = word.text.split(',').map(|code| code.trim().parse().ok()).collect();
        codes.filter(|codes| codes.iter().all(|code| (0..=255).contains(code))).unwrap_or_else(|| {
            self.word_fault("T103", word, format!("`{}` is no list of exit codes from 0 to 255", word.text));
            vec![0]
        })
    }
}
