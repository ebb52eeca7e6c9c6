//! The folder beside the destination in which a clone grows, until one rename makes it appear.
//!
//! ```text
//! /srv/app                          the destination: absent or an empty folder until the end
//! /srv/.app.staging-PID-N/lock      held by the living run, free when it has died
//! /srv/.app.staging-PID-N/tree/     becomes /srv/app
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, ErrorKind, Result, Step};

/// A staging folder of its own. Dropping it removes what it holds.
#[derive(Debug)]
pub(crate) struct Staging {
    folder: PathBuf,
    destination: PathBuf,
    /// Folders above the destination that this run made, outermost first.
    parents: Vec<PathBuf>,
    published: bool,
    _lock: File,
}

/// How often a folder is made anew because another run swept it before it was locked.
const ATTEMPTS: usize = 20;

impl Staging {
    /// Makes the staging folder for `destination`, and removes those that dead runs left there.
    pub(crate) fn new(destination: &Path) -> Result<Self> {
        let destination = std::path::absolute(destination)
            .map_err(|error| Error::io(Step::Stage, "the destination's path cannot be made absolute", error))?;
        let (Some(parent), Some(name)) = (destination.parent(), destination.file_name()) else {
            return Err(Error::new(
                ErrorKind::DestinationExists,
                Step::Stage,
                "the destination is the root of the file system",
            ));
        };
        let prefix = prefix(&name.to_string_lossy());
        // Also where nothing is to be done: a run that was killed after its clone had appeared left its lock behind.
        let swept = sweep(parent, &prefix);
        check_free(&destination)?;
        let parents = make_parents(parent)?;
        let made = match swept {
            Err(error) if parents.is_empty() => Err(error),
            _ => claim(parent, &prefix),
        };
        match made {
            Ok((folder, lock)) => Ok(Self { folder, destination, parents, published: false, _lock: lock }),
            Err(error) => {
                remove_parents(&parents);
                Err(Error::io(Step::Stage, format!("no staging folder can be made in {}", parent.display()), error))
            }
        }
    }

    /// The folder that becomes the destination.
    pub(crate) fn tree(&self) -> PathBuf {
        self.folder.join("tree")
    }

    /// Makes the finished tree appear at the destination.
    pub(crate) fn publish(mut self) -> Result<()> {
        let tree = self.tree();
        let shown = self.destination.display().to_string();
        // An empty folder that waits at the destination gives its permissions to what replaces it.
        match fs::symlink_metadata(&self.destination) {
            Ok(waiting) if waiting.is_dir() => {
                adopt(&tree, &waiting).map_err(|error| {
                    Error::io(Step::Publish, format!("the permissions of {shown} cannot be kept"), error)
                })?;
            }
            Ok(_) => return Err(exists(&self.destination)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io(Step::Publish, format!("{shown} cannot be read"), error)),
        }
        fs::rename(&tree, &self.destination).map_err(|error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                exists(&self.destination).with_source(error)
            }
            io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices => {
                Error::io(Step::Publish, format!("{shown} cannot be replaced by the finished clone"), error)
                    .with_help("a mount point cannot be renamed over: choose a folder inside it as the destination")
            }
            _ => Error::io(Step::Publish, format!("the finished clone cannot be renamed to {shown}"), error),
        })?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is swept by the next run: the lock is free then.
        let _ = fs::remove_dir_all(&self.folder);
        if !self.published {
            remove_parents(&self.parents);
        }
    }
}

fn prefix(name: &str) -> String {
    // A name can be 255 bytes long on Linux; the rest of the folder's name needs some of them.
    let mut end = name.len().min(200);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!(".{}.staging-", &name[..end])
}

fn check_free(destination: &Path) -> Result<()> {
    match fs::symlink_metadata(destination) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io(Step::Stage, format!("{} cannot be read", destination.display()), error)),
        Ok(found) if !found.is_dir() => Err(exists(destination)),
        Ok(_) => match fs::read_dir(destination).map(|mut entries| entries.next().is_none()) {
            Ok(true) => Ok(()),
            Ok(false) => Err(exists(destination)),
            Err(error) => Err(Error::io(Step::Stage, format!("{} cannot be read", destination.display()), error)),
        },
    }
}

fn exists(destination: &Path) -> Error {
    Error::new(
        ErrorKind::DestinationExists,
        Step::Stage,
        format!("{} exists and is not an empty folder", destination.display()),
    )
    .with_help("choose another destination, or remove this one first; it was not touched")
}

fn make_parents(parent: &Path) -> Result<Vec<PathBuf>> {
    let missing: Vec<_> = parent.ancestors().take_while(|folder| !folder.exists()).map(Path::to_path_buf).collect();
    let mut made = Vec::new();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(&folder) {
            Ok(()) => made.push(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            Err(error) => {
                remove_parents(&made);
                return Err(Error::io(Step::Stage, format!("the folder {} cannot be made", folder.display()), error));
            }
        }
    }
    Ok(made)
}

/// Removes folders that this run made, as far as they are empty.
fn remove_parents(made: &[PathBuf]) {
    for folder in made.iter().rev() {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}

fn claim(parent: &Path, prefix: &str) -> io::Result<(PathBuf, File)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    for _ in 0..ATTEMPTS {
        let folder = parent.join(format!("{prefix}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        match fs::create_dir(&folder) {
            Ok(()) => {}
            // Another machine's process of the same number, on a shared file system, or a dead run's that is still locked.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        }
        match lock(&folder) {
            Ok(lock) => {
                let made = fs::create_dir(folder.join("tree"));
                return match made {
                    Ok(()) => Ok((folder, lock)),
                    Err(error) => {
                        let _ = fs::remove_dir_all(&folder);
                        Err(error)
                    }
                };
            }
            // Another run took the folder for a dead one's in between.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::WouldBlock) => {}
            Err(error) => {
                let _ = fs::remove_dir_all(&folder);
                return Err(error);
            }
        }
    }
    Err(io::Error::other("other runs kept removing it"))
}

/// Takes the lock of a staging folder. A process that dies, however it dies, frees it.
fn lock(folder: &Path) -> io::Result<File> {
    let path = folder.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path)?;
    match file.try_lock() {
        // A sweeper may have removed the file between opening and locking: then the lock guards nothing.
        Ok(()) if path.exists() => Ok(file),
        Ok(()) => Err(io::ErrorKind::NotFound.into()),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes the staging folders of runs that are dead.
fn sweep(parent: &Path, prefix: &str) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let Ok(entry) = entry else { continue };
        let ours = entry.file_name().to_string_lossy().strip_prefix(prefix).is_some_and(is_run);
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if let Ok(_lock) = lock(&entry.path()) {
            // It may be another user's; then it is theirs to remove.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// Whether the rest of a folder's name is `PID-N`.
fn is_run(rest: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    rest.split_once('-').is_some_and(|(pid, count)| digits(pid) && digits(count))
}

/// Gives `tree` the permissions and, where that is allowed, the owner of the empty folder that it replaces.
fn adopt(tree: &Path, waiting: &fs::Metadata) -> io::Result<()> {
    fs::set_permissions(tree, waiting.permissions())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, chown};
        let made = fs::metadata(tree)?;
        if (made.uid(), made.gid()) != (waiting.uid(), waiting.gid()) {
            // Only the superuser may; for others the folder stays their own, as a fresh one would be.
            let _ = chown(tree, Some(waiting.uid()), Some(waiting.gid()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn publishing_leaves_the_tree_alone() {
        let home = tempfile::tempdir().unwrap();
        let staging = Staging::new(&home.path().join("a/b/app")).unwrap();
        fs::write(staging.tree().join("file"), "x").unwrap();
        staging.publish().unwrap();
        assert_eq!(entries(&home.path().join("a/b")), ["app"]);
        assert_eq!(entries(&home.path().join("a/b/app")), ["file"]);
    }

    #[test]
    fn dropping_leaves_nothing_not_even_parents() {
        let home = tempfile::tempdir().unwrap();
        let staging = Staging::new(&home.path().join("a/b/app")).unwrap();
        fs::write(staging.tree().join("file"), "x").unwrap();
        drop(staging);
        assert_eq!(entries(home.path()), [""; 0]);
    }

    #[test]
    fn a_dead_run_is_swept_and_a_living_one_is_not() {
        let home = tempfile::tempdir().unwrap();
        let dead = home.path().join(".app.staging-1-0");
        fs::create_dir_all(dead.join("tree/x")).unwrap();
        fs::write(dead.join("lock"), "").unwrap();
        fs::create_dir(home.path().join(".app.staging-notes")).unwrap();
        let living = Staging::new(&home.path().join("app")).unwrap();
        let second = Staging::new(&home.path().join("app")).unwrap();
        assert!(!dead.exists());
        assert!(living.tree().exists() && second.tree().exists());
        living.publish().unwrap();
        assert_eq!(entries(home.path()).len(), 3, "the clone, the second run and a folder that is not ours");
    }

    #[test]
    fn the_second_of_two_runs_finds_the_destination_taken() {
        let home = tempfile::tempdir().unwrap();
        let app = home.path().join("app");
        let (first, second) = (Staging::new(&app).unwrap(), Staging::new(&app).unwrap());
        fs::write(first.tree().join("first"), "").unwrap();
        fs::write(second.tree().join("second"), "").unwrap();
        first.publish().unwrap();
        assert_eq!(second.publish().unwrap_err().kind(), ErrorKind::DestinationExists);
        assert_eq!((entries(&app), entries(home.path())), (vec!["first".into()], vec!["app".into()]));
    }

    #[test]
    fn what_exists_is_not_touched() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "x").unwrap();
        let full = home.path().join("full");
        fs::create_dir(&full).unwrap();
        fs::write(full.join("x"), "").unwrap();
        for taken in [&file, &full] {
            assert_eq!(Staging::new(taken).unwrap_err().kind(), ErrorKind::DestinationExists);
        }
        assert_eq!(entries(home.path()), ["file", "full"]);
    }

    #[cfg(unix)]
    #[test]
    fn an_empty_folder_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let app = home.path().join("app");
        fs::create_dir(&app).unwrap();
        fs::set_permissions(&app, fs::Permissions::from_mode(0o750)).unwrap();
        Staging::new(&app).unwrap().publish().unwrap();
        assert_eq!(fs::metadata(&app).unwrap().permissions().mode() & 0o777, 0o750);
    }
}
