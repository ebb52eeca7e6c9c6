//! A clone that is killed, or that the host gives no room: the destination appears whole or not at all, and the next run
//! finds nothing in its way.

#![cfg(all(unix, any(feature = "gitoxide", feature = "libgit2")))]

mod child;
mod disk;
mod killed;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use clone_by_role::Engine;
use codecommit_sandbox::Protocol;
use tempfile::TempDir;

use support::{Repository, Server};

/// A server, and an empty folder to clone into.
struct World {
    server: Server,
    repository: Repository,
    parent: TempDir,
    _folder: TempDir,
}

impl World {
    /// A repository of many small files and a large one, large enough that a clone takes a while.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let repository = Repository::new(folder.path().join("origin"));
        let mut state = 7_u64;
        let mut noise = |length: usize| -> Vec<u8> {
            let next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            };
            std::iter::repeat_with(next).take(length).collect()
        };
        repository.write("large", noise(2_000_000));
        for number in 0..300 {
            repository.write(format!("{}/{number}.bin", number % 10), noise(600));
        }
        repository.commit("One");
        repository.write("0/last.txt", "two\n");
        repository.commit("Two");
        let server = Server::start(repository.path(), Protocol::CodeCommit);
        let parent = tempfile::tempdir().expect("a temporary folder can be made");
        Self { server, repository, parent, _folder: folder }
    }

    fn destination(&self) -> PathBuf {
        self.parent.path().join("clone")
    }

    fn left(&self) -> Vec<String> {
        names(self.parent.path())
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let names = entries.map(|entry| entry.expect("the folder can be read").file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// The engines by name, since a child process is told which one to take.
fn engine(name: &str) -> Box<dyn Engine> {
    match name {
        #[cfg(feature = "gitoxide")]
        "gitoxide" => Box::new(clone_by_role::Gitoxide::default()),
        #[cfg(feature = "libgit2")]
        "libgit2" => Box::new(clone_by_role::Libgit2::default()),
        other => panic!("there is no engine {other}"),
    }
}

macro_rules! for_each_engine {
    ($($module:ident: $($name:ident)+;)+) => {
        #[cfg(feature = "gitoxide")]
        mod gitoxide {
            $($(#[test] fn $name() { super::$module::$name("gitoxide") })+)+
        }

        #[cfg(feature = "libgit2")]
        mod libgit2 {
            $($(#[test] fn $name() { super::$module::$name("libgit2") })+)+
        }
    };
}

for_each_engine! {
    killed: at_a_hundred_moments cancelled_at_a_hundred_moments beside_a_living_run;
    disk: full too_large_a_file read_only forbidden too_long_a_path two_at_once;
}
