//! The shop window: the checker inside of a web page, where nothing leaves the machine.
//!
//! A page and a module share numbers only. Bytes go in and out four at a time, as numbers, instead
//! of through shared memory: that needs no unsafe code, and a runbook of 100 KB is 25,000 calls of
//! some nanoseconds each. `web/check` is the page.

use std::cell::RefCell;

use serde_json::{Value, json};
use tminus_runbook::check;
use tminus_runbook::settings::Settings;

/// Bytes that are taken; a longer text is cut here, and the page says so.
const LIMIT_BYTES: usize = 4 * 1024 * 1024;

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Begins a new text.
#[expect(unsafe_code, reason = "a browser finds a function by its name")]
#[unsafe(no_mangle)]
pub extern "C" fn begin() {
    INPUT.with_borrow_mut(Vec::clear);
}

/// Takes up to four bytes of the text, the first one lowest.
#[expect(unsafe_code, reason = "a browser finds a function by its name")]
#[unsafe(no_mangle)]
pub extern "C" fn take(word: u32, count: u32) {
    INPUT.with_borrow_mut(|input| {
        let bytes = word.to_le_bytes();
        let count = (count as usize).min(bytes.len());
        if input.len() + count <= LIMIT_BYTES {
            input.extend_from_slice(&bytes[..count]);
        }
    });
}

/// Checks the text; returns how many bytes the answer has.
#[expect(unsafe_code, reason = "a browser finds a function by its name")]
#[unsafe(no_mangle)]
pub extern "C" fn check_text() -> u32 {
    let text = INPUT.with_borrow(|input| String::from_utf8_lossy(input).into_owned());
    let answer = answer(&text).to_string().into_bytes();
    let length = u32::try_from(answer.len()).unwrap_or(0);
    OUTPUT.set(answer);
    length
}

/// Returns four bytes of the answer from a place on, the first one lowest.
#[expect(unsafe_code, reason = "a browser finds a function by its name")]
#[unsafe(no_mangle)]
pub extern "C" fn give(from: u32) -> u32 {
    OUTPUT.with_borrow(|output| {
        let byte = |at: usize| output.get(from as usize + at).copied().unwrap_or(0);
        u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)])
    })
}

/// The findings as `tminus check --format json` gives them, each with its page.
fn answer(text: &str) -> Value {
    let checked = check::check_whole(text, "runbook", Settings::default());
    let findings: Vec<Value> = checked
        .found
        .iter()
        .map(|found| {
            let mut finding = found.to_json("runbook");
            if let Some(page) = check::explain(found.code) {
                finding["title"] = json!(page.title);
                finding["why"] = json!(page.why);
                finding["source"] = json!(page.source);
            }
            finding
        })
        .collect();
    json!({ "version": env!("CARGO_PKG_VERSION"), "findings": findings, "silenced": checked.silenced.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(text: &str) -> Value {
        begin();
        for chunk in text.as_bytes().chunks(4) {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            take(u32::from_le_bytes(word), u32::try_from(chunk.len()).unwrap());
        }
        let length = check_text();
        let bytes = (0..length).step_by(4).flat_map(|at| give(at).to_le_bytes());
        let bytes: Vec<u8> = bytes.take(length as usize).collect();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn a_text_goes_in_and_its_findings_come_out() {
        let answer = through("# R 😀\n\n## Deploy\n\n```bash\npsql -f a.sql\n```\n");
        assert_eq!(answer["findings"][0]["code"], "T301");
        assert_eq!(answer["findings"][0]["line"], 6);
        assert!(answer["findings"][0]["why"].as_str().unwrap().len() > 10);
        assert_eq!(through("# R\n\n## Work\n\n- [ ] done\n")["findings"], json!([]));
        let silenced = through(
            "# R\n\n## Deploy\n\n```bash\n# tminus: ignore T301 because a test\npsql -f a.sql\n```\n",
        );
        assert_eq!((&silenced["findings"], &silenced["silenced"]), (&json!([]), &json!(1)));
        assert!(through(&"x".repeat(LIMIT_BYTES + 8))["findings"].is_array());
    }
}
