//! A folder of its own for a test, removed with everything in it when the test is over.

use std::hash::{BuildHasher as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A fresh folder that is removed on drop.
#[derive(Debug)]
pub struct TemporaryFolder {
    path: PathBuf,
}

impl TemporaryFolder {
    /// Makes a folder with a name that nothing else has.
    ///
    /// # Panics
    /// When no folder can be made; a test cannot go on then.
    #[expect(clippy::new_without_default, reason = "a folder is made, which no default should do")]
    pub fn new() -> TemporaryFolder {
        let mut random = std::hash::RandomState::new().build_hasher();
        random.write_u32(std::process::id());
        let path = std::env::temp_dir().join(format!("tminus-test-{:016x}", random.finish()));
        std::fs::create_dir_all(&path).expect("the temporary folder can be written");
        // Commands print resolved paths; a link on the way (macOS has one) would make them differ.
        let path = path.canonicalize().expect("the folder was just made");
        TemporaryFolder { path }
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of a name in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Returns what `cargo xtask testbed up` keeps for tests, whether it is there or not.
pub fn testbed(name: &str) -> PathBuf {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home).unwrap_or_default();
    cache.join("tminus/testbed").join(name)
}

/// A small disk of its own on a folder, gone when it is dropped. It takes root to mount one.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one of so many bytes on a folder that is there.
    ///
    /// # Panics
    /// When it cannot be mounted.
    pub fn on(path: &Path, bytes: u64) -> SmallDisk {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "a-small-disk"]).arg(path);
        assert!(mount.status().expect("mount is there").success(), "{}", path.display());
        SmallDisk { path: path.to_owned() }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.path).status();
    }
}
