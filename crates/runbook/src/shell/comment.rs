//! Comments of a script: steps that only a person can do, and several ways in one script.

use crate::pattern::Pattern;

use super::for_people;

/// One comment.
#[derive(Debug)]
pub(super) struct Comment {
    /// Line, from 1.
    pub(super) line: u32,
    /// Without the sign and surrounding space.
    pub(super) text: String,
    /// True when nothing else stands on its line.
    pub(super) alone: bool,
}

/// Several ways that a script offers, of which a person has to pick one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// Line of the comment that opens the first way.
    pub line: u32,
    /// Line of the last command of the first way.
    pub end_line: u32,
    /// What the comments call the ways.
    pub names: Vec<String>,
}

/// Finds the comments. `tokens` are ranges of characters that are not comments; without them only
/// lines that begin with `#` count.
pub(super) fn find(script: &str, tokens: Option<&[(usize, usize)]>) -> Vec<Comment> {
    let mut comments = Vec::new();
    let mut character = 0;
    let mut next = 0;
    for (number, line) in (1u32..).zip(script.split('\n')) {
        let length = line.chars().count() + 1;
        if let Some((offset, place)) = sign(line, character, tokens, &mut next) {
            let text = line[offset..].trim_start_matches(['#', ' ', '\t']).trim_end().to_owned();
            let shebang = number == 1 && line.starts_with("#!");
            if !shebang && !text.is_empty() {
                comments.push(Comment { line: number, text, alone: place });
            }
        }
        character += length;
    }
    comments
}

/// Finds the comment sign of a line: its byte, and whether it stands alone.
fn sign(
    line: &str,
    first_character: usize,
    tokens: Option<&[(usize, usize)]>,
    next: &mut usize,
) -> Option<(usize, bool)> {
    let mut before = None;
    for (index, (byte, character)) in line.char_indices().enumerate() {
        if character == '#' && before.is_none_or(|c: char| c.is_whitespace() || c == ';') {
            let alone = line[..byte].trim().is_empty();
            let at = first_character + index;
            match tokens {
                None => return alone.then_some((byte, true)),
                Some(tokens) => {
                    // Tokens are in order, so the search goes on where it ended for the last sign.
                    while tokens.get(*next).is_some_and(|token| token.1 <= at) {
                        *next += 1;
                    }
                    if tokens.get(*next).is_none_or(|token| token.0 > at) {
                        return Some((byte, alone));
                    }
                }
            }
        }
        before = Some(character);
    }
    None
}

static BY_HAND: Pattern = Pattern::new(
    &[
        "dashboard",
        "console",
        "ui",
        "portal",
        "web",
        "admin",
        "manually",
        "hand",
        "post",
        "announce",
        "notify",
        "tell",
        "inform",
        "ask",
        "page",
        "ping",
        "message",
        "email",
        "e-mail",
        "call",
        "alert",
        "warn",
        "click",
        "navigate",
        "open",
        "log",
        "sign",
        "go",
        "select",
        "press",
        "scroll",
        "wait",
        "settings",
        "actions",
        "menu",
        "panel",
        "konsole",
        "consola",
        "tableau",
        "portail",
    ],
    r"(?xi)
        ^(?:\d+[.)]\s*)? (?:
            (?:via|in|from|using|through)\s+(?:the\s+)?[\w\s/.-]*\b(?:dashboard|console|ui|portal|web\s+interface|panel)\b[^?]*$
          | (?:post|announce|notify|tell|inform|ask|page|ping|message|email|e-mail|call|alert|warn)\s+(?:in|to|on|the|everyone|team|all|your|\#|@)
          | (?:click|navigate|open|log\s*in(?:to)?|sign\s+in|go\s+to|select|press|scroll|wait\s+for)\s
          | (?:settings|actions|menu)\s*(?:->|→|>|â†’)
        )
        | \b(?:dashboard|console|konsole|consola|tableau\sde\sbord|portal|portail|panel)\b.*(?:->|→)
        | \b(?:manually|by\s+hand|via\s+(?:the\s+)?[\w\s]*dashboard)\b",
);

/// Verbs that tell a person to do something, where no command follows.
const VERBS: [&str; 47] = [
    "add", "announce", "ask", "assign", "backup", "call", "change", "check", "click", "commit", "confirm",
    "contact", "copy", "create", "disable", "document", "edit", "email", "enable", "ensure", "fill",
    "inform", "inspect", "make", "manual", "monitor", "notify", "open", "page", "post", "record", "remove",
    "repeat", "replace", "restart", "restore", "review", "run", "set", "switch", "take", "tell", "update",
    "validate", "verify", "wait", "watch",
];

/// Finds comments that tell a person to do what no command of the script does: `commands` are the
/// lines on which commands stand.
pub(super) fn manual(comments: &[Comment], script: &str, commands: &[u32]) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    if !comments.iter().any(|comment| comment.alone) {
        return found;
    }
    let follows = commands_follow(script, commands);
    let follows = |line: u32| follows.get(line as usize).copied().unwrap_or(false);
    for comment in comments.iter().filter(|comment| comment.alone) {
        let text = strip_number(&comment.text);
        // What ends in a colon introduces the command below it.
        let introduces = text.ends_with(':') && follows(comment.line);
        // A sign in front is how programs print what they did.
        let printed = text.starts_with(['✓', '✗', '✔', '✘', '✅', '❌', '⚠']);
        if looks_like_code(text) || introduces || printed {
            continue;
        }
        let follows = follows(comment.line);
        let orphan = || is_instruction(text) && !follows;
        let by_hand = BY_HAND.is_match(&comment.text) && !fits_command(text, follows);
        if by_hand || orphan() || is_done_on_a_screen(text) || for_people::is_for_people(text) {
            found.push((comment.line, comment.text.clone()));
        }
    }
    found
}

/// What is done in the web page of a provider, in the languages that tminus knows.
static ON_A_SCREEN: Pattern = Pattern::new(
    &[
        "console",
        "dashboard",
        "portal",
        " ui",
        "web interface",
        "oberfläche",
        "konsole",
        "interface",
        "tableau de bord",
        "portail",
        "consola",
        "panel",
        "interfaz",
        "painel",
        "コンソール",
        "管理画面",
        "ダッシュボード",
        "控制台",
        "后台",
        "管理页面",
    ],
    r"(?xi)
        \b(?:in|on|from|via|through|using)\s+(?:the|your)\s+(?:[\w.-]+\s+){0,3}(?:console|dashboard|portal|web\s?ui|ui|web\s+interface)\b
      | \b(?:in|im|über|auf)\s+(?:der\s+|dem\s+|die\s+|das\s+)?(?:[\w.-]+\s+)?[\w-]*(?:oberfläche|konsole|dashboard|portal)\b.*\s\S+en\b
      | ^\S+(?:er|ir|re|ez)\s.*\b(?:dans|depuis|via|sur)\s+(?:la\s+|le\s+|l['’])(?:[\w.-]+\s+)?(?:console|interface|tableau\sde\sbord|portail)\b
      | ^\S+(?:ar|er|ir)\s.*\b(?:en|desde|por)\s+(?:la|el)\s+(?:consola|panel|interfaz|portal)\b
      | ^\S+(?:ar|er|ir)\s.*\b(?:no|na|pelo|pela)\s+(?:console|painel|interface|portal)\b
      | (?:コンソール|管理画面|ダッシュボード)(?:で|から|にて).*(?:する|取得|作成|取る|押す|待つ|変更)
      | (?:在|从|到|通过).{0,12}(?:控制台|后台|管理页面).{0,12}(?:创建|执行|点击|修改|等待|确认|切换|打快照)",
);

/// Tells whether a comment says to do something where no command of a script can: above which commands
/// it stands is of no matter. A program's own console is one of those that commands open.
fn is_done_on_a_screen(text: &str) -> bool {
    const OWN: [&str; 8] = ["rails", "tinker", "django", "python", "browser", "node ", "psql", "serial"];
    if !ON_A_SCREEN.is_match(text) {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    let named = OWN.iter().any(|own| lower.contains(own));
    let asked = lower.starts_with("if ") || lower.contains(" or cli") || lower.contains(" can ");
    // In English nothing but its first word tells an instruction from a description.
    let english = lower.contains(" the ") || lower.contains(" your ");
    (is_instruction(text) || !english) && !named && !asked
}

/// `# Open a tunnel` above a command describes the command; `# Via dashboard: …` never does.
fn fits_command(text: &str, follows: bool) -> bool {
    let lower = text.to_ascii_lowercase();
    // "Via dashboard or CLI" above a command: the command is the way; "If it is not there you can
    // manually give it" tells what the command is for.
    if follows && (lower.ends_with("or cli") || lower.starts_with("if ") || lower.contains(" can ")) {
        return true;
    }
    if asks_somebody(&lower) {
        return false;
    }
    let never = [
        "dashboard",
        "manually",
        "by hand",
        "post in",
        "channel",
        "->",
        "→",
        "â†’",
        "portal",
        " panel",
        " ui",
    ];
    follows && !never.iter().any(|word| lower.contains(word))
}

/// `# Ask the DBA to …`: no command can.
fn asks_somebody(text: &str) -> bool {
    const VERBS: [&str; 6] = ["ask", "call", "contact", "page", "phone", "tell"];
    const PEOPLE: [&str; 14] = [
        "dba",
        "team",
        "lead",
        "manager",
        "owner",
        "on-call",
        "oncall",
        "colleague",
        "somebody",
        "someone",
        "qa",
        "vendor",
        "customer",
        "support",
    ];
    let mut words =
        strip_number(text).split(|c: char| !c.is_alphanumeric() && c != '-').filter(|w| !w.is_empty());
    words.next().is_some_and(|first| VERBS.contains(&first))
        && words.take(4).any(|word| PEOPLE.contains(&word))
}

fn strip_number(text: &str) -> &str {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let rest = &text[digits..];
    if digits > 0 { rest.strip_prefix(['.', ')']).map_or(text, str::trim_start) } else { text }
}

fn is_instruction(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default().to_ascii_lowercase();
    let several = words.next().is_some();
    several && VERBS.contains(&first.as_str()) && !text.ends_with(':')
}

/// A command that has been commented out is no instruction.
fn looks_like_code(text: &str) -> bool {
    let first = text.split(' ').next().unwrap_or_default();
    text.starts_with(['$', '"', '\'', '-'])
        || first.contains(['=', '('])
        || text.contains(" --")
        || text.contains(" -f ")
        || text.ends_with('\\')
}

/// Tells for each line, from 0, whether a command stands below it in the same paragraph, or anywhere
/// below when only comments come between. Read from the end, so that each line is looked at once.
fn commands_follow(script: &str, commands: &[u32]) -> Vec<bool> {
    let lines: Vec<&str> = script.split('\n').collect();
    let mut begins = vec![false; lines.len() + 1];
    for line in commands {
        begins.get_mut(*line as usize).into_iter().for_each(|begins| *begins = true);
    }
    let mut follows = vec![false; lines.len() + 1];
    for line in (0..lines.len()).rev() {
        let below = lines[line].trim();
        // A continuation or a keyword of the shell belongs to some command.
        let is_code = begins[line + 1] || !below.is_empty() && !below.starts_with('#');
        follows[line] = is_code || !below.is_empty() && follows[line + 1];
    }
    follows
}

static NUMBERED: Pattern = Pattern::new(
    &["option", "alternative", "method", "approach", "variant", "strategy", "way"],
    r"(?i)^(?:\d+[.)]\s*)?(?:option|alternative|method|approach|variant|strategy|way)\s+(?:[0-9]+|[a-d])\b[\s:.)–—-]*(.*)$",
);
/// `Or …`, `2. Alternatively: …`: another way than the one above.
fn is_otherwise(text: &str) -> bool {
    let words = [
        "or",
        "alternatively",
        "alternative",
        "otherwise",
        "oder",
        "ou",
        "either",
        "alternativ",
        "alternativement",
        "alternativamente",
        "sinon",
        "ansonsten",
    ];
    let text = strip_number(text);
    // In Portuguese `O` alone is an article.
    let lower = text.to_lowercase();
    if ["o si ", "o bien ", "o también "].iter().any(|begin| lower.starts_with(begin)) {
        return true;
    }
    if ["または", "もしくは", "あるいは", "或者", "或：", "或:", "或 ", "또는"]
        .iter()
        .any(|word| text.starts_with(word))
    {
        return true;
    }
    let first = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
    words.iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// Finds several ways in one script: `# Option 1 … # Option 2`, `# … # Or …`, each with a command.
/// `commands` are the lines on which each command begins and ends.
pub(super) fn alternatives(comments: &[Comment], mut commands: Vec<(u32, u32)>) -> Vec<Alternative> {
    let mut found = Vec::new();
    let alone: Vec<&Comment> = comments.iter().filter(|comment| comment.alone).collect();
    if alone.is_empty() {
        return found;
    }
    commands.sort_unstable();
    let commands = &commands[..];
    let options: Vec<&&Comment> = alone.iter().filter(|comment| NUMBERED.is_match(&comment.text)).collect();
    if options.len() > 1 && options.windows(2).any(|pair| has_command(commands, pair[0].line, pair[1].line)) {
        let names = options.iter().map(|comment| comment.text.clone()).collect();
        let end = last_command(commands, options[0].line, options[1].line).unwrap_or(options[0].line);
        found.push(Alternative { line: options[0].line, end_line: end, names });
        return found;
    }
    for (index, comment) in alone.iter().enumerate() {
        if !is_otherwise(&comment.text) || !has_command(commands, comment.line, next_way(&alone[index + 1..]))
        {
            continue;
        }
        // The way that this one replaces: the commands just above, with their own comment.
        let before = commands.partition_point(|command| command.0 < comment.line);
        let Some(above) = commands[..before].iter().rev().find(|command| command.1 < comment.line) else {
            continue;
        };
        let heading = alone[..index].iter().rev().find(|other| other.line < above.0);
        // Nothing but comments may stand between a heading and its command.
        let first = heading.map_or(above.0, |heading| {
            if has_command(commands, heading.line, above.0) { above.0 } else { heading.line }
        });
        let names =
            vec![heading.map_or_else(String::new, |heading| heading.text.clone()), comment.text.clone()];
        found.push(Alternative { line: first, end_line: above.1, names });
    }
    found
}

fn next_way(rest: &[&Comment]) -> u32 {
    rest.iter()
        .find(|comment| is_otherwise(&comment.text) || comment.text.starts_with(|c: char| c.is_ascii_digit()))
        .map_or(u32::MAX, |comment| comment.line)
}

fn has_command(commands: &[(u32, u32)], after: u32, before: u32) -> bool {
    between(commands, after, before).next().is_some()
}

fn last_command(commands: &[(u32, u32)], after: u32, before: u32) -> Option<u32> {
    between(commands, after, before).last()
}

/// Where commands end that stand between two lines. They are in the order in which they begin.
fn between(commands: &[(u32, u32)], after: u32, before: u32) -> impl Iterator<Item = u32> {
    let first = commands.partition_point(|command| command.0 <= after);
    let near = commands[first..].iter().take_while(move |command| command.0 < before);
    near.map(|command| command.1).filter(move |end| *end < before)
}
