//! The folder of a store: where it may be, and what is put there before the database.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::blobs::sync_folder;

/// File systems whose locks or shared memory do not hold between machines, by the number that
/// statfs(2) gives. FUSE is among them because sshfs and its like cannot be told apart from there.
const NETWORK: [(u64, &str); 13] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x6573_5546, "FUSE, such as sshfs"),
    (0x0102_1997, "9P"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x00C3_6400, "Ceph"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x7375_7245, "Coda"),
    (0x0116_1970, "GFS2"),
];

/// Makes the folder if needed, checks that it is fit, and returns the path of the database.
pub(super) fn prepare(folder: &Path) -> Result<PathBuf, StoreError> {
    if !folder.is_dir() {
        let made = fs::create_dir_all(folder).and_then(|()| folder.parent().map_or(Ok(()), sync_parent));
        made.map_err(|error| StoreError::from_io(folder, &error))?;
    }
    refuse_network(folder)?;
    ignore_in_git(folder).map_err(|error| StoreError::from_io(folder, &error))?;
    Ok(folder.join(super::FILE))
}

/// Synchronises a parent folder; the parent of a plain relative name is the empty path.
fn sync_parent(parent: &Path) -> std::io::Result<()> {
    sync_folder(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

#[cfg(target_os = "linux")]
fn refuse_network(folder: &Path) -> Result<(), StoreError> {
    let found = rustix::fs::statfs(folder).map_err(|error| StoreError::from_io(folder, &error.into()))?;
    // The field's type differs between architectures; the numbers have 32 bits everywhere.
    let magic = u64::try_from(found.f_type).unwrap_or(0) & 0xFFFF_FFFF;
    match network_kind(magic) {
        Some(kind) => Err(StoreError::NetworkFileSystem { path: folder.to_owned(), kind }),
        None => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn refuse_network(_folder: &Path) -> Result<(), StoreError> {
    Ok(())
}

#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux has these numbers"))]
fn network_kind(magic: u64) -> Option<&'static str> {
    NETWORK.iter().find(|(number, _)| *number == magic).map(|(_, kind)| *kind)
}

/// Keeps the state out of the users' repository, without touching their own files.
fn ignore_in_git(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(".gitignore");
    match fs::File::options().write(true).create_new(true).open(&path) {
        Ok(mut file) => file.write_all(b"*\n"),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        // A read-only folder says AlreadyExists only when the file is there.
        Err(_) if path.exists() => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_number() {
        // NFS_SUPER_MAGIC, CIFS_SUPER_MAGIC, FUSE_SUPER_MAGIC; ext4, xfs, btrfs, tmpfs, overlayfs.
        for (magic, refused) in [
            (0x6969, true),
            (0xFF53_4D42, true),
            (0x6573_5546, true),
            (0xEF53, false),
            (0x5846_5342, false),
            (0x9123_683E, false),
            (0x0102_1994, false),
            (0x794C_7630, false),
        ] {
            assert_eq!(network_kind(magic).is_some(), refused, "{magic:x}");
        }
    }
}
