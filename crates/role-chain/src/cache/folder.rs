//! A folder that holds secrets: who may look into it, and how files come into it.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// No entry is larger; what is, is none.
const ENTRY_MAX: u64 = 64 * 1024;
/// What is older than this holds no session that lives.
const STALE: Duration = Duration::from_secs(13 * 3_600);

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Whether nobody else may even look: this crate's own folder. The AWS CLI's may be listed, not written.
    private: bool,
}

impl Folder {
    pub(super) fn own(path: PathBuf) -> Self {
        Self { path, private: true }
    }

    pub(super) fn of_cli(path: PathBuf) -> Self {
        Self { path, private: false }
    }

    /// The content of an entry. `None` where there is none, or none that can be trusted.
    pub(super) fn read(&self, name: &str) -> Option<Vec<u8>> {
        let outcome = self.check().and_then(|()| self.read_entry(name));
        match outcome {
            Ok(content) => Some(content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(folder = %self.path.display(), entry = name, %error, "refused a cached session");
                None
            }
        }
    }

    /// Puts an entry in place: whole, or not at all.
    pub(super) fn write(&self, name: &str, content: &str) {
        let put = || -> io::Result<()> {
            self.create()?;
            // Made with mode 0600, and removed again where it is not put in place.
            let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.path)?;
            file.write_all(content.as_bytes())?;
            file.persist(self.path.join(name)).map_err(|error| error.error)?;
            Ok(())
        };
        if let Err(error) = put() {
            tracing::warn!(folder = %self.path.display(), entry = name, %error, "could not keep a session");
        }
    }

    /// Opens a file to lock, made if it is not there.
    pub(super) fn open_lock(&self, name: &str) -> io::Result<File> {
        self.create()?;
        let file = options().read(true).write(true).create(true).open(self.path.join(name))?;
        check_file(&file.metadata()?)?;
        Ok(file)
    }

    /// Removes what died long ago: sessions that expired, locks and half-made files of processes that are gone.
    pub(super) fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        let now = SystemTime::now();
        for entry in entries.flatten() {
            let stale = entry
                .metadata()
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > STALE));
            let name = entry.file_name();
            let ours = name.to_str().is_some_and(is_ours);
            if stale && ours && !is_locked(&entry.path()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn create(&self) -> io::Result<()> {
        if let Some(parent) = self.path.parent() {
            fs::create_dir_all(parent)?;
        }
        match make_private(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => self.check(),
        }
    }

    #[cfg(unix)]
    fn check(&self) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

        let metadata = fs::symlink_metadata(&self.path)?;
        if !metadata.is_dir() {
            return Err(refuse("the folder is a link, or no folder"));
        }
        check_owner(&metadata)?;
        let open = if self.private { 0o077 } else { 0o022 };
        if metadata.mode() & open == 0 {
            return Ok(());
        }
        match self.private {
            // Ours to mend: nobody could have put a file there under another owner's name.
            true => fs::set_permissions(&self.path, fs::Permissions::from_mode(0o700)),
            false => Err(refuse("others may write into the folder")),
        }
    }

    #[cfg(not(unix))]
    fn check(&self) -> io::Result<()> {
        Err(refuse("owners of files are not known on this system"))
    }

    fn read_entry(&self, name: &str) -> io::Result<Vec<u8>> {
        let file = options().read(true).open(self.path.join(name))?;
        let metadata = file.metadata()?;
        check_file(&metadata)?;
        if metadata.len() > ENTRY_MAX {
            return Err(refuse("the file is too large for an entry"));
        }
        let mut content = Vec::with_capacity(metadata.len() as usize);
        file.take(ENTRY_MAX).read_to_end(&mut content)?;
        Ok(content)
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with(".new-") || name.ends_with(".json") || name.ends_with(".lock")
}

/// Whether some process holds a lock on the file: then it is in use, whatever its age.
fn is_locked(path: &Path) -> bool {
    match options().read(true).open(path) {
        Ok(file) => file.try_lock().is_err(),
        Err(_) => false,
    }
}

fn refuse(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> io::Result<()> {
    Err(refuse("owners of files are not known on this system"))
}

/// Options that follow no link, wait for no pipe, and make files that only their owner reads.
#[cfg(unix)]
fn options() -> fs::OpenOptions {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt as _;

    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut options = fs::OpenOptions::new();
    options.mode(0o600).custom_flags(flags.bits() as i32);
    options
}

#[cfg(not(unix))]
fn options() -> fs::OpenOptions {
    fs::OpenOptions::new()
}

#[cfg(unix)]
fn check_file(metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    if !metadata.is_file() {
        return Err(refuse("it is no regular file"));
    }
    check_owner(metadata)?;
    match metadata.mode() & 0o077 {
        0 => Ok(()),
        _ => Err(refuse("others may read or write the file")),
    }
}

#[cfg(not(unix))]
fn check_file(_: &Metadata) -> io::Result<()> {
    Err(refuse("owners of files are not known on this system"))
}

#[cfg(unix)]
fn check_owner(metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    match metadata.uid() == rustix::process::geteuid().as_raw() {
        true => Ok(()),
        false => Err(refuse("it belongs to somebody else")),
    }
}
