//! From a commit to files and an index.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use gix::bstr::ByteSlice;
use gix::index::entry::Mode;
use gix::worktree::stack::state::attributes::Source;
use gix::worktree::state::checkout::Outcome;

use super::tree;
use super::{errors, open};
use crate::engine::{CheckedOut, Checkout, Context};
use crate::progress::Progress;
use crate::{Error, ErrorKind, Result, Step};

/// How often the count of written files is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// Writes a commit's files to the worktree, and the index that describes them.
pub(super) fn write(context: &Context, checkout: &Checkout<'_>) -> Result<CheckedOut> {
    let repository = open(checkout.git_dir, Step::Checkout)?;
    let tree = repository
        .find_object(gix::ObjectId::from(*checkout.commit.as_bytes()))
        .and_then(gix::Object::peel_to_tree)
        .map_err(|error| failed(format!("the tree of {} cannot be read", checkout.commit), error))?
        .id;
    let mut index = tree::to_index(&repository, tree)?;
    write_files(&repository, &mut index, checkout.worktree, &context.progress)?;
    make_submodule_folders(&index, checkout.worktree)?;
    let files = index.entries().iter().filter(|entry| entry.mode != Mode::COMMIT).count() as u64;
    gix::index::File::from_state(index, checkout.git_dir.join("index"))
        .write(gix::index::write::Options::default())
        .map_err(|error| failed("the index cannot be written", error))?;
    Ok(CheckedOut { files })
}

fn write_files(
    repository: &gix::Repository,
    index: &mut gix::index::State,
    worktree: &Path,
    progress: &Progress,
) -> Result<()> {
    let mut options = repository
        .checkout_options(Source::IdMapping)
        .map_err(|error| failed("the worktree cannot be set up", error))?;
    options.destination_is_initially_empty = true;
    options.validate = tree::NAMES;
    // Only git's built-in rules apply: whatever a configuration names as a filter is not run.
    options.filters.options_mut().drivers.clear();
    let objects = repository.objects.clone().into_arc().map_err(|error| {
        Error::io(Step::Checkout, format!("cannot read {}", repository.git_dir().join("objects").display()), error)
    })?;
    let total = index.entries().len();
    let written = Count::default();
    let outcome = reported(progress, &written, total, || {
        let bytes = Count::default();
        gix::worktree::state::checkout(index, worktree, objects, &written, &bytes, progress.cancel_flag(), options)
    });
    // An interrupted checkout is reported as a success.
    if progress.is_cancelled() {
        return Err(Error::cancelled(Step::Checkout));
    }
    let outcome = outcome.map_err(|error| failed("a file cannot be written", error))?;
    check(outcome)?;
    progress.checking_out(total as u64, total as u64);
    Ok(())
}

/// Runs `work` and reports what it counts meanwhile.
fn reported<T>(progress: &Progress, written: &Count, total: usize, work: impl FnOnce() -> T) -> T {
    let finished = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reporter = scope.spawn(|| {
            while !finished.load(Ordering::Acquire) {
                std::thread::park_timeout(GLANCE);
                let files = written.0.load(Ordering::Relaxed).min(total.saturating_sub(1));
                progress.checking_out(files as u64, total as u64);
            }
        });
        let result = work();
        finished.store(true, Ordering::Release);
        reporter.thread().unpark();
        result
    })
}

/// Turns what a checkout puts aside into errors.
fn check(outcome: Outcome) -> Result<()> {
    if let Some(collision) = outcome.collisions.first() {
        let path = tree::shown(collision.path.as_bstr());
        return Err(tree::hostile(format!("{path} is the same file as another path on this file system")));
    }
    if let Some(record) = outcome.errors.into_iter().next() {
        return Err(failed(format!("{} cannot be written", tree::shown(record.path.as_bstr())), record.error));
    }
    Ok(())
}

/// Makes the empty folder that stands for a submodule, as stock git does.
fn make_submodule_folders(index: &gix::index::State, worktree: &Path) -> Result<()> {
    for entry in index.entries().iter().filter(|entry| entry.mode == Mode::COMMIT) {
        let path = entry.path(index);
        let Ok(relative) = gix::path::from_bstr(path) else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                Step::Checkout,
                format!("{} cannot be a path on this system", tree::shown(path)),
            ));
        };
        let folder = worktree.join(relative);
        std::fs::create_dir_all(&folder)
            .map_err(|error| Error::io(Step::Checkout, format!("cannot make {}", folder.display()), error))?;
    }
    Ok(())
}

fn failed(what: impl std::fmt::Display, error: gix::Error) -> Error {
    errors::gix(Step::Checkout, what, error)
}

/// A count that gitoxide adds to.
#[derive(Default)]
struct Count(Arc<AtomicUsize>);

impl gix::Count for Count {
    fn set(&self, step: usize) {
        self.0.store(step, Ordering::Relaxed);
    }

    fn step(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn inc_by(&self, step: usize) {
        self.0.fetch_add(step, Ordering::Relaxed);
    }

    fn counter(&self) -> Arc<AtomicUsize> {
        self.0.clone()
    }
}
