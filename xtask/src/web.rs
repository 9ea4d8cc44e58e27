//! Builds the page that checks a pasted runbook: one file, without a server, without a network.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::shell;

const TARGET: &str = "wasm32-unknown-unknown";

/// Names under which Chromium is installed.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A text and what the page shows for it: a fault, a clean document, one that would like to be
/// markup, and one with a line that is wider than a phone.
const DOCUMENTS: [(&str, &str); 4] = [
    ("# R\n\n## Deploy\n\n```bash\npsql -f a.sql\n```\n", "error T301"),
    ("# R\n\n## Work\n\n- [ ] done\n", "nothing found"),
    ("# R\n\n## Deploy\n\n```bash\npsql -f \"<img src=x>\"\n```\n", "&lt;img src=x&gt;"),
    (
        "# R\n\n## Deploy\n\n```bash\ncurl -f https://staging.example.com/a-very-long-path-without-a-break/that-goes-on-and-on-and-on || echo no\n```\n",
        "error T201",
    ),
];

/// Says on the page whether all of it can be seen without scrolling sideways.
const MEASURE: &str = "<script>setTimeout(() => { const root = document.documentElement; \
    root.dataset.fits = root.scrollWidth <= root.clientWidth ? 'yes' : 'no'; }, 3000);</script></body>";

/// Builds the page where that can be done: `rustup` has the target. It comes from the toolchain's own
/// server, which not every machine reaches; that says nothing about the page.
pub(crate) fn test() -> Result<(), String> {
    let targets = shell::read("rustup", &["target", "list", "--installed"]);
    if targets.is_ok_and(|targets| targets.lines().any(|line| line == TARGET)) {
        return run();
    }
    eprintln!(
        "web: the target {TARGET} is not installed, so the page was NOT built (rustup target add {TARGET})"
    );
    Ok(())
}

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
    in_browser(&page, &file)
}

/// Looks whether the page finds faults, on a screen and on a phone, where a browser is installed.
fn in_browser(page: &str, file: &Path) -> Result<(), String> {
    let Some(browser) = BROWSERS.into_iter().find(|name| shell::has(name)) else {
        if is_ci() {
            return Err("no Chromium here, and CI=true: `cargo xtask testbed up` installs it".to_owned());
        }
        eprintln!("web: no Chromium here, so the page was built and NOT tried");
        return Ok(());
    };
    // A copy that also says how wide it became; its policy lets such a script run as it does the page's own.
    let measured = file.with_file_name("check-measured.html");
    fs::write(&measured, at_once(page)?.replace("</body>", MEASURE))
        .map_err(|error| format!("{}: {error}", measured.display()))?;
    for size in ["390,844", "1280,800"] {
        for (text, expected) in DOCUMENTS {
            let shown = show(browser, &measured, text, size)?;
            for expected in [expected, "data-fits=\"yes\""] {
                if !shown.contains(expected) {
                    return Err(format!(
                        "at {size} the page does not show `{expected}` in {browser}:\n{shown}"
                    ));
                }
            }
        }
    }
    eprintln!("web: the page works in {browser}");
    Ok(())
}

/// Tells whether a browser is there in which the page can be tried.
pub(crate) fn has_browser() -> bool {
    BROWSERS.into_iter().any(shell::has)
}

fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// The page with its module made at once. A browser that counts its own time instead of the clock's
/// does not wait for a thread that compiles, and on a busy machine would show the page too early.
fn at_once(page: &str) -> Result<String, String> {
    let mut page = page.to_owned();
    for (waits, at_once) in [
        ("await WebAssembly.compile(bytes)", "new WebAssembly.Module(bytes)"),
        ("await WebAssembly.instantiate(module, imports)", "new WebAssembly.Instance(module, imports)"),
    ] {
        if !page.contains(waits) {
            return Err(format!("web/check/check.js no longer has `{waits}`, which the test replaces"));
        }
        page = page.replace(waits, at_once);
    }
    Ok(page)
}

/// Returns the page as it stands when its scripts have run, without the module.
fn show(browser: &str, file: &Path, text: &str, size: &str) -> Result<String, String> {
    let address = format!("file://{}#text={}", file.display(), percent(text));
    let size = format!("--window-size={size}");
    let arguments =
        ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom", &size];
    let output = Command::new(browser).args(arguments).arg(&address).output();
    let page = output.map_err(|error| format!("{browser}: {error}"))?.stdout;
    let page = String::from_utf8_lossy(&page);
    // The script itself holds the words that are looked for; what it has shown stands before it.
    Ok(page.split("<script id=\"module\"").next().unwrap_or_default().to_owned())
}

/// Writes a text so that any of it may stand behind `#`.
fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
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
