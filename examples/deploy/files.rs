//! The files of a release: shared with the release before where they did not change.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::failure::Failure;

/// What making a release took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Made {
    /// Files and links.
    pub(crate) files: u64,
    /// Of these, those that are new and not shared.
    pub(crate) written: u64,
}

/// Makes the release `to` of the files in `tree`, `.git` left out, which it takes from there. It appears whole, by a rename.
///
/// A file that is the same in `before` becomes a hard link to it. Files are read-only, so that nobody changes one in place,
/// which would change it in every release that shares it; to replace one is fine.
pub(crate) fn make(tree: &Path, before: Option<&Path>, to: &Path) -> Result<Made, Failure> {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let staging = to.with_file_name(format!(".staging-{name}"));
    let make = || {
        let mut made = Made::default();
        fs::create_dir(&staging)?;
        fill(tree, before, &staging, true, &mut made)?;
        // Power may fail as well: what `current` leads to is on the disk before it does.
        #[cfg(target_os = "linux")]
        rustix::fs::syncfs(File::open(&staging)?)?;
        #[cfg(not(target_os = "linux"))]
        rustix::fs::sync();
        fs::rename(&staging, to)?;
        Ok(made)
    };
    make().map_err(|error| {
        // The next run would remove it too; a full disk is better off at once.
        let _ = fs::remove_dir_all(&staging);
        Failure::io(format!("the release {name} cannot be made"))(error)
    })
}

fn fill(tree: &Path, before: Option<&Path>, to: &Path, top: bool, made: &mut Made) -> io::Result<()> {
    for entry in fs::read_dir(tree)? {
        let entry = entry?;
        let name = entry.file_name();
        let (source, target) = (entry.path(), to.join(&name));
        let old = before.map(|folder| folder.join(&name));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if top && name == ".git" {
                continue;
            }
            fs::create_dir(&target)?;
            fill(&source, old.as_deref(), &target, false, made)?;
            continue;
        }
        made.files += 1;
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source)?, &target)?;
            continue;
        }
        let found = entry.metadata()?;
        if let Some(old) = old
            && is_same(&source, &found, &old)?
            && fs::hard_link(&old, &target).is_ok()
        {
            continue;
        }
        made.written += 1;
        take(&source, &found, &target)?;
    }
    Ok(())
}

/// Whether `old` is a file with the mode and content of `source`.
fn is_same(source: &Path, found: &Metadata, old: &Path) -> io::Result<bool> {
    let Ok(before) = fs::symlink_metadata(old) else { return Ok(false) };
    if !before.is_file() || before.len() != found.len() || mode(&before) != mode(found) {
        return Ok(false);
    }
    let (mut left, mut right) = (File::open(source)?, File::open(old)?);
    let (mut one, mut other) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let length = left.read(&mut one)?;
        if length == 0 {
            return Ok(right.read(&mut other)? == 0);
        }
        if right.read_exact(&mut other[..length]).is_err() || one[..length] != other[..length] {
            return Ok(false);
        }
    }
}

/// The tree was made for this release alone: its files need not be written twice.
fn take(source: &Path, found: &Metadata, target: &Path) -> io::Result<()> {
    fs::rename(source, target)?;
    fs::set_permissions(target, fs::Permissions::from_mode(mode(found)))
}

/// The mode of a file in a release: read-only, executable or not.
fn mode(found: &Metadata) -> u32 {
    if found.permissions().mode() & 0o100 != 0 { 0o555 } else { 0o444 }
}
