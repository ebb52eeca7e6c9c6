//! Repositories to try clones on: real-looking, and the same on every machine.
//!
//! ```no_run
//! use codecommit_sandbox::{SampleRepository, Sandbox};
//!
//! # fn main() -> Result<(), codecommit_sandbox::Error> {
//! let app = std::path::Path::new("target/samples/app.git");
//! let statistics = SampleRepository::scenario().ensure_in(app)?;
//! println!("{} objects, {} of them deltas", statistics.objects(), statistics.deltas());
//! let sandbox = Sandbox::scenario().repository("app", app).start()?;
//! # Ok(())
//! # }
//! ```

mod history;
mod random;
mod repository;
mod stream;
mod text;

use std::path::Path;

pub use repository::Statistics;

use crate::Error;
use history::Shape;

/// The recipe of a repository: source-like files in nested folders that evolve over thousands of commits, with merges,
/// renames, deletions, binary assets, executables, a link, branches and tags of both kinds, on a default branch `main`.
///
/// It is made by `git fast-import` from a seeded sequence of numbers, so that commit IDs are the same everywhere, and packed
/// with fixed settings, so that the pack is nearly so: its deltas and bytes vary a little with the version of git.
#[derive(Debug, Clone)]
pub struct SampleRepository {
    name: &'static str,
    shape: Shape,
}

impl SampleRepository {
    /// The repository of the crate's scenario: about 18,500 objects, 7,300 of them deltas, and 20 MiB packed.
    pub fn scenario() -> Self {
        let shape = Shape {
            seed: 0x5eed_0001,
            commits: 745,
            files: 6_900,
            functions: 2..=14,
            touched: 1..=3,
            assets: 300,
            asset_bytes: 8_000..=59_500,
            branches: 6,
            tag_every: 80,
        };
        Self { name: "scenario-2", shape }
    }

    /// A larger one: about 190,000 objects and 80 MiB packed. To make it takes a minute or more.
    pub fn large() -> Self {
        let shape = Shape {
            seed: 0x5eed_0002,
            commits: 14_300,
            files: 9_000,
            functions: 2..=10,
            touched: 1..=3,
            assets: 1_150,
            asset_bytes: 8_000..=80_000,
            branches: 12,
            tag_every: 500,
        };
        Self { name: "large-2", shape }
    }

    /// A small one, for tests: a few hundred objects.
    pub fn small() -> Self {
        let shape = Shape {
            seed: 0x5eed_0003,
            commits: 60,
            files: 40,
            functions: 1..=4,
            touched: 1..=3,
            assets: 3,
            asset_bytes: 1_000..=9_000,
            branches: 3,
            tag_every: 20,
        };
        Self { name: "small-2", shape }
    }

    /// A name that changes when what is made changes: part of a cache's key.
    pub fn name(&self) -> &str {
        self.name
    }

    /// Makes the repository, a bare one, in `directory`, which must be absent or empty. It appears there whole or not at all.
    ///
    /// # Errors
    /// git is missing or fails, the folder is in use, or the disk is full.
    pub fn create_in(&self, directory: &Path) -> Result<Statistics, Error> {
        repository::create(self.name, &self.shape, directory)
    }

    /// As [`create_in`](Self::create_in), but where `directory` already holds this very repository, only tells its
    /// statistics; where it holds another sample, replaces that.
    ///
    /// # Errors
    /// As for `create_in`; a folder with anything but a sample in it is left alone.
    pub fn ensure_in(&self, directory: &Path) -> Result<Statistics, Error> {
        repository::ensure(self.name, &self.shape, directory)
    }
}
