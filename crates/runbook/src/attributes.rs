//! The info string of a fence: a language, and attributes in Pandoc's grammar.
//!
//! ```` ```bash {#deploy .check timeout=15m prod.timeout=30m undo=redeploy} ````
//!
//! Reading never fails and keeps every place, so that the checker can name a wrong key with the
//! nearest right one. What a key means is the compiler's business.

use crate::diagnostic::{Fix, Severity};
use crate::faults::{Faults, nearest};

/// Classes that say how a fence runs.
pub const RUN_CLASSES: [&str; 6] = ["check", "undo", "manual", "example", "parallel", "must-fail"];

/// Classes that make a fence a control step or a message.
pub const KIND_CLASSES: [&str; 22] = [
    "approval", "soak", "watch", "backup", "restore", "migrate", "deploy", "job", "workflow", "tag", "image",
    "rollout", "flag", "gate", "send", "fetch", "attest", "handoff", "report", "incident", "choice",
    "notify",
];

/// Keys that a fence may have.
pub const KEYS: [&str; 24] = [
    "timeout",
    "retry",
    "backoff",
    "undo",
    "resume",
    "verify",
    "needs",
    "on",
    "batch",
    "failures",
    "db",
    "cwd",
    "shell",
    "ok",
    "status",
    "match",
    "json",
    "within",
    "every",
    "max",
    "burst",
    "to",
    "when",
    "on_failure",
];

/// An info string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// First word in lower case: `bash`. Empty when there is none.
    pub language: String,
    /// What stands in braces. None when there are no braces or they hold line numbers.
    pub attributes: Option<Attributes>,
    /// Byte offset at which the brace follows the language without a space, as in `bash{#x}`.
    pub glued_at: Option<usize>,
    /// Byte offset of a brace that is never closed.
    pub unclosed_at: Option<usize>,
}

/// What stands in the braces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// `#deploy` or `name=deploy`.
    pub id: Option<Word>,
    /// Further ids, which are faults.
    pub more_ids: Vec<Word>,
    /// `.check`
    pub classes: Vec<Word>,
    /// `timeout=15m`
    pub pairs: Vec<Pair>,
    /// Words that are neither of these.
    pub strays: Vec<Word>,
}

/// A word with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word without `#` or `.`.
    pub text: String,
    /// Byte offset in the document, of the word's first character after `#` or `.`.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The environment before the dot: `prod` in `prod.timeout=30m`.
    pub environment: Option<String>,
    /// The key.
    pub key: Word,
    /// The value, quotes removed.
    pub value: Word,
}

impl Attributes {
    fn count(&self) -> usize {
        let ids = self.more_ids.len() + usize::from(self.id.is_some());
        ids + self.classes.len() + self.pairs.len() + self.strays.len()
    }

    /// Tells whether a class is there.
    pub fn has(&self, class: &str) -> bool {
        self.classes.iter().any(|word| word.text == class)
    }

    /// Returns a key's value for an environment; one written for that environment wins.
    pub fn value(&self, key: &str, environment: Option<&str>) -> Option<&Word> {
        let of = |wanted: Option<&str>| {
            self.pairs.iter().find(|pair| {
                pair.key.text == key
                    && match (&pair.environment, wanted) {
                        (None, None) => true,
                        (Some(short), Some(name)) => is_environment(short, name),
                        _ => false,
                    }
            })
        };
        let own = environment.and_then(|name| of(Some(name)));
        own.or_else(|| of(None)).map(|pair| &pair.value)
    }

    /// Returns the class that makes the fence a control step or a message.
    pub fn kind(&self) -> Option<&'static str> {
        KIND_CLASSES.into_iter().find(|kind| self.has(kind))
    }
}

/// Tells whether a name before a dot means an environment: its name or the usual short form.
pub fn is_environment(written: &str, name: &str) -> bool {
    let written = written.to_ascii_lowercase();
    let name = name.to_ascii_lowercase();
    written == name
        || (written.len() >= 3 && name.starts_with(&written))
        || (written == "stg" && name == "staging")
}

/// Reads an info string that starts at byte `start` of the document.
pub fn parse(info: &str, start: usize) -> Info {
    let language_end = info.find(|c: char| c.is_whitespace() || c == '{').unwrap_or(info.len());
    let mut parsed = Info { language: info[..language_end].to_lowercase(), ..Info::default() };
    let Some(open) = info.find('{') else { return parsed };
    if open > 0 && open == language_end {
        parsed.glued_at = Some(start + open);
    }
    let Some(close) = closing_brace(info, open) else {
        parsed.unclosed_at = Some(start + open);
        return parsed;
    };
    let inner = &info[open + 1..close];
    // `{1,3-5}` marks lines to highlight on many sites; it says nothing about running.
    let is_highlight =
        !inner.is_empty() && inner.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '-' | ' '));
    if is_highlight || is_of_another_grammar(inner) {
        parsed.glued_at = None;
        return parsed;
    }
    if let Some(directive) = directive(inner).filter(|_| open == 0) {
        parsed.language = directive.to_lowercase();
        return parsed;
    }
    let mut attributes = read(inner, start + open + 1);
    // `{.bash #deploy}` is how Pandoc writes the language.
    let is_language = |class: &Word| !RUN_CLASSES.contains(&class.text.as_str()) && !is_kind(&class.text);
    if open == 0 && attributes.classes.first().is_some_and(is_language) {
        parsed.language = attributes.classes.remove(0).text.to_lowercase();
        if attributes == Attributes::default() {
            return parsed;
        }
    }
    let written = attributes.count();
    let is_one =
        |shown: &[&str], word: &Word| shown.iter().any(|shown| word.text.eq_ignore_ascii_case(shown));
    let is_data = |key: &Word| key.text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data-"));
    attributes.classes.retain(|class| !is_one(&SHOWN_CLASSES, class));
    attributes.pairs.retain(|pair| !is_one(&SHOWN_KEYS, &pair.key) && !is_data(&pair.key));
    attributes.strays.retain(|word| !is_one(&SHOWN_KEYS, word));
    if written > 0 && attributes.count() == 0 {
        parsed.glued_at = None;
        return parsed;
    }
    parsed.attributes = Some(attributes);
    parsed
}

/// Keys by which makers of sites are told how to show a block (Hugo, Docusaurus, Material for MkDocs,
/// Pandoc), and by which other programs are told whether to run it (Markdown Preview Enhanced, Runme,
/// R Markdown): they mean nothing here.
const SHOWN_KEYS: [&str; 26] = [
    "class",
    "cmd",
    "eval",
    "echo",
    "interactive",
    "background",
    "hide",
    "terminalrows",
    "excludefromrunall",
    "linenos",
    "linenums",
    "linenostart",
    "linenumbers",
    "numberlines",
    "showlinenumbers",
    "startline",
    "startfrom",
    "anchorlinenos",
    "hl_lines",
    "highlight",
    "title",
    "filename",
    "caption",
    "copy",
    "wrap",
    "style",
];

/// Classes of the same kind.
const SHOWN_CLASSES: [&str; 9] = [
    "numberlines",
    "number-lines",
    "line-numbers",
    "linenums",
    "copy",
    "no-copy",
    "nocopy",
    "annotate",
    "no-select",
];

/// `{"name": "x"}` (Runme), `{run: false}`, `{{ title: "x" }}` and `{% raw %}` are objects and templates
/// of other programs, and no attributes.
fn is_of_another_grammar(inner: &str) -> bool {
    let first = inner.split_whitespace().next().unwrap_or_default();
    let name = first.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'));
    first.starts_with(['"', '\'', '{', '%', '['])
        || name.is_some_and(|at| at > 0 && first[at..].starts_with(':'))
}

/// `{note}`, `{code-block} bash`, `{r, echo=FALSE}`: the name of a directive (MyST) or of a language
/// (R Markdown) stands in the braces, and no attributes do.
fn directive(inner: &str) -> Option<&str> {
    let name = inner.split(|c: char| c == ',' || c.is_whitespace()).next().unwrap_or_default();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_:".contains(c));
    let ours = inner.split_whitespace().any(|word| word.starts_with(['#', '.']));
    (is_name && !ours).then_some(name)
}

fn is_kind(class: &str) -> bool {
    KIND_CLASSES.contains(&class)
}

/// Finds the brace that closes the one at `open`, quotes respected.
fn closing_brace(info: &str, open: usize) -> Option<usize> {
    let mut quote = None;
    let mut depth = 0_u32;
    for (at, c) in info[open..].char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') => {
                depth -= 1;
                if depth == 0 {
                    return Some(open + at);
                }
            }
            (None, _) => {}
        }
    }
    None
}

fn read(inner: &str, start: usize) -> Attributes {
    let mut attributes = Attributes::default();
    let mut at = 0;
    while let Some(offset) = inner[at..].find(|c: char| !c.is_whitespace()) {
        at += offset;
        let end = token_end(inner, at);
        let token = &inner[at..end];
        let word = |from: usize, text: &str| Word {
            text: text.to_owned(),
            start: start + at + from,
            end: start + at + from + text.len(),
        };
        if matches!(token, "#" | ".") {
            attributes.strays.push(word(0, token));
        } else if let Some(id) = token.strip_prefix('#') {
            attributes.set_id(word(1, id));
        } else if let Some(class) = token.strip_prefix('.') {
            attributes.classes.push(word(1, class));
        } else if let Some((key, value)) = token.split_once('=') {
            let unquoted = unquote(value);
            let quote = usize::from(unquoted.len() != value.len());
            let value = word(key.len() + 1 + quote, unquoted);
            match key.split_once('.') {
                None if key == "name" => attributes.set_id(value),
                None => attributes.pairs.push(Pair { environment: None, key: word(0, key), value }),
                Some((environment, short)) => attributes.pairs.push(Pair {
                    environment: Some(environment.to_owned()),
                    key: word(environment.len() + 1, short),
                    value,
                }),
            }
        } else {
            attributes.strays.push(word(0, token));
        }
        at = end;
    }
    attributes
}

impl Attributes {
    fn set_id(&mut self, word: Word) {
        if self.id.is_none() {
            self.id = Some(word);
        } else {
            self.more_ids.push(word);
        }
    }
}

/// Finds where a token ends: at white space outside quotes.
fn token_end(inner: &str, at: usize) -> usize {
    let mut quote = None;
    for (offset, c) in inner[at..].char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, c) if c.is_whitespace() => return at + offset,
            (None, _) => {}
        }
    }
    inner.len()
}

fn unquote(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    value
}

/// Reports what is wrong with an info string: unknown names, a missing space, two ids.
pub fn check(info: &Info, faults: &mut Faults<'_>) {
    if let Some(at) = info.glued_at {
        faults
            .add(
                "T107",
                Severity::Warning,
                at..at + 1,
                "code hosts lose the highlighting without a space before `{`",
            )
            .help("put a space between the language and the brace")
            .fix(Fix { start: at, end: at, replacement: " ".to_owned() });
    }
    if let Some(at) = info.unclosed_at {
        faults
            .add(
                "T103",
                Severity::Error,
                at..at + 1,
                "the attributes are never closed, so none of them counts",
            )
            .help("close them with `}` on the same line");
    }
    let Some(attributes) = &info.attributes else { return };
    for class in &attributes.classes {
        let known = RUN_CLASSES.iter().chain(&KIND_CLASSES).copied();
        if !known.clone().any(|name| name == class.text) {
            unknown("class", class, nearest(&class.text, known), faults);
        }
    }
    for pair in &attributes.pairs {
        if !KEYS.contains(&pair.key.text.as_str()) {
            unknown("key", &pair.key, nearest(&pair.key.text, KEYS), faults);
        }
    }
    for word in &attributes.strays {
        faults
            .add(
                "T103",
                Severity::Error,
                word.start..word.end,
                format!("`{}` is no id, class or key", word.text),
            )
            .help("write `#id`, `.class` or `key=value`");
    }
    for word in &attributes.more_ids {
        let message = format!("a step has one id; `{}` is a second one", word.text);
        faults.add("T104", Severity::Error, word.start..word.end, message);
    }
}

fn unknown(what: &str, word: &Word, near: Option<&str>, faults: &mut Faults<'_>) {
    let message = format!("unknown {what} `{}`: it would be ignored, and nothing is ignored", word.text);
    let fault = faults.add("T103", Severity::Error, word.start..word.end, message);
    match near {
        Some(near) => {
            fault.help(format!("did you mean `{near}`?")).fix(Fix {
                start: word.start,
                end: word.end,
                replacement: near.to_owned(),
            });
        }
        None => {
            fault.help("`tminus explain T103` lists the names that are known");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_hold_attributes_directives_or_what_a_site_shows() {
        // Language, whether there are attributes, and how many strays.
        for (info, language, attributes) in [
            ("{note}", "note", None),
            ("{code-block} bash", "code-block", None),
            ("{r, echo=FALSE}", "r", None),
            ("{.bash}", "bash", None),
            ("{.bash .numberLines}", "bash", None),
            ("{.bash #deploy}", "bash", Some(0)),
            ("bash {linenos=table hl_lines=[1]}", "bash", None),
            ("bash {title=\"x y\" #deploy}", "bash", Some(0)),
            ("bash {note}", "bash", Some(1)),
            ("{#deploy .check}", "", Some(0)),
            ("bash {#}", "bash", Some(1)),
            ("bash {.}", "bash", Some(1)),
        ] {
            let read = parse(info, 0);
            let strays = read.attributes.map(|attributes| attributes.strays.len());
            assert_eq!((read.language.as_str(), strays), (language, attributes), "{info}");
        }
    }

    /// Writes what was read in one line: language, id, classes, keys, strays.
    fn shown(info: &str) -> String {
        let parsed = parse(info, 0);
        let Some(attributes) = parsed.attributes else {
            let fault = if parsed.unclosed_at.is_some() { " unclosed" } else { "" };
            return format!("{}{fault}", parsed.language);
        };
        let mut text = parsed.language;
        attributes.id.iter().for_each(|id| text.push_str(&format!(" #{}", id.text)));
        attributes.classes.iter().for_each(|class| text.push_str(&format!(" .{}", class.text)));
        for pair in &attributes.pairs {
            let environment = pair.environment.as_ref().map_or(String::new(), |name| format!("{name}/"));
            text.push_str(&format!(" {environment}{}=<{}>", pair.key.text, pair.value.text));
        }
        attributes.strays.iter().for_each(|stray| text.push_str(&format!(" ?{}", stray.text)));
        if parsed.glued_at.is_some() { format!("{text} glued") } else { text }
    }

    #[test]
    fn info_strings_are_read_as_pandoc_does() {
        let table = [
            ("bash", "bash"),
            ("", ""),
            ("Bash {#deploy .check timeout=15m}", "bash #deploy .check timeout=<15m>"),
            ("bash{#x}", "bash #x glued"),
            ("{#x}", " #x"),
            (
                "http {json='body.a == \"b c\"' to=\"slack:#releases\"}",
                "http json=<body.a == \"b c\"> to=<slack:#releases>",
            ),
            ("bash {prod.timeout=30m name=x}", "bash #x prod/timeout=<30m>"),
            ("js {1,3-5}", "js"),
            ("js{1,3}", "js"),
            ("bash {#x", "bash unclosed"),
            ("bash {json='}'}", "bash json=<}>"),
            ("bash {x .y}", "bash .y ?x"),
            ("bash title=\"a.sh\"", "bash"),
        ];
        for (info, expected) in table {
            assert_eq!(shown(info), expected, "{info}");
        }
    }

    #[test]
    fn the_value_for_an_environment_wins() {
        let attributes = parse("bash {timeout=1m prod.timeout=2m stg.timeout=3m}", 0).attributes.unwrap();
        let value = |environment| attributes.value("timeout", environment).map(|word| word.text.as_str());
        assert_eq!(value(None), Some("1m"));
        assert_eq!(value(Some("production")), Some("2m"));
        assert_eq!(value(Some("staging")), Some("3m"));
        assert_eq!(value(Some("preview")), Some("1m"));
    }
}
