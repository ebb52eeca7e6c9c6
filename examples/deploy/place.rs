//! The folder of a deployment: the lock, the state, the link.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::objects::Store;

/// Where an application is deployed to.
#[derive(Debug)]
pub(crate) struct Place {
    root: PathBuf,
}

/// A release that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Release {
    pub(crate) name: String,
    pub(crate) commit: String,
}

/// What must survive this process. It is replaced whole, by a rename.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// Releases that were healthy, oldest first.
    pub(crate) releases: Vec<Release>,
    /// A release that was switched to, or is about to be, and has not proved itself.
    pub(crate) trial: Option<Trial>,
    /// A commit that is not tried again by itself.
    pub(crate) refused: Option<Refused>,
    /// The number of the next release.
    pub(crate) next: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Trial {
    pub(crate) release: Release,
    /// What was live before.
    pub(crate) from: Option<String>,
    /// The trial has failed, and `current` goes back.
    pub(crate) back: bool,
    /// To be refused once the trial is over: the commit that was rolled back from.
    pub(crate) then_refuse: Option<Refused>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refused {
    pub(crate) commit: String,
    /// `check`, `health` or `rollback`.
    pub(crate) why: String,
}

impl Place {
    pub(crate) fn new(root: &Path) -> Result<Self, Failure> {
        let root =
            std::path::absolute(root).map_err(Failure::io(format!("{} has no absolute path", root.display())))?;
        Ok(Self { root })
    }

    /// Makes the folders, and holds the lock until it is dropped. A process that dies frees it.
    pub(crate) fn lock(&self) -> Result<File, Failure> {
        let releases = self.releases();
        fs::create_dir_all(&releases).map_err(Failure::io(format!("{} cannot be made", releases.display())))?;
        let path = self.root.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(Failure::io(format!("{} cannot be opened", path.display())))?;
        // `status` holds it for a moment.
        for _ in 0..10 {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(50)),
                Err(TryLockError::Error(error)) => {
                    return Err(Failure::io(format!("{} cannot be locked", path.display()))(error));
                }
            }
        }
        let mut failure = Failure::new("locked", "another deployment is under way").exit(4);
        failure.retryable = true;
        Err(failure.with_help(format!("it holds {}; wait for it, or end it: that is safe", path.display())))
    }

    /// Whether a deployment is under way.
    pub(crate) fn is_locked(&self) -> Result<bool, Failure> {
        match File::open(self.root.join("lock")) {
            Ok(file) => Ok(matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Failure::io("the lock cannot be opened")(error)),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn releases(&self) -> PathBuf {
        self.root.join("releases")
    }

    /// Where a commit is fetched to.
    pub(crate) fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    pub(crate) fn store(&self) -> Store {
        Store::new(self.root.join("repository"))
    }

    pub(crate) fn release(&self, name: &str) -> PathBuf {
        self.releases().join(name)
    }

    pub(crate) fn state(&self) -> Result<State, Failure> {
        let path = self.root.join("state.json");
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| {
                Failure::new("state", format!("{} cannot be read: {error}", path.display()))
                    .with_help("it is replaced whole by each run: something else wrote to it")
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match self.current()? {
                None => Ok(State::default()),
                // Without it nobody knows which releases are good; to guess would be to delete some.
                Some(_) => Err(Failure::new("state", format!("{} is gone", path.display()))
                    .with_help("restore it, or begin anew in another folder")),
            },
            Err(error) => Err(Failure::io(format!("{} cannot be read", path.display()))(error)),
        }
    }

    pub(crate) fn save(&self, state: &State) -> Result<(), Failure> {
        let (path, new) = (self.root.join("state.json"), self.root.join(".state-new"));
        let write = || {
            let mut file = File::create(&new)?;
            serde_json::to_writer_pretty(&mut file, state)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.root)?.sync_all()
        };
        write().map_err(Failure::io(format!("{} cannot be written", path.display())))
    }

    /// The name of the release that is live.
    pub(crate) fn current(&self) -> Result<Option<String>, Failure> {
        match fs::read_link(self.root.join("current")) {
            Ok(target) => Ok(target.file_name().map(|name| name.to_string_lossy().into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::io("current is not a link")(error)
                .with_help(format!("move {} away, so that it can become one", self.root.join("current").display()))),
        }
    }

    /// Makes a release live, or none, by one rename (or one removal).
    pub(crate) fn switch(&self, name: Option<&str>) -> Result<(), Failure> {
        let (path, new) = (self.root.join("current"), self.root.join(".current-new"));
        let switch = || {
            match name {
                Some(name) => {
                    gone(fs::remove_file(&new))?;
                    std::os::unix::fs::symlink(Path::new("releases").join(name), &new)?;
                    fs::rename(&new, &path)?;
                }
                None => gone(fs::remove_file(&path))?,
            }
            File::open(&self.root)?.sync_all()
        };
        switch().map_err(Failure::io("current cannot be switched"))
    }

    /// Removes what dead runs left: releases that no one knows, and half-made ones.
    pub(crate) fn sweep(&self, state: &State) -> Result<(), Failure> {
        let current = self.current()?;
        let keep = |name: &str| {
            state.releases.iter().any(|release| release.name == name)
                || state.trial.as_ref().is_some_and(|trial| trial.release.name == name)
                || current.as_deref() == Some(name)
        };
        let sweep = || {
            for entry in fs::read_dir(self.releases())? {
                let entry = entry?;
                if !keep(&entry.file_name().to_string_lossy()) {
                    fs::remove_dir_all(entry.path())?;
                }
            }
            gone(fs::remove_dir_all(self.incoming()))?;
            self.store().sweep()?;
            gone(fs::remove_file(self.root.join(".current-new")))?;
            gone(fs::remove_file(self.root.join(".state-new")))
        };
        sweep().map_err(Failure::io("leftovers cannot be removed"))
    }
}

/// What is not there need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
