//! Builds the tree from the event stream of the Markdown parser.
//!
//! Events arrive in order and the builder keeps its own stack, so no input can exhaust the call
//! stack. Containers nested deeper than [`DEPTH_LIMIT`] are dissolved into the one that holds
//! them: what they hold stays in the tree, and dropping the tree stays shallow.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::{
    Block, Details, Fence, FenceKind, FrontMatterText, Heading, Html, List, ListItem, Markdown, Piece,
    PieceKind, Table, TableRow, TaskBox, Text, admonition,
};
use crate::lines::{LineIndex, floor_boundary};

/// How deep lists and quotes may nest. People write four levels; sixty-four is an accident.
const DEPTH_LIMIT: usize = 64;

/// Reads a document as blocks. Any text gives a tree.
pub fn parse(document: &str) -> Markdown {
    let lines = LineIndex::new(document);
    let (front_matter, content_start) = split_front_matter(document);
    let content = admonition::as_items(&document[content_start..]);
    let options = Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
    let mut builder = Builder::new(document, &lines, content_start);
    for (event, range) in Parser::new_ext(&content, options).into_offset_iter() {
        builder.take(event, range.start + content_start..range.end + content_start);
    }
    let blocks = builder.finish();
    Markdown { front_matter, blocks, lines }
}

/// Splits front matter off the document and returns where the Markdown begins.
///
/// The Markdown parser reads `---` after a byte-order mark as an underlined heading, so this is
/// ours. A `---` that is not followed by a `key:` line is a line across the page, as on code hosts.
fn split_front_matter(document: &str) -> (Option<FrontMatterText>, usize) {
    let mark = if document.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let body = &document[mark..];
    let Some(first_end) = body.find('\n') else { return (None, mark) };
    if body[..first_end].trim_end() != "---" {
        return (None, mark);
    }
    let start = mark + first_end + 1;
    let rest = &document[start..];
    let second_line = rest.lines().next().unwrap_or("");
    if !looks_like_key(second_line) && second_line.trim_end() != "---" {
        return (None, mark);
    }
    let mut offset = start;
    let mut blank = None;
    let mut comments = None;
    for line in rest.split_inclusive('\n') {
        let trimmed = line.trim_end();
        if trimmed == "---" || trimmed == "..." {
            let text = document[start..offset].to_owned();
            return (Some(FrontMatterText { text, start, closed: true }), offset + line.len());
        }
        // A heading or a fence means that the closing line was forgotten, but for a comment among keys.
        let heading = trimmed.starts_with("# ") || trimmed.starts_with("## ");
        if trimmed.starts_with("```")
            || heading && !*comments.get_or_insert_with(|| goes_on_to_its_end(&document[offset..]))
        {
            break;
        }
        if trimmed.is_empty() && blank.is_none() {
            blank = Some(offset);
        }
        offset += line.len();
    }
    let end = blank.unwrap_or(offset);
    (Some(FrontMatterText { text: document[start..end].to_owned(), start, closed: false }), end)
}

/// Tells whether nothing but keys, values and comments stands before the closing line.
fn goes_on_to_its_end(rest: &str) -> bool {
    let closing = |line: &str| matches!(line.trim_end(), "---" | "...");
    let mut others = rest.lines().skip_while(|line| {
        !closing(line) && (looks_like_key(line) || line.starts_with([' ', '\t', '-', '#', ']', '}']))
    });
    others.next().is_some_and(closing)
}

fn looks_like_key(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or("");
    line.contains(':')
        && !name.is_empty()
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' '))
        && !name.starts_with([' ', '-'])
}

/// An open container.
enum Frame {
    Quote(Vec<Block>),
    List(List),
    Item(ListItem),
    /// Deeper than [`DEPTH_LIMIT`]: what it holds goes to the frame below.
    Dissolved,
}

/// An open block that holds text.
enum Leaf {
    Paragraph,
    Heading(u8),
    Cell,
    /// Text directly in a tight list item, closed by whatever block comes next.
    Implied,
}

struct Builder<'a> {
    document: &'a str,
    lines: &'a LineIndex,
    content_start: usize,
    root: Vec<Block>,
    frames: Vec<Frame>,
    leaf: Option<(Leaf, Text)>,
    strong_depth: usize,
    link: Vec<String>,
    fence: Option<Fence>,
    table: Option<Table>,
    row: Vec<Text>,
    html_depth: usize,
    html: String,
}

impl<'a> Builder<'a> {
    fn new(document: &'a str, lines: &'a LineIndex, content_start: usize) -> Self {
        Builder {
            document,
            lines,
            content_start,
            root: Vec::new(),
            frames: Vec::new(),
            leaf: None,
            strong_depth: 0,
            link: Vec::new(),
            fence: None,
            table: None,
            row: Vec::new(),
            html_depth: 0,
            html: String::new(),
        }
    }

    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.open(tag, range),
            Event::End(tag) => self.close(tag, range),
            Event::Text(text) => match &mut self.fence {
                Some(fence) => fence.body.push_str(&text),
                None if self.html_depth > 0 => {}
                None => self.piece(&text, PieceKind::Plain, range),
            },
            Event::Code(text) => self.piece(&text, PieceKind::Code, range),
            Event::InlineHtml(html) => {
                if let Some(shown) = shown_html(&html) {
                    self.piece(shown, PieceKind::Plain, range);
                }
            }
            Event::SoftBreak | Event::HardBreak => self.piece("\n", PieceKind::LineEnd, range),
            Event::TaskListMarker(ticked) => self.task(ticked, range),
            Event::Rule => {
                self.end_implied(range.start);
                self.push(Block::Rule);
            }
            Event::Html(html) => self.html.push_str(&html),
            Event::FootnoteReference(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
    }

    fn open(&mut self, tag: Tag<'_>, range: Range<usize>) {
        let is_inline = matches!(
            tag,
            Tag::Strong
                | Tag::Emphasis
                | Tag::Strikethrough
                | Tag::Link { .. }
                | Tag::Image { .. }
                | Tag::TableCell
        );
        if !is_inline {
            self.end_implied(range.start);
        }
        match tag {
            Tag::Paragraph => self.open_leaf(Leaf::Paragraph, &range),
            Tag::Heading { level, .. } => self.open_leaf(Leaf::Heading(level as u8), &range),
            Tag::TableCell => self.open_leaf(Leaf::Cell, &range),
            Tag::BlockQuote(_) => self.open_frame(Frame::Quote(Vec::new())),
            Tag::List(first_number) => self.open_frame(Frame::List(List { first_number, items: Vec::new() })),
            Tag::Item => {
                let line = self.lines.line(range.start);
                let item =
                    ListItem { task: None, blocks: Vec::new(), line, start: range.start, end: range.end };
                self.open_frame(Frame::Item(item));
            }
            Tag::CodeBlock(kind) => self.fence = Some(self.open_fence(&kind, range)),
            Tag::Table(_) => {
                let line = self.lines.line(range.start);
                self.table = Some(Table { header: Vec::new(), rows: Vec::new(), line });
            }
            Tag::TableHead | Tag::TableRow => self.row.clear(),
            Tag::Strong => self.strong_depth += 1,
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.link.push(dest_url.into_string())
            }
            Tag::HtmlBlock => self.html_depth += 1,
            _ => {}
        }
    }

    fn close(&mut self, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::TableCell => self.close_leaf(range.end),
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item => {
                self.end_implied(range.end);
                self.close_frame(range.end);
            }
            TagEnd::CodeBlock => {
                if let Some(fence) = self.fence.take() {
                    self.push(Block::Fence(fence));
                }
            }
            TagEnd::TableHead => {
                if let Some(table) = &mut self.table {
                    table.header = std::mem::take(&mut self.row);
                }
            }
            TagEnd::TableRow => {
                let cells = std::mem::take(&mut self.row);
                let line = self.lines.line(range.start);
                if let Some(table) = &mut self.table {
                    table.rows.push(TableRow { line, cells });
                }
            }
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    self.push(Block::Table(table));
                }
            }
            TagEnd::Strong => self.strong_depth = self.strong_depth.saturating_sub(1),
            TagEnd::Link | TagEnd::Image => {
                self.link.pop();
            }
            TagEnd::HtmlBlock => {
                self.html_depth = self.html_depth.saturating_sub(1);
                let html = std::mem::take(&mut self.html);
                let ends = details(&html);
                if ends.is_empty() {
                    self.push(Block::Html(Html { line: self.lines.line(range.start), details: None }));
                }
                for (at, end) in ends {
                    let line = self.lines.line(range.start + at);
                    self.push(Block::Html(Html { line, details: Some(end) }));
                }
            }
            _ => {}
        }
    }

    fn open_leaf(&mut self, leaf: Leaf, range: &Range<usize>) {
        let line = self.lines.line(range.start);
        self.leaf = Some((leaf, Text { pieces: Vec::new(), line, start: range.start, end: range.end }));
    }

    fn close_leaf(&mut self, end: usize) {
        let Some((leaf, mut text)) = self.leaf.take() else { return };
        text.end = end.max(text.start);
        match leaf {
            Leaf::Paragraph | Leaf::Implied => self.push(Block::Paragraph(text)),
            Leaf::Heading(level) => self.push(Block::Heading(Heading { level, text })),
            Leaf::Cell => self.row.push(text),
        }
    }

    fn end_implied(&mut self, end: usize) {
        if let Some((Leaf::Implied, text)) = &self.leaf {
            let end = text.pieces.last().map_or(end, |piece| piece.end);
            self.close_leaf(end);
        }
    }

    fn open_frame(&mut self, frame: Frame) {
        let dissolved = self.frames.len() >= DEPTH_LIMIT;
        self.frames.push(if dissolved { Frame::Dissolved } else { frame });
    }

    fn close_frame(&mut self, end: usize) {
        match self.frames.pop() {
            Some(Frame::Quote(blocks)) => self.push(Block::Quote(blocks)),
            Some(Frame::List(list)) => self.push(Block::List(list)),
            Some(Frame::Item(mut item)) => {
                item.end = end;
                match self.frames.last_mut() {
                    Some(Frame::List(list)) => list.items.push(item),
                    // An item is only ever opened inside a list, which is the frame below.
                    _ => item.blocks.into_iter().for_each(|block| self.push(block)),
                }
            }
            Some(Frame::Dissolved) | None => {}
        }
    }

    fn push(&mut self, block: Block) {
        for frame in self.frames.iter_mut().rev() {
            match frame {
                Frame::Quote(blocks) => return blocks.push(block),
                Frame::Item(item) => return item.blocks.push(block),
                Frame::List(_) | Frame::Dissolved => {}
            }
        }
        self.root.push(block);
    }

    fn piece(&mut self, text: &str, kind: PieceKind, range: Range<usize>) {
        if self.leaf.is_none() {
            self.open_leaf(Leaf::Implied, &range);
        }
        let strong = self.strong_depth > 0;
        let target = self.link.last().cloned();
        let Some((_, leaf)) = &mut self.leaf else { return };
        if let Some(last) = leaf.pieces.last_mut()
            && last.kind == PieceKind::Plain
            && kind == PieceKind::Plain
            && last.strong == strong
            && last.target == target
            && last.end == range.start
        {
            last.text.push_str(text);
            last.end = range.end;
            return;
        }
        leaf.pieces.push(Piece {
            text: text.to_owned(),
            kind,
            strong,
            target,
            start: range.start,
            end: range.end,
        });
    }

    fn task(&mut self, ticked: bool, range: Range<usize>) {
        let start = range.start;
        for frame in self.frames.iter_mut().rev() {
            if let Frame::Item(item) = frame {
                item.task = Some(TaskBox { ticked, start });
                return;
            }
        }
    }

    fn open_fence(&self, kind: &CodeBlockKind<'_>, range: Range<usize>) -> Fence {
        let source = &self.document[range.clone()];
        let line = self.lines.line(range.start);
        // The range may reach over the line end; the last line is the one of its last visible byte.
        let visible = source.trim_end().len();
        let end_line = self.lines.line(range.start + visible.saturating_sub(1));
        let mut fence = Fence {
            info: String::new(),
            info_start: range.start,
            body: String::new(),
            body_line: line,
            line,
            end_line: end_line.max(line),
            start: range.start,
            end: range.end,
            kind: FenceKind::Indented,
        };
        if let CodeBlockKind::Fenced(_) = kind {
            let first_line = source.lines().next().unwrap_or("");
            let ticks = first_line.chars().next().unwrap_or('`');
            let opening = first_line.trim_start_matches(ticks);
            let info = opening.trim();
            let before = first_line.len() - opening.trim_start().len();
            fence.info = info.to_owned();
            fence.info_start = range.start + before;
            fence.body_line = line + 1;
            let width = first_line.len() - opening.len();
            fence.kind = closing(source, ticks, width);
        }
        fence
    }

    fn finish(mut self) -> Vec<Block> {
        let end = self.document.len().max(self.content_start);
        self.close_leaf(end);
        while !self.frames.is_empty() {
            self.close_frame(end);
        }
        self.root
    }
}

/// Tells whether a fenced block's last line closes it.
fn closing(source: &str, ticks: char, width: usize) -> FenceKind {
    let mut lines = source.trim_end_matches(['\n', '\r']).lines();
    let first = lines.next();
    let Some(last) = lines.next_back().or(first.filter(|_| false)) else { return FenceKind::Unclosed };
    let last = last.trim_start_matches([' ', '\t', '>']).trim_end();
    let closes = last.len() >= width && !last.is_empty() && last.chars().all(|c| c == ticks);
    if closes { FenceKind::Fenced } else { FenceKind::Unclosed }
}

/// Bytes of `<summary>` that are read.
const LONGEST_SUMMARY: usize = 500;

/// Finds where a block of HTML folds text of other blocks away; what it opens and closes by itself
/// is left out.
fn details(html: &str) -> Vec<(usize, Details)> {
    let lower = html.to_ascii_lowercase();
    let mut found: Vec<(usize, Details)> = Vec::new();
    for (at, _) in lower.match_indices('<') {
        let rest = &lower[at..];
        if rest.starts_with("</details") {
            match found.pop() {
                Some((_, Details::Opens(_))) => {}
                other => {
                    found.extend(other);
                    found.push((at, Details::Closes));
                }
            }
        } else if rest.starts_with("<details") {
            found.push((at, Details::Opens(String::new())));
        } else if rest.starts_with("<summary") {
            // A summary is a line; longer text is none, and is not read again for each tag.
            let near = &rest[..floor_boundary(rest, LONGEST_SUMMARY)];
            let Some(start) = near.find('>').map(|end| end + 1) else { continue };
            let end = near[start..].find("</summary").map_or(near.len(), |length| start + length);
            let title = without_tags(&html[at + start..at + end]);
            match found.last_mut() {
                Some((_, Details::Opens(summary))) => *summary = title,
                // `<details>` stood in a block before.
                _ => found.push((at, Details::Opens(title))),
            }
        }
    }
    found
}

fn without_tags(html: &str) -> String {
    let mut text = String::new();
    for (at, part) in html.split('<').enumerate() {
        text.push_str(if at == 0 { part } else { part.split_once('>').map_or("", |(_, rest)| rest) });
    }
    text.replace("**", "").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the text of inline HTML that a person reads as text.
///
/// `<staging-ref>` is a placeholder to the author and a tag to the parser; `<br>` and comments
/// are markup. Known tag names are dropped, everything else is kept as written.
fn shown_html(html: &str) -> Option<&str> {
    const TAGS: [&str; 28] = [
        "a", "b", "br", "code", "del", "details", "div", "em", "hr", "i", "img", "ins", "kbd", "li", "mark",
        "ol", "p", "pre", "s", "small", "span", "strong", "sub", "summary", "sup", "table", "u", "ul",
    ];
    if html.starts_with("<!--") {
        return None;
    }
    let name: String = html
        .trim_start_matches(['<', '/'])
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '-')
        .collect::<String>()
        .to_ascii_lowercase();
    if name == "br" {
        return Some(" ");
    }
    if TAGS.contains(&name.as_str()) { None } else { Some(html) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_is_told_from_a_line_across_the_page() {
        let table: [(&str, Option<(&str, bool)>); 11] = [
            ("---\na: 1\n# b\nc:\n  d: 2\n---\n# T\n", Some(("a: 1\n# b\nc:\n  d: 2\n", true))),
            ("---\na: 1\n# T\nprose\n---\n", Some(("a: 1\n", false))),
            ("---\na: 1\n---\n# T\n", Some(("a: 1\n", true))),
            ("\u{feff}---\r\na: 1\r\n---\r\n# T\r\n", Some(("a: 1\r\n", true))),
            ("---\na: 1\n...\n# T\n", Some(("a: 1\n", true))),
            ("---\n---\n# T\n", Some(("", true))),
            ("---\na: 1\n# T\n", Some(("a: 1\n", false))),
            ("---\na: 1\n\nprose\n", Some(("a: 1\n", false))),
            ("---\n\n# T\n", None),
            ("---\n# T\n", None),
            ("# T\n---\na: 1\n---\n", None),
        ];
        for (document, expected) in table {
            let found = parse(document).front_matter;
            let found = found.as_ref().map(|front_matter| (front_matter.text.as_str(), front_matter.closed));
            assert_eq!(found, expected, "{document:?}");
        }
    }

    #[test]
    fn what_follows_front_matter_keeps_its_lines() {
        let markdown = parse("\u{feff}---\nrunbook: 1\n---\n# T\n");
        let Some(Block::Heading(heading)) = markdown.blocks.first() else { panic!("{:?}", markdown.blocks) };
        assert_eq!((heading.text.line, heading.text.plain().as_str()), (4, "T"));
    }

    #[test]
    fn tags_that_are_placeholders_stay_in_the_text() {
        let table = [
            ("run <staging-ref> now", "run <staging-ref> now"),
            ("a<br>b", "a b"),
            ("a <!-- hidden --> b", "a  b"),
            ("**<b>x</b>**", "x"),
        ];
        for (document, expected) in table {
            let markdown = parse(document);
            let Some(Block::Paragraph(text)) = markdown.blocks.first() else { panic!("{document}") };
            assert_eq!(text.plain(), expected, "{document}");
        }
    }
}
