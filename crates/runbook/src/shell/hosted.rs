//! Sees through what providers of hosting have for running a command where the application runs:
//! `heroku run …`, `fly ssh console -C "…"`, `kamal app exec "…"`, `gcloud compute ssh host --command "…"`.
//!
//! Some take the command as words and some as one text; what is neither is the tool's own command.

use super::unwrap::{Inside, after_dashes, skip_options};

/// One way of one tool.
struct Way {
    program: &'static str,
    /// Words that stand together behind the program.
    verbs: &'static [&'static str],
    given: Given,
}

/// Where the command stands.
enum Given {
    /// In the words behind the verbs, and so many more that name the application.
    Words(usize),
    /// As one text behind the verbs.
    Text,
    /// As one text behind an option.
    Option(&'static [&'static str]),
}

const fn way(program: &'static str, verbs: &'static [&'static str], given: Given) -> Way {
    Way { program, verbs, given }
}

const COMMAND: Given = Given::Option(&["-C", "--command", "-c"]);

#[rustfmt::skip]
const WAYS: [Way; 11] = [
    way("heroku", &["run"], Given::Words(0)), way("heroku", &["run:detached"], Given::Words(0)),
    way("fly", &["ssh", "console"], COMMAND), way("flyctl", &["ssh", "console"], COMMAND),
    way("railway", &["run"], Given::Words(0)), way("dokku", &["run"], Given::Words(1)),
    way("kamal", &["app", "exec"], Given::Text), way("cf", &["run-task"], COMMAND), way("cf", &["ssh"], COMMAND),
    way("eb", &["ssh"], COMMAND), way("gcloud", &["compute", "ssh"], COMMAND),
];

/// Options of these tools whose value is the next word.
const VALUES: [&str; 12] = [
    "-a",
    "--app",
    "-r",
    "--remote",
    "-s",
    "--size",
    "--service",
    "--environment",
    "-e",
    "--project",
    "--zone",
    "-d",
];

/// Takes the tool off; `words[0]` is one of those above.
pub(super) fn unwrap(words: &[String]) -> Inside {
    let at = skip_options(words, 1, &VALUES);
    let Some(way) = WAYS.iter().find(|way| {
        let behind = words[at..].iter().map(String::as_str);
        way.program == words[0] && behind.take(way.verbs.len()).eq(way.verbs.iter().copied())
    }) else {
        return after_dashes(words);
    };
    let wrapper = format!("{} {}", way.program, way.verbs.join(" "));
    let from = skip_options(words, at + way.verbs.len(), &VALUES);
    match way.given {
        Given::Words(names) => {
            let from = skip_options(words, from + names, &VALUES);
            if from < words.len() { Inside::Also { wrapper, from } } else { Inside::Itself }
        }
        Given::Text => match words.get(from) {
            Some(script) => Inside::Script { wrapper, script: script.clone(), host: None },
            None => Inside::Itself,
        },
        Given::Option(options) => match option(words, options) {
            Some(script) => {
                // Only what is a machine of its own is another host; the others are the application's.
                let host = words.get(from).filter(|_| way.program == "gcloud").cloned();
                Inside::Script { wrapper, script, host }
            }
            None => Inside::Itself,
        },
    }
}

/// `--command TEXT` and `--command=TEXT`.
fn option(words: &[String], options: &[&str]) -> Option<String> {
    words.iter().enumerate().find_map(|(at, word)| {
        let joined = word.split_once('=').filter(|(option, _)| options.contains(option));
        let next = || words.get(at + 1).filter(|_| options.contains(&word.as_str())).cloned();
        joined.map(|(_, text)| text.to_owned()).or_else(next)
    })
}
