//! What a bash step hands down: the difference between the exported variables that it was given
//! and those that it had at its end.

use std::collections::BTreeMap;
use std::path::Path;

use super::Ready;
use super::attempt::Record;
use crate::Carried;

/// Variables that belong to the shell or to one attempt.
const OWN: [&str; 6] = ["_", "OLDPWD", "PWD", "SHLVL", "RUN_OUT", "BASH_ENV"];

/// What is carried on, and the names of what was left out because it holds a secret or no text.
pub(super) struct Difference {
    pub(super) carried: Option<Carried>,
    pub(super) dropped: Vec<String>,
}

/// Compares. `hidden` names the variables that the snapshot leaves out on purpose.
pub(super) fn difference(record: &Record, start: &Path, hidden: &[&str], ready: &Ready) -> Difference {
    let Ready { given, secrets, redactor, .. } = ready;
    let mut carried = Carried { folder: Some(record.folder.clone()), ..Carried::default() };
    let mut dropped = Vec::new();
    let ignored = |name: &str| OWN.contains(&name) || name.starts_with("TMINUS_") || hidden.contains(&name);
    if !record.variables.is_empty() {
        let found = exported(&record.variables);
        for (name, value) in &found {
            if ignored(name) || value.as_ref().is_some_and(|value| given.get(name) == Some(value)) {
                continue;
            }
            match value {
                Some(value) if secrets.name_of(value).is_some_and(|secret| secret == name) => {}
                Some(value) => match secrets.name_of(value) {
                    Some(secret) => drop(carried.set.insert(name.clone(), format!("secret:{secret}"))),
                    None if redactor.finds_in(value) => dropped.push(name.clone()),
                    None => drop(carried.set.insert(name.clone(), value.clone())),
                },
                None => dropped.push(name.clone()),
            }
        }
        let gone = given.keys().filter(|name| !found.contains_key(*name) && !ignored(name));
        carried.removed = gone.cloned().collect();
    }
    let same = record.folder == start && carried.set.is_empty() && carried.removed.is_empty();
    Difference { carried: (!same).then_some(carried), dropped }
}

/// Reads the output of `declare -px`. A value that is no UTF-8 is `None`. Variables that are marked
/// for export and have no value are not there.
fn exported(text: &[u8]) -> BTreeMap<String, Option<String>> {
    let mut variables = BTreeMap::new();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix(b"declare -") {
        let Some(blank) = after.iter().position(|byte| *byte == b' ') else { break };
        let after = &after[blank + 1..];
        let Some(end) = after.iter().position(|byte| matches!(byte, b'=' | b'\n')) else { break };
        let name = String::from_utf8_lossy(&after[..end]).into_owned();
        rest = &after[end + 1..];
        if after[end] == b'\n' {
            continue;
        }
        let (value, after) = if let Some(quoted) = rest.strip_prefix(b"$'") {
            ansi_quoted(quoted)
        } else {
            double_quoted(rest.strip_prefix(b"\"").unwrap_or(rest))
        };
        variables.insert(name, String::from_utf8(value).ok());
        rest = after.strip_prefix(b"\n").unwrap_or(after);
    }
    variables
}

/// Reads up to the closing double quote; a backslash takes the next byte as it is.
fn double_quoted(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return (value, &text[at + 1..]),
            b'\\' => {
                at += 1;
                value.extend(text.get(at));
            }
            other => value.push(*other),
        }
        at += 1;
    }
    (value, &[])
}

/// Reads up to the closing single quote of `$'…'`, which bash uses when a value holds control
/// characters or bytes that are no text.
fn ansi_quoted(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'\'' => return (value, &text[at..]),
            b'\\' => {
                let Some(escape) = text.get(at) else { break };
                at += 1;
                let plain = match escape {
                    b'a' => 7,
                    b'b' => 8,
                    b'e' | b'E' => 27,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 11,
                    b'0'..=b'7' => {
                        let digits =
                            text[at - 1..].iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7'));
                        let digits: Vec<u32> = digits.map(|byte| u32::from(byte - b'0')).collect();
                        at += digits.len() - 1;
                        let number = digits.iter().fold(0, |number, digit| number * 8 + digit);
                        u8::try_from(number & 0xFF).unwrap_or(0)
                    }
                    other => *other,
                };
                value.push(plain);
            }
            other => value.push(*other),
        }
    }
    (value, &[])
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// Lets bash print its variables, and compares what is read with what bash was given.
    fn check(values: &[&[u8]]) {
        use std::os::unix::ffi::OsStrExt as _;
        let mut command = Command::new("bash");
        command.env_clear().args(["--noprofile", "--norc", "-c", "declare -px"]);
        for (number, value) in values.iter().enumerate() {
            command.env(format!("V{number}"), std::ffi::OsStr::from_bytes(value));
        }
        let output = command.output().unwrap().stdout;
        let found = exported(&output);
        for (number, value) in values.iter().enumerate() {
            let expected = String::from_utf8(value.to_vec()).ok();
            assert_eq!(
                found.get(&format!("V{number}")),
                Some(&expected),
                "{}",
                String::from_utf8_lossy(&output)
            );
        }
        assert!(found.contains_key("PWD"));
    }

    #[test]
    fn values_are_read_as_bash_prints_them() {
        check(&[
            b"",
            b"plain",
            b"two words",
            b"a\"b$c`d\\e'f",
            b"line\nline\n",
            b"tab\there",
            b"\x01\x1b[0m\x7f",
            "üñí \u{1F680}".as_bytes(),
            b"\xff\xfe",
            b"declare -x FAKE=\"1\"\ndeclare -x V1=\"2\"",
            b"\\",
            b"'",
            b"\"",
            b"!!",
            b"~",
            b"\n",
            b"$'x'",
            b"\x07\x08\x0b\x0c\r",
            b"trailing\\",
        ]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn any_value_is_read_back(values in proptest::collection::vec(proptest::collection::vec(1_u8..=255, 0..30), 1..20)) {
            let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
            check(&values);
        }
    }
}
