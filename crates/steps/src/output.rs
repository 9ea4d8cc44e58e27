//! Output that is kept: without secrets, never more than its limit, both ends of it.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use crate::redact::Redactor;

/// Takes output as it comes, redacts it, hands it on, and keeps the beginning and the end.
pub(crate) struct Capture {
    redactor: Redactor,
    progress: mpsc::Sender<Vec<u8>>,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_limit: usize,
    tail_limit: usize,
    total: u64,
}

impl Capture {
    pub(crate) fn new(redactor: Redactor, limit_bytes: u64, progress: mpsc::Sender<Vec<u8>>) -> Capture {
        let limit = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
        Capture {
            redactor,
            progress,
            head: Vec::new(),
            tail: VecDeque::new(),
            head_limit: limit / 2,
            tail_limit: limit - limit / 2,
            total: 0,
        }
    }

    /// Takes bytes as the step wrote them.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        let clean = self.redactor.feed(bytes);
        self.keep(clean);
    }

    /// Takes a line of our own.
    pub(crate) fn note(&mut self, line: &str) {
        self.take(line.as_bytes());
        self.take(b"\n");
    }

    /// Cuts secrets out of a sentence. Only between two streams: nothing may be held back.
    pub(crate) fn redact(&mut self, text: &str) -> String {
        self.redactor.text(text)
    }

    /// Ends the stream. Returns what was kept, and how much there was in all.
    pub(crate) fn finish(&mut self) -> (Vec<u8>, u64) {
        let rest = self.redactor.finish();
        self.keep(rest);
        let mut kept = std::mem::take(&mut self.head);
        let tail = std::mem::take(&mut self.tail);
        let left_out = self.total - kept.len() as u64 - tail.len() as u64;
        if left_out > 0 {
            if !kept.ends_with(b"\n") {
                kept.push(b'\n');
            }
            kept.extend_from_slice(
                format!("[… {left_out} bytes of output were left out here …]\n").as_bytes(),
            );
        }
        kept.extend(tail);
        (kept, self.total)
    }

    fn keep(&mut self, clean: Vec<u8>) {
        if clean.is_empty() {
            return;
        }
        self.total += clean.len() as u64;
        let room = self.head_limit - self.head.len();
        let (head, rest) = clean.split_at(room.min(clean.len()));
        self.head.extend_from_slice(head);
        // Of a chunk longer than the tail, only its end can stay; of the tail, what still fits.
        let rest = &rest[rest.len().saturating_sub(self.tail_limit)..];
        let excess = (self.tail.len() + rest.len()).saturating_sub(self.tail_limit);
        self.tail.drain(..excess);
        self.tail.extend(rest);
        // Whoever watches may miss a piece; a step must never wait for them.
        let _ = self.progress.try_send(clean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secrets;

    fn kept(limit: u64, chunks: &[&str]) -> (String, u64) {
        let mut capture = Capture::new(Redactor::new(&Secrets::default()), limit, mpsc::channel(1).0);
        for chunk in chunks {
            capture.take(chunk.as_bytes());
        }
        let (output, total) = capture.finish();
        (String::from_utf8(output).unwrap(), total)
    }

    #[test]
    fn both_ends_are_kept() {
        let gap = |n: u64| format!("[… {n} bytes of output were left out here …]\n");
        for (limit, chunks, expected, total) in [
            (10, vec![""], String::new(), 0),
            (10, vec!["0123456789"], "0123456789".to_owned(), 10),
            (10, vec!["01234", "56789"], "0123456789".to_owned(), 10),
            (10, vec!["0123456789a"], format!("01234\n{}6789a", gap(1)), 11),
            (
                10,
                vec!["abc\n", "\n", "x".repeat(1000).as_str(), "the end"],
                format!("abc\n\n{}e end", gap(1002)),
                1012,
            ),
            (0, vec!["abc"], format!("\n{}", gap(3)), 3),
            (1, vec!["a", "b", "c"], format!("\n{}c", gap(2)), 3),
        ] {
            assert_eq!(kept(limit, &chunks), (expected, total), "{limit} {chunks:?}");
        }
    }
}
