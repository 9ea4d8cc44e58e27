//! Text that a page folds away: `<details><summary>Rollback</summary>`.
//!
//! Mostly it belongs to the section it stands in. Where its summary says that it is the way back, it
//! is a section like one with a heading, or its commands would count as steps of the release; but
//! only where nothing of the outer section follows, because a section reaches to the next heading.

use crate::markdown::{Block, Details};

use super::sections;

/// Returns the title of the section that the first block folds away, if it does.
pub(super) fn section(blocks: &[Block]) -> Option<&str> {
    let title = way_back(blocks.first()?)?;
    let mut open = 0_usize;
    let end = blocks.iter().position(|block| {
        if let Block::Html(html) = block {
            match html.details {
                Some(Details::Opens(_)) => open += 1,
                Some(Details::Closes) => open = open.saturating_sub(1),
                None => {}
            }
        }
        open == 0
    })?;
    let next = blocks[end + 1..].iter().find(|block| !matches!(block, Block::Rule));
    next.is_none_or(|next| matches!(next, Block::Heading(_)) || way_back(next).is_some()).then_some(title)
}

fn way_back(block: &Block) -> Option<&str> {
    let Block::Html(html) = block else { return None };
    let Some(Details::Opens(summary)) = &html.details else { return None };
    sections::inner_lane(summary).is_some().then_some(summary)
}
