//! Builds the page that checks a pasted runbook: one file, without a server, without a network.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::shell;

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the module and puts it, as text, into the page: `target/web/check.html`.
pub(crate) fn run() -> Result<(), String> {
    shell::run(
        "cargo",
        &["build", "--release", "--locked", "--package", "tminus-browser", "--target", TARGET],
    )
    .map_err(|error| format!("{error}\nthe target is installed by `rustup target add {TARGET}`"))?;
    let text = shell::read("cargo", &["metadata", "--format-version", "1", "--no-deps", "--locked"])?;
    let metadata: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let target = metadata["target_directory"].as_str().ok_or("cargo metadata has no target folder")?;
    let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let module = read(&Path::new(target).join(TARGET).join("release/tminus_browser.wasm"))?;
    let text = |path: &str| read(Path::new(path)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let page = text("web/check/index.html")?
        .replace("@@SCRIPT@@", text("web/check/check.js")?.trim_end())
        .replace("@@MODULE@@", &base64(&module));
    let folder = Path::new(target).join("web");
    let file = folder.join("check.html");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&file, &page))
        .map_err(|error| format!("{}: {error}", file.display()))?;
    eprintln!("{}: {} KB", file.display(), page.len() / 1000);
    in_browser(&file)
}

/// Looks whether the page finds faults, where a browser is installed.
fn in_browser(file: &Path) -> Result<(), String> {
    let Some(browser) =
        ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| shell::has(name))
    else {
        eprintln!("web: no Chromium here, so the page was built and not tried");
        return Ok(());
    };
    // A fault, a clean document, and a document that would like to be markup.
    let table = [
        ("%23%20R%0A%0A%23%23%20Deploy%0A%0A%60%60%60bash%0Apsql%20-f%20a.sql%0A%60%60%60%0A", "error T301"),
        ("%23%20R%0A%0A%23%23%20Work%0A%0A-%20%5B%20%5D%20done%0A", "nothing found"),
        (
            "%23%20R%0A%0A%23%23%20Deploy%0A%0A%60%60%60bash%0Apsql%20-f%20%22%3Cimg%20src%3Dx%3E%22%0A%60%60%60%0A",
            "&lt;img src=x&gt;",
        ),
    ];
    for (text, expected) in table {
        let address = format!("file://{}#text={text}", file.display());
        let arguments =
            ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"];
        let output = Command::new(browser).args(arguments).arg(&address).output();
        let page = output.map_err(|error| format!("{browser}: {error}"))?.stdout;
        let page = String::from_utf8_lossy(&page);
        // The script itself holds such words; what it has shown stands before it.
        let shown = page.split("<script id=\"module\"").next().unwrap_or_default();
        if !shown.contains(expected) {
            return Err(format!("the page does not show `{expected}` in {browser}:\n{shown}"));
        }
    }
    eprintln!("web: the page works in {browser}");
    Ok(())
}

/// Writes bytes as RFC 4648 has it.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place) & 63) as usize];
            text.push(if place > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        let table = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (text, expected) in table {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }
}
