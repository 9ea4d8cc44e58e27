//! Any script: read, walked, judged; every place that is told stands in it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tminus_runbook::shell::{looks_like_command, placeholders_in_text, survey};

fuzz_target!(|script: &str| {
    let survey = survey(script);
    for command in &survey.commands {
        assert!(script.get(command.start..command.end).is_some(), "{command:?}");
        assert!((command.line, command.column) <= (command.end_line, command.end_column), "{command:?}");
        assert!(command.line >= 1 && command.column >= 1, "{command:?}");
    }
    for swallowed in &survey.swallowed {
        assert!(swallowed.checked < survey.commands.len() && swallowed.by < survey.commands.len());
    }
    for one in &survey.loops {
        assert!(survey.commands.get(one.commands.clone()).is_some(), "{one:?}");
        assert!(script.get(one.position.start..one.position.end).is_some(), "{one:?}");
    }
    for clock in &survey.clocks {
        assert!(script.get(clock.position.start..clock.position.end).is_some(), "{clock:?}");
    }
    for found in survey.placeholders.iter().chain(&placeholders_in_text(script)) {
        assert_eq!(script.get(found.start..found.end), Some(found.text.as_str()), "{found:?}");
    }
    let _ = looks_like_command(script);
});
