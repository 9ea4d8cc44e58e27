//! Any info string: every word that is read stands where it says, and checking it never fails.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tminus_runbook::attributes::{check, parse};
use tminus_runbook::faults::Faults;
use tminus_runbook::lines::LineIndex;

fuzz_target!(|text: &str| {
    // Behind a fence's marks, as in a document: places must count from there.
    const BEFORE: &str = "```";
    let document = format!("{BEFORE}{text}");
    let info = parse(text, BEFORE.len());
    if let Some(attributes) = &info.attributes {
        let words = attributes.classes.iter().chain(&attributes.id).chain(&attributes.more_ids);
        let pairs = attributes.pairs.iter().flat_map(|pair| [&pair.key, &pair.value]);
        for word in words.chain(pairs).chain(&attributes.strays) {
            assert_eq!(document.get(word.start..word.end), Some(word.text.as_str()), "{word:?}");
        }
        for pair in &attributes.pairs {
            let environment = pair.environment.as_deref();
            assert!(attributes.value(&pair.key.text, environment).is_some() || environment == Some(""));
        }
    }
    let lines = LineIndex::new(&document);
    let mut faults = Faults::new(&document, &lines);
    check(&info, &mut faults);
});
