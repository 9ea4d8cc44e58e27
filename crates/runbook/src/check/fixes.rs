//! Fixes of commands: which bytes to replace so that a fault is gone.
//!
//! A check says what is wrong; this says how to write it. A fix is only given where the command
//! stands in the document exactly as the shell reads it and holds each word to be replaced once;
//! otherwise nothing is offered, and the help says in words what to do.

use std::collections::HashMap;
use std::ops::Range;

use crate::diagnostic::{Diagnostic, Fix};
use crate::shell::{ClockName, CommandUse, RedirectKind, yes_flag};

use super::page::{Page, Script};
use super::passes;

/// Codes for which a fix may be known.
const CODES: [&str; 12] =
    ["T201", "T203", "T205", "T206", "T210", "T211", "T301", "T306", "T401", "T705", "T804", "T805"];

/// A replacement inside a command's text, and what it does to the step.
enum Mend {
    Keeps(Range<usize>, String),
    Changes(Range<usize>, String),
}

/// Adds fixes to those faults of which one is known.
pub(super) fn add(page: &Page<'_>, found: &mut [Diagnostic]) {
    if !found.iter().any(|found| found.fix.is_none() && CODES.contains(&found.code)) {
        return;
    }
    let mut commands: HashMap<(u32, u32), (&Script<'_>, usize)> = HashMap::new();
    let mut lines: HashMap<u32, Vec<(&Script<'_>, usize)>> = HashMap::new();
    for script in &page.scripts {
        for (index, command) in script.commands().iter().enumerate() {
            let place = script.place(command.line, command.column);
            commands.entry(place).or_insert((script, index));
            lines.entry(place.0).or_default().push((script, index));
        }
    }
    let mut clocks: HashMap<(u32, u32), (&Script<'_>, &ClockName)> = HashMap::new();
    if found.iter().any(|found| found.code == "T203") {
        for (script, clock) in page.scripts.iter().flat_map(|s| s.survey.clocks.iter().map(move |c| (s, c))) {
            clocks.entry(script.place(clock.position.line, clock.position.column)).or_insert((script, clock));
        }
    }
    for found in found.iter_mut().filter(|found| found.fix.is_none() && CODES.contains(&found.code)) {
        if found.code == "T203" {
            let clock = clocks.get(&(found.line, found.column));
            if let Some(fix) = clock.and_then(|(script, clock)| one_clock(page, script, clock)) {
                *found = found.clone().with_fix_that_changes(fix);
            }
            continue;
        }
        let here = match found.code {
            // Told for a whole line: only where it holds one command is it clear which one is meant.
            "T205" | "T206" => lines.get(&found.line).filter(|here| here.len() == 1).map(|here| here[0]),
            _ => commands.get(&(found.line, found.column)).copied(),
        };
        let Some((script, index)) = here else { continue };
        let Some((at, text)) = in_document(page, script, index, found) else { continue };
        let mend = mend(found.code, script, index, text);
        let (range, replacement, keeps) = match mend {
            Some(Mend::Keeps(range, replacement)) => (range, replacement, true),
            Some(Mend::Changes(range, replacement)) => (range, replacement, false),
            None => continue,
        };
        let fix = Fix { start: at + range.start, end: at + range.end, replacement };
        let plain = found.clone();
        *found = if keeps { plain.with_fix(fix) } else { plain.with_fix_that_changes(fix) };
    }
}

/// Returns where a finding's bytes begin in the document, and them, when the shell saw them as they
/// stand there.
fn in_document<'t>(
    page: &Page<'t>,
    script: &Script<'t>,
    index: usize,
    found: &Diagnostic,
) -> Option<(usize, &'t str)> {
    let command = &script.commands()[index];
    let at = match found.code {
        "T205" | "T206" => {
            let place = script.place(command.line, command.column);
            page.markdown.lines.offset(page.document, place.0, place.1)
        }
        _ => found.bytes(page.document, &page.markdown.lines).start,
    };
    let end = match found.code {
        "T201" => found.bytes(page.document, &page.markdown.lines).end,
        _ => at + (command.end - command.start),
    };
    let text = page.document.get(at..end)?;
    let same = script.text.get(command.start..).is_some_and(|rest| rest.starts_with(text));
    same.then_some((at, text))
}

fn mend(code: &str, script: &Script<'_>, index: usize, text: &str) -> Option<Mend> {
    let command = &script.commands()[index];
    match code {
        "T201" => fail_as_well(script, index, text).or_else(|| fail_on_errors(command, text)),
        "T205" => answer(command, text),
        "T206" => stop_following(command, text).or_else(|| detach(command, text)),
        "T210" => guard(command, text),
        "T211" => quote(script, command, text),
        "T301" => {
            let word = word(text, |word| word == "psql" || word.ends_with("/psql"))?;
            Some(Mend::Keeps(word.end..word.end, " -v ON_ERROR_STOP=1".to_owned()))
        }
        "T306" => compress(command, text),
        "T401" => without(word(text, |word| word == "--build")?, text),
        "T705" => verify_again(command, text),
        "T804" => {
            let word = word(text, |word| word == "docker-compose")?;
            Some(Mend::Keeps(word, "docker compose".to_owned()))
        }
        "T805" => {
            let purges = command.arguments.iter().any(|argument| argument == "--purge");
            let word = word(text, |word| word == "delete").filter(|_| !purges)?;
            Some(Mend::Keeps(word, "uninstall".to_owned()))
        }
        _ => None,
    }
}

/// `check || echo "…"` says it and fails.
fn fail_as_well(script: &Script<'_>, index: usize, text: &str) -> Option<Mend> {
    let checked = &script.commands()[index];
    let end = checked.start + text.len();
    let behind = script.commands()[index..].iter().take_while(|command| command.start <= end);
    let by = behind.into_iter().find(|command| command.end == end && command.list == checked.list)?;
    // What follows on the same line might be part of the same chain.
    let rest = script.text.get(end..)?.split('\n').next().unwrap_or("").trim();
    if !rest.is_empty() && !rest.starts_with('#') {
        return None;
    }
    let start = by.start.checked_sub(checked.start)?;
    match by.program.as_str() {
        "echo" | "printf" | "logger" => {
            Some(Mend::Changes(start..text.len(), format!("{{ {}; exit 1; }}", text.get(start..)?)))
        }
        "true" | ":" => {
            let before = text.get(..start)?.trim_end().strip_suffix("||")?.trim_end();
            Some(Mend::Changes(before.len()..text.len(), String::new()))
        }
        _ => None,
    }
}

/// `curl` fails on an answer of 400 and above, where nobody reads the answer.
fn fail_on_errors(command: &CommandUse, text: &str) -> Option<Mend> {
    let alone = command.program == "curl" && text.len() == command.end - command.start;
    let word = word(text, |word| word == "curl").filter(|_| alone && !passes::fails_on_errors(command))?;
    Some(Mend::Changes(word.end..word.end, " -f".to_owned()))
}

/// `docker compose up` starts the containers, waits until they are healthy, and ends.
fn detach(command: &CommandUse, text: &str) -> Option<Mend> {
    let up = super::kinds::compose(command) == Some("up");
    let word = word(text, |word| word == "up").filter(|_| up)?;
    Some(Mend::Changes(word.end..word.end, " -d --wait".to_owned()))
}

/// Every name that is made from this clock is made from the release's own time instead: all of them
/// in one replacement, because one alone would be sure to miss the others.
fn one_clock(page: &Page<'_>, script: &Script<'_>, first: &ClockName) -> Option<Fix> {
    let clocks = &script.survey.clocks;
    let lines = &page.markdown.lines;
    let mut fix: Option<Fix> = None;
    for clock in super::script::same_name(clocks, first) {
        let written = script.text.get(clock.position.start..clock.position.end)?;
        let place = script.place(clock.position.line, clock.position.column);
        let start = lines.offset(page.document, place.0, place.1);
        let end = start + written.len();
        // The shell must have read these very bytes, and it must be clear where the clock ends.
        if page.document.get(start..end) != Some(written) || written.matches("$(").count() != 1 {
            return None;
        }
        let from = written.find("$(date")?;
        let to = from + written[from..].find(')')? + 1;
        if clock.word.matches("$(").count() != 1 || written[from..to].contains('`') {
            return None;
        }
        let renamed = format!("{}${{RUN_STAMP}}{}", &written[..from], &written[to..]);
        match &mut fix {
            None => fix = Some(Fix { start, end, replacement: renamed }),
            Some(fix) => {
                fix.replacement.push_str(page.document.get(fix.end..start)?);
                fix.replacement.push_str(&renamed);
                fix.end = end;
            }
        }
    }
    fix
}

/// The flag that answers, right behind the words that ask.
fn answer(command: &CommandUse, text: &str) -> Option<Mend> {
    let yes = yes_flag(command)?;
    let behind = word(text, |word| word == yes.behind)?;
    let place = behind.end..behind.end;
    let flag = format!(" {}", yes.flag);
    Some(if yes.keeps_meaning { Mend::Keeps(place, flag) } else { Mend::Changes(place, flag) })
}

/// A path stays one word.
fn quote(script: &Script<'_>, command: &CommandUse, text: &str) -> Option<Mend> {
    let (argument, _) = super::variables::split_path(script, command)?;
    // A pattern must stay outside of the quotes, so only a plain path is quoted as a whole.
    let braces = argument.matches('{').count() != argument.matches("${").count();
    if braces || argument.contains(['*', '?', '[', '~', '\\', '`', '(', '"']) {
        return None;
    }
    let place = word(text, |word| word == argument)?;
    Some(Mend::Keeps(place, format!("\"{argument}\"")))
}

/// `logs -f` shows what is there and ends.
fn stop_following(command: &CommandUse, text: &str) -> Option<Mend> {
    let shows_logs = matches!(command.program.as_str(), "tail" | "journalctl")
        || command.arguments.iter().any(|argument| argument == "logs");
    let word = word(text, |word| matches!(word, "-f" | "--follow")).filter(|_| shows_logs)?;
    without(word, text)
}

/// Destruction that stops when its variable is empty, or when others pushed meanwhile.
fn guard(command: &CommandUse, text: &str) -> Option<Mend> {
    match command.program.as_str() {
        "rm" => {
            let open = |word: &str| {
                let name = word.trim_matches('"').trim_start_matches('$').trim_start_matches('{');
                let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
                let rest = name[end..].trim_start_matches(['}', '"']).trim_end_matches('"');
                (word.trim_start_matches('"').starts_with('$')
                    && end > 0
                    && matches!(rest, "/" | "/*" | "/."))
                .then(|| name[..end].to_owned())
            };
            let place = word(text, |word| open(word).is_some())?;
            let name = open(&text[place.clone()])?;
            let written = &text[place.clone()];
            let (from, to) = [format!("${{{name}}}"), format!("${name}")].into_iter().find_map(|form| {
                let at = written.find(&form)?;
                Some((place.start + at, place.start + at + form.len()))
            })?;
            Some(Mend::Keeps(from..to, format!("${{{name}:?}}")))
        }
        "git" => {
            let word = word(text, |word| matches!(word, "--force" | "-f"))?;
            Some(Mend::Changes(word, "--force-with-lease".to_owned()))
        }
        _ => None,
    }
}

/// `pg_dump > x.gz` goes through gzip, as the name says.
fn compress(command: &CommandUse, text: &str) -> Option<Mend> {
    if command.program == "tar" {
        let flags = command.arguments.first()?;
        let place = word(text, |word| word == flags)?;
        // The file's name follows the `f`, so the letter goes before it.
        let at = place.end.checked_sub(1).filter(|at| text[*at..].starts_with('f'))?;
        return Some(Mend::Keeps(at..at, "z".to_owned()));
    }
    let writes = command.redirects.iter().filter(|redirect| redirect.kind == RedirectKind::Write).count();
    if writes != 1 || command.redirects.len() != 1 || text.matches('>').count() != 1 {
        return None;
    }
    let at = text.find('>')?;
    let spaced = if text[..at].ends_with(' ') { "| gzip " } else { " | gzip " };
    Some(Mend::Keeps(at..at, spaced.to_owned()))
}

/// The other side has to show who it is.
fn verify_again(command: &CommandUse, text: &str) -> Option<Mend> {
    match command.program.as_str() {
        "curl" => without(word(text, |word| matches!(word, "-k" | "--insecure"))?, text),
        "wget" => without(word(text, |word| word == "--no-check-certificate")?, text),
        _ => {
            let at = text.find("StrictHostKeyChecking=no")?;
            let end = at + "StrictHostKeyChecking=no".len();
            // The first key is taken and remembered; a changed one is refused (ssh_config(5)).
            Some(Mend::Changes(at..end, "StrictHostKeyChecking=accept-new".to_owned()))
        }
    }
}

/// Takes a word out, with the space before it.
fn without(word: Range<usize>, text: &str) -> Option<Mend> {
    let start = text[..word.start].trim_end_matches([' ', '\t']).len();
    Some(Mend::Changes(start..word.end, String::new()))
}

/// Finds the one word of a command that is meant; none when there are several. Quotes keep a text
/// with spaces one word, as the shell does.
fn word(text: &str, is_meant: impl Fn(&str) -> bool) -> Option<Range<usize>> {
    let mut found = None;
    let mut start = None;
    let mut quote = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match quote {
            Some(open) if open == c => quote = None,
            Some(_) => {}
            None if matches!(c, '\'' | '"') => {
                quote = Some(c);
                start = start.or(Some(at));
            }
            None if c.is_whitespace() || matches!(c, ';' | '|' | '&' | '(' | ')') => {
                if let Some(start) = start.take()
                    && is_meant(&text[start..at])
                {
                    if found.is_some() {
                        return None;
                    }
                    found = Some(start..at);
                }
            }
            None => start = start.or(Some(at)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::check::check;
    use crate::diagnostic::{Diagnostic, FixEffect};
    use crate::patch::{Level, splices};

    /// Mends a script in a document and shows it, or `-` where no fix is known.
    fn mended(script: &str) -> (String, FixEffect) {
        let document = format!("# R\n\n## Deploy to production\n\n```bash\n{script}\n```\n");
        let found: Vec<Diagnostic> = check(&document, "r.md");
        let effect = found.iter().find(|found| found.fix.is_some()).map(|found| found.fix_effect);
        let fixed = crate::edit::apply(&document, &splices(&found, Level::Unsafe));
        let Some(effect) = effect else { return ("-".to_owned(), FixEffect::KeepsMeaning) };
        let body = fixed.split("```bash\n").nth(1).unwrap().split("\n```").next().unwrap();
        (body.to_owned(), effect)
    }

    fn table(effect: FixEffect, rows: &[(&str, &str)]) {
        for (script, expected) in rows {
            assert_eq!(mended(script), ((*expected).to_owned(), effect), "{script}");
        }
    }

    #[test]
    fn fixes_that_keep_the_meaning() {
        table(
            FixEffect::KeepsMeaning,
            &[
                ("psql -f a.sql", "psql -v ON_ERROR_STOP=1 -f a.sql"),
                ("sudo -u postgres psql app < a.sql", "sudo -u postgres psql -v ON_ERROR_STOP=1 app < a.sql"),
                (
                    "echo a\n  psql \"$DB\" \\\n  -f a.sql",
                    "echo a\n  psql -v ON_ERROR_STOP=1 \"$DB\" \\\n  -f a.sql",
                ),
                ("docker-compose ps", "docker compose ps"),
                ("tar -cf logs.tar.gz logs", "tar -czf logs.tar.gz logs"),
                ("tar cvf logs.tgz logs", "tar cvzf logs.tgz logs"),
                ("helm delete web", "helm uninstall web"),
                ("helm delete web --purge", "-"),
                ("rm -rf \"$DIR\"/", "rm -rf \"${DIR:?}\"/"),
                ("rm -rf ${DIR}/*", "rm -rf ${DIR:?}/*"),
                ("pg_dump app > \"é.sql.gz\"", "pg_dump app | gzip > \"é.sql.gz\""),
                ("pg_dump app >a.sql.gz 2>err", "-"),
                ("watch kubectl get pods", "-"),
                ("sudo apt-get install nginx", "sudo apt-get install -y nginx"),
                ("git commit", "-"),
                ("cdk deploy", "-"),
                ("rm -r $DIR/build", "rm -r \"$DIR/build\""),
                ("mv ${A}/x /srv/y", "mv \"${A}/x\" /srv/y"),
                ("rm $DIR/*.log", "-"),
            ],
        );
    }

    #[test]
    fn fixes_that_change_what_a_step_does() {
        table(
            FixEffect::ChangesMeaning,
            &[
                ("curl -f https://a/ || echo bad", "curl -f https://a/ || { echo bad; exit 1; }"),
                ("curl -f https://a/ || true", "curl -f https://a/"),
                ("kubectl logs -f deploy/web", "kubectl logs deploy/web"),
                ("curl -s https://a/ > /dev/null", "curl -f -s https://a/ > /dev/null"),
                ("docker compose -f a.yml up", "docker compose -f a.yml up -d --wait"),
                ("git push --force origin main", "git push --force-with-lease origin main"),
                ("curl -k https://a/", "curl https://a/"),
                ("terraform apply", "terraform apply -auto-approve"),
                ("pulumi up --stack prod", "pulumi up --yes --stack prod"),
                (
                    "tar czf app-$(date +%Y%m%d_%H%M%S).tgz app\necho é\nscp \"app-$(date +%Y%m%d_%H%M%S).tgz\" web:",
                    "tar czf app-${RUN_STAMP}.tgz app\necho é\nscp \"app-${RUN_STAMP}.tgz\" web:",
                ),
                ("zip -r app-$(date +%F).zip app", "zip -r app-${RUN_STAMP}.zip app"),
                (
                    "ssh -o StrictHostKeyChecking=no web-1 uptime",
                    "ssh -o StrictHostKeyChecking=accept-new web-1 uptime",
                ),
            ],
        );
    }
}
