//! Text that a page folds away: `<details><summary>Rollback</summary>`.
//!
//! Mostly it belongs to the section it stands in. Where its summary says that it is the way back, it
//! is a section like one with a heading, or its commands would count as steps of the release; but
//! only where nothing of the outer section follows, because a section reaches to the next heading.

use crate::markdown::{Block, Details};

use super::sections;

/// Returns index and title of each block that opens a section by folding it away, in order.
pub(super) fn sections(blocks: &[Block]) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < blocks.len() {
        let mut side_by_side = Vec::new();
        let mut next = at;
        while let Some((title, end)) = fold(blocks, next) {
            side_by_side.push((next, title));
            next = end + 1;
            next += blocks[next..].iter().take_while(|block| matches!(block, Block::Rule)).count();
        }
        let nothing_follows = blocks.get(next).is_none_or(|block| matches!(block, Block::Heading(_)));
        let way_back = side_by_side.iter().position(|(_, title)| sections::inner_lane(title).is_some());
        if let Some(first) = way_back.filter(|_| nothing_follows) {
            found.extend_from_slice(&side_by_side[first..]);
        }
        at = next.max(at + 1);
    }
    found
}

/// The summary of what is folded away from a block on, and the index of the block that closes it.
fn fold(blocks: &[Block], at: usize) -> Option<(&str, usize)> {
    let Some(Details::Opens(summary)) = details(blocks.get(at)?) else { return None };
    let mut open = 0_usize;
    let end = blocks[at..].iter().position(|block| {
        match details(block) {
            Some(Details::Opens(_)) => open += 1,
            Some(Details::Closes) => open = open.saturating_sub(1),
            None => {}
        }
        open == 0
    })?;
    Some((if summary.is_empty() { "Details" } else { summary }, at + end))
}

fn details(block: &Block) -> Option<&Details> {
    if let Block::Html(html) = block { html.details.as_ref() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown::parse;

    #[test]
    fn the_way_back_is_a_section_where_nothing_of_the_outer_one_follows() {
        let table: [(&str, &[&str]); 7] = [
            ("## A\n\n<details>\n<summary><b>Rollback</b></summary>\n\nx\n\n</details>\n", &["Rollback"]),
            ("<details><summary>Rollback</summary>\n\nx\n\n</details>\n\nmore\n", &[]),
            ("<details><summary>Why</summary>\n\nx\n\n</details>\n", &[]),
            (
                "<details><summary>Rolling back</summary>\n\nx\n\n</details>\n\n---\n\n<details>\n\nx\n\n</details>\n\n## B\n",
                &["Rolling back", "Details"],
            ),
            (
                "<details><summary>Why</summary>\n\nx\n\n</details>\n<details><summary>Rollback</summary>\n\nx\n\n</details>\n",
                &["Rollback"],
            ),
            ("<details><summary>Rollback</summary>\n\nnever closed\n", &[]),
            ("<details><summary>Rollback</summary>by hand</details>\n", &[]),
        ];
        for (document, expected) in table {
            let markdown = parse(document);
            let titles: Vec<&str> = sections(&markdown.blocks).iter().map(|(_, title)| *title).collect();
            assert_eq!(titles, expected, "{document}");
        }
    }
}
