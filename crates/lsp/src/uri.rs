//! `file:` addresses and paths (RFC 8089). Other schemes have no path: an unsaved document.

/// Returns the path of a `file:` address.
pub fn path_of(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix("file://")?;
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    let mut bytes = Vec::with_capacity(path.len());
    let mut left = path.as_bytes();
    while let Some((first, rest)) = left.split_first() {
        let escaped = match (first, rest) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        left = if escaped.is_some() { &rest[2..] } else { rest };
    }
    let path = String::from_utf8(bytes).ok()?;
    // `/c:/x` names a drive.
    let is_drive = path.as_bytes().get(2) == Some(&b':') && path.starts_with('/');
    Some(if is_drive { path[1..].to_owned() } else { path })
}

/// Returns the `file:` address of an absolute path with `/` between its parts.
pub fn uri_of(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "file:///" });
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_paths_and_back() {
        let table = [
            ("file:///a/b%20c.md", Some("/a/b c.md")),
            ("file:///%C3%A9.md", Some("/é.md")),
            ("file:///c%3A/x.md", Some("c:/x.md")),
            ("file:///100%25.md", Some("/100%.md")),
            ("file:///odd%2.md", Some("/odd%2.md")),
            ("untitled:Untitled-1", None),
        ];
        for (uri, path) in table {
            assert_eq!(path_of(uri).as_deref(), path, "{uri}");
        }
        for path in ["/a b/é.md", "/100%.md"] {
            assert_eq!(path_of(&uri_of(path)).as_deref(), Some(path));
        }
    }
}
