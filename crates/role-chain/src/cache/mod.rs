//! Sessions on disk, for processes that come and go: this crate's own folder, and the AWS CLI's.

mod cli;
mod entry;
mod folder;
mod key;
mod lock;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::environment::Environment;
use crate::error::Error;
use crate::error_kind::ErrorKind;
use crate::plan::Plan;
use crate::slot::Lease;

pub(crate) use entry::Kept;
use folder::Folder;
pub(crate) use lock::Lock;

/// What the AWS CLI takes for too short a rest of a session.
const CLI_REST_MIN: Duration = Duration::from_secs(15 * 60);

/// Where a caller wants sessions kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) own: Option<Place>,
    pub(crate) cli: Option<Place>,
    /// The caller's name for a provider of its own.
    pub(crate) source_name: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) enum Place {
    Usual,
    Path(PathBuf),
}

/// The caches of a chain. Without any, everything here does nothing.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    own: Option<Own>,
    cli: Option<Cli>,
}

#[derive(Debug)]
struct Own {
    folder: Folder,
    /// One for each hop.
    keys: Vec<String>,
}

#[derive(Debug)]
struct Cli {
    folder: Folder,
    /// One for each hop; `None` for hops that no profile of the AWS CLI can express.
    keys: Vec<Option<String>>,
}

impl Caches {
    /// Works out where and under which names, without touching the disk but for what tells this host from another.
    pub(crate) fn plan(wish: &Wish, plan: &Plan, environment: &Environment) -> Result<Self, Error> {
        let own = match &wish.own {
            None => None,
            Some(place) => Some(Own {
                folder: Folder::own(usual(place, own_folder(environment))?),
                keys: key::of_hops(plan, wish.source_name.as_deref())?,
            }),
        };
        let cli = match &wish.cli {
            None => None,
            Some(place) => Some(Cli {
                folder: Folder::of_cli(usual(place, environment.home().map(|home| home.join(".aws/cli/cache")))?),
                keys: plan.hops.iter().map(cli::key).collect(),
            }),
        };
        Ok(Self { own, cli })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.own.is_none() && self.cli.is_none()
    }

    /// A session of the hop at `index` that is still good, if one is kept.
    pub(crate) fn read(&self, index: usize, plan: &Plan, now: SystemTime) -> Option<Kept> {
        if let Some(own) = &self.own {
            let key = &own.keys[index];
            let kept = own.folder.read(&format!("{key}.json")).and_then(|text| entry::parse(&text, key));
            if let Some(kept) = kept.filter(|kept| kept.expiry() > now) {
                return Some(kept);
            }
        }
        let cli = self.cli.as_ref()?;
        let key = cli.keys[index].as_ref()?;
        let hop = &plan.hops[index];
        let text = cli.folder.read(&format!("{key}.json"))?;
        cli::parse(&text, hop).filter(|kept| kept.expiry() > now + CLI_REST_MIN)
    }

    /// Keeps a session. A disk that does not take it is no reason to fail: the caller has it.
    pub(crate) fn write(&self, index: usize, lease: &Lease, obtained: SystemTime) {
        if let Some(own) = &self.own {
            let key = &own.keys[index];
            if let Some(text) = entry::format(key, lease, obtained) {
                own.folder.write(&format!("{key}.json"), &text);
                own.folder.sweep();
            }
        }
        if let Some(cli) = &self.cli
            && let Some(key) = &cli.keys[index]
            && let Some(text) = cli::format(lease)
        {
            cli.folder.write(&format!("{key}.json"), &text);
        }
    }

    /// Waits until no other process is at work on the same session. `None` where none can be waited for.
    pub(crate) async fn lock(&self, index: usize) -> Option<Lock> {
        let own = self.own.as_ref()?;
        Lock::acquire(&own.folder, &format!("{}.lock", own.keys[index])).await
    }
}

fn usual(place: &Place, usual: Option<PathBuf>) -> Result<PathBuf, Error> {
    if cfg!(not(unix)) {
        return Err(Error::new(ErrorKind::Unsupported, "disk caches are for systems with owners and modes of files")
            .with_help("Leave the disk cache out on this system."));
    }
    match place {
        Place::Path(path) => Ok(path.clone()),
        Place::Usual => usual.ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "the environment names no home folder to keep sessions in")
                .with_help("Set HOME, or name a folder.")
        }),
    }
}

/// As the XDG base directory specification has it: `$XDG_CACHE_HOME`, if it is absolute, else `~/.cache`.
fn own_folder(environment: &Environment) -> Option<PathBuf> {
    environment
        .get("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(environment.home()?.join(".cache")))
        .map(|caches| caches.join("role-chain"))
}
