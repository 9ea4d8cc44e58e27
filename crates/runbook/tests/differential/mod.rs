//! Two Markdown parsers must see the same document: ours (pulldown-cmark under our tree) and comrak.
//!
//! Headings, code blocks and task boxes are what runs and what is ticked; a difference there would
//! mean that the page on a code host and the plan are not the same thing.

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, parse_document};
use tminus_runbook::markdown::{self, Block};

use crate::given::files_under;

/// What both must agree on, in document order: level and text, info and body, ticked or not.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Heading(u8, String),
    Code(String, String),
    Task(bool),
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn ours(document: &str) -> Vec<Seen> {
    let markdown = markdown::parse(document);
    let mut seen = Vec::new();
    collect(&markdown.blocks, &mut seen);
    seen
}

fn collect(blocks: &[Block], seen: &mut Vec<Seen>) {
    for block in blocks {
        match block {
            Block::Heading(heading) => {
                seen.push(Seen::Heading(heading.level, squeezed(&heading.text.plain())))
            }
            Block::Fence(fence) => seen.push(Seen::Code(fence.info.clone(), fence.body.clone())),
            Block::List(list) => {
                for item in &list.items {
                    if let Some(task) = item.task {
                        seen.push(Seen::Task(task.ticked));
                    }
                    collect(&item.blocks, seen);
                }
            }
            Block::Quote(inner) => collect(inner, seen),
            _ => {}
        }
    }
}

fn theirs(document: &str) -> Vec<Seen> {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.tasklist = true;
    options.extension.strikethrough = true;
    let arena = Arena::new();
    let root = parse_document(&arena, document, &options);
    let mut seen = Vec::new();
    visit(root, &mut seen);
    seen
}

fn visit<'a>(node: &'a AstNode<'a>, seen: &mut Vec<Seen>) {
    match &node.data.borrow().value {
        NodeValue::Heading(heading) => {
            let mut text = String::new();
            text_of(node, &mut text);
            seen.push(Seen::Heading(heading.level, squeezed(&text)));
        }
        // Code is run with LF whatever the file has; comrak keeps CR LF.
        NodeValue::CodeBlock(code) => {
            seen.push(Seen::Code(code.info.clone(), code.literal.replace("\r\n", "\n")))
        }
        NodeValue::TaskItem(task) => seen.push(Seen::Task(task.symbol.is_some())),
        _ => {}
    }
    node.children().for_each(|child| visit(child, seen));
}

fn text_of<'a>(node: &'a AstNode<'a>, text: &mut String) {
    match &node.data.borrow().value {
        NodeValue::Text(words) => text.push_str(words),
        NodeValue::Code(code) => text.push_str(&code.literal),
        _ => {}
    }
    node.children().for_each(|child| text_of(child, text));
}

/// Documents in which we see more than CommonMark does, and why. What is there besides is Markdown
/// again, so the other parser reads it when it is given that alone.
const READ_INSIDE: [(&str, &str); 2] = [
    (
        "sphinx-portal.md",
        "the indented text of `!!! danger` is part of the document, as its generator takes it",
    ),
    ("sphinx-portal.clean.md", "the same"),
];

/// Takes apart what looks like indented code and is the text of an admonition.
fn with_admonitions_read(seen: Vec<Seen>) -> Vec<Seen> {
    let inner = |one: Seen| match one {
        Seen::Code(info, body) if info.is_empty() && body.contains("```") => theirs(&body),
        other => vec![other],
    };
    seen.into_iter().flat_map(inner).collect()
}

fn check(name: &str, document: &str) {
    // Front matter is ours alone: the other parser is given what follows it.
    let markdown = markdown::parse(document);
    let start = markdown.front_matter.as_ref().map_or(0, |front_matter| {
        let rest = &document[front_matter.start..];
        front_matter.start + rest.find("---").map_or(0, |at| at + 3)
    });
    let (ours, theirs) = (ours(document), theirs(document[start..].trim_start_matches('\u{feff}')));
    if READ_INSIDE.iter().any(|(file, _)| name.split(['/', ' ']).any(|part| part == *file)) {
        assert_ne!(ours, theirs, "{name} needs no exception");
        assert_eq!(ours, with_admonitions_read(theirs), "{name}");
    } else {
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn both_parsers_see_the_same_seeds() {
    for (name, document, _) in crate::seeds::all() {
        check(&name, &document);
        check(&format!("{name} with CR LF"), &document.replace('\n', "\r\n"));
    }
}

/// Whatever the project gives away, and what its tests read.
#[test]
fn both_parsers_see_the_same_documents_of_the_project() {
    let folders = ["runbooks", "crates/cli/templates", "crates/runbook/tests", "docs"];
    let documents: Vec<_> = folders.into_iter().flat_map(|folder| files_under(folder, "md")).collect();
    assert!(documents.len() >= 150, "{} documents", documents.len());
    for path in documents {
        let name = path.display().to_string();
        let document = std::fs::read_to_string(&path).expect("a document is text");
        check(&name, &document);
        check(&format!("{name} with CR LF"), &document.replace('\n', "\r\n"));
    }
}

#[test]
fn both_parsers_see_the_same_samples() {
    let samples = [
        ("nested fences", "# A\n\n````markdown\n```bash\nls\n```\n````\n\n1. x\n\n   ~~~sh\n   ls\n   ~~~\n"),
        ("loose and tight", "- [ ] a\n\n- [x] b\n  - [X] c\n\n    more\n* [ ] d\n1. [ ] e\n"),
        ("no boxes", "- [] a\n- [y] b\n- \\[ ] c\n\n[ ] d\n"),
        ("setext", "Title\n=====\n\nPhase\n-----\n\ntext\n"),
        ("quotes", "> ## In a quote\n> ```sh\n> ls\n> ```\n> - [ ] x\n"),
        ("indented code", "text\n\n    ls -l\n\n- item\n\n      code\n"),
        ("unclosed", "## A\n```bash\nls\n## not a heading\n"),
        ("html", "<details>\n<summary>x</summary>\n\n```bash\nls\n```\n\n</details>\n"),
    ];
    for (name, document) in samples {
        check(name, document);
    }
}
