//! From bytes to text: what a file must be before it can be a runbook.
//!
//! A file that is no text at all is refused here with a sentence, so that nothing behind this
//! point has to expect it. Damaged encoding inside valid UTF-8 is another matter, see `encoding`.

use thiserror::Error;

/// The largest document that is read, in bytes. Far above any runbook, far below a mistake.
pub const DOCUMENT_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// Why a file cannot be read as a runbook.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SourceError {
    /// Nothing in it.
    #[error("the file is empty: there is no runbook in it")]
    Empty,
    /// Larger than [`DOCUMENT_LIMIT_BYTES`].
    #[error("the file has {bytes} bytes, more than the {DOCUMENT_LIMIT_BYTES} that a runbook may have")]
    TooLarge {
        /// The file's size.
        bytes: usize,
    },
    /// Zero bytes: an image, an archive, a program.
    #[error("the file is binary, not text (a zero byte at offset {offset})")]
    Binary {
        /// Where the first zero byte stands, from 0.
        offset: usize,
    },
    /// UTF-16, as some editors save.
    #[error("the file is UTF-16; save it as UTF-8")]
    Utf16,
    /// Bytes that are no UTF-8.
    #[error("line {line} is not UTF-8 (byte {column} of the line); save the file as UTF-8")]
    NotUtf8 {
        /// Line, from 1.
        line: usize,
        /// Byte in the line, from 1.
        column: usize,
    },
}

/// Checks that bytes are a text that can be a runbook and returns it, byte-order mark included.
///
/// # Errors
/// Empty, too large, binary, UTF-16 or otherwise not UTF-8; each says where.
pub fn decode(bytes: &[u8]) -> Result<&str, SourceError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(SourceError::Empty);
    }
    if bytes.len() > DOCUMENT_LIMIT_BYTES {
        return Err(SourceError::TooLarge { bytes: bytes.len() });
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(SourceError::Utf16);
    }
    if let Some(offset) = bytes.iter().position(|byte| *byte == 0) {
        return Err(SourceError::Binary { offset });
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        SourceError::NotUtf8 { line, column: before.len() - line_start + 1 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_refused_with_its_place() {
        let table: [(&[u8], Result<&str, SourceError>); 8] = [
            (b"", Err(SourceError::Empty)),
            (b" \r\n\t", Err(SourceError::Empty)),
            (b"\x7fELF\x00\x01", Err(SourceError::Binary { offset: 4 })),
            (b"\xff\xfea\x00", Err(SourceError::Utf16)),
            (b"ok\nab\xff", Err(SourceError::NotUtf8 { line: 2, column: 3 })),
            (b"# T", Ok("# T")),
            ("\u{feff}# T".as_bytes(), Ok("\u{feff}# T")),
            (b"caf\xe9 is Latin-1", Err(SourceError::NotUtf8 { line: 1, column: 4 })),
        ];
        for (bytes, expected) in table {
            assert_eq!(decode(bytes), expected);
        }
    }
}
