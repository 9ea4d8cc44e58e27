//! The documents that the project gives away or keeps for its tests.

use std::path::{Path, PathBuf};

/// Files with this ending in a folder of the project and in the folders below it, in order of their
/// paths. `folder` is seen from the project's root; one without such a file fails.
pub(crate) fn files_under(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the project").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "{folder} has {ending} files");
    files.sort();
    files
}
