//! The door and the checker compile for systems other than this one: what people edit on.
//!
//! `cargo check` needs no linker and no libraries of the other system, only the compiler's target.

use crate::shell;

const PACKAGE: &str = "tminus-runbook";

const TARGETS: [&str; 3] = ["aarch64-apple-darwin", "x86_64-pc-windows-gnu", "x86_64-pc-windows-msvc"];

/// Adds the targets where rustup can; that it cannot is said by [`test`].
pub(crate) fn add() {
    if shell::has("rustup") {
        let arguments: Vec<&str> = ["target", "add"].into_iter().chain(TARGETS).collect();
        let _ = shell::run("rustup", &arguments);
    }
}

/// Checks the package for each target that is installed.
pub(crate) fn test() -> Result<(), String> {
    let installed = shell::read("rustup", &["target", "list", "--installed"]).unwrap_or_default();
    for target in TARGETS {
        if installed.lines().any(|line| line == target) {
            let arguments = ["check", "--quiet", "--locked", "--package", PACKAGE, "--target", target];
            shell::run("cargo", &arguments)?;
        } else {
            eprintln!(
                "targets: {target} is not installed, so {PACKAGE} was NOT checked for it (rustup target add {target})"
            );
        }
    }
    Ok(())
}
