//! Any bytes as a file, and any text as one that was saved in the wrong code page.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tminus_runbook::encoding::repair;
use tminus_runbook::source::decode;

fuzz_target!(|bytes: &[u8]| {
    let _ = decode(bytes);
    // Bytes read as if each were a character: this is how the damage comes about, so it is met often.
    let damaged: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    for text in [damaged.as_str(), &String::from_utf8_lossy(bytes)] {
        let repaired = repair(text);
        let mut end = 0;
        let mut expected = String::new();
        for one in &repaired.repairs {
            assert!(one.start >= end && one.start < one.end, "{one:?} after {end}");
            expected.push_str(text.get(end..one.start).expect("repairs stand between characters"));
            expected.push_str(&one.shown);
            end = one.end;
        }
        expected.push_str(text.get(end..).expect("repairs end between characters"));
        assert_eq!(repaired.text, expected, "nothing changes but what is told");
    }
});
