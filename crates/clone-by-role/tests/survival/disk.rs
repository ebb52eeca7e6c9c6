//! A host that does not give what a clone needs. Where the tests may mount, they do so in a namespace of their own, which
//! ends with the child; what they find there is told by the child.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Barrier;

use clone_by_role::ErrorKind;

use super::support::{Git, Repository, Server};
use super::{World, child, engine, names};

/// Whether this process may mount a file system for itself.
fn may_mount(at: &Path) -> bool {
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=64k none \"$0\"";
    command.args(["--mount", "sh", "-c", script]).arg(at);
    command.output().is_ok_and(|output| output.status.success())
}

/// Runs a child that finds a file system of these options, with a folder `taken` in it, at the parent of its destination.
/// What it says, and what is left there, one line each; nothing where mounting is not allowed.
fn on_a_mount(world: &World, name: &str, prepare: &str) -> Option<(String, String)> {
    let parent = world.parent.path();
    if !may_mount(parent) {
        println!("mounting is not allowed here: this part is skipped");
        return None;
    }
    let left = world.repository.path().join(".git/left");
    let script = format!(
        "cd /; exec unshare --mount sh -c '{prepare}; \"$@\"; ls -A {0} >{1}' sh \"$@\"",
        parent.display(),
        left.display()
    );
    let outcome = child::outcome(child::after(&script, world, name, &world.destination()));
    Some((outcome, fs::read_to_string(left).expect("the script has written it")))
}

/// A file system that the pack does not fit on, one on which only the worktree does not, and one of too few files.
pub(crate) fn full(name: &str) {
    let world = World::new();
    let at = world.parent.path().display().to_string();
    for size in [
        "size=64k",
        "size=500k",
        "size=1500k",
        "size=2500k",
        "size=3500k",
        "size=64m,nr_inodes=20",
        "size=64m,nr_inodes=100",
    ] {
        let Some((outcome, left)) = on_a_mount(&world, name, &format!("mount -t tmpfs -o {size} none {at}")) else {
            return;
        };
        assert!(outcome.starts_with("Io ") && outcome.contains("no space left on device"), "{size}: {outcome}");
        assert!(outcome.contains("free space on that file system"), "{size}: {outcome}");
        assert_eq!(left, "", "{size}");
    }
    let (outcome, left) = on_a_mount(&world, name, &format!("mount -t tmpfs -o size=64m none {at}")).expect("as above");
    assert_eq!((&*outcome, &*left), ("cloned", "clone\n"));
}

/// A limit on the size of a file: of the pack, and of a file of the worktree.
pub(crate) fn too_large_a_file(name: &str) {
    let world = World::new();
    for blocks in [1, 100, 1000] {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let outcome = child::outcome(child::after(&script, &world, name, &world.destination()));
        assert!(outcome.starts_with("Io ") && outcome.contains("file too large"), "{blocks} blocks: {outcome}");
        assert_eq!(world.left(), [""; 0]);
    }
}

pub(crate) fn read_only(name: &str) {
    let world = World::new();
    let at = world.parent.path().display().to_string();
    let prepare = format!("mount -t tmpfs none {at}; mkdir {at}/clone; mount -o remount,ro {at}");
    let Some((outcome, left)) = on_a_mount(&world, name, &prepare) else { return };
    assert!(outcome.starts_with("Io ") && outcome.contains("mounted for writing"), "{outcome}");
    assert_eq!(left, "clone\n");
    assert!(world.server.sandbox.requests().is_empty(), "it is known before anything is asked of the server");
}

/// Nobody may make a folder where the kernel shows its devices.
pub(crate) fn forbidden(name: &str) {
    let world = World::new();
    for destination in ["/sys/clone", "/proc/1/clone", "/dev/null/clone"] {
        let request = world.server.request(Path::new(destination));
        let error = request.run_blocking(engine(name)).expect_err(destination);
        assert_eq!(error.kind(), ErrorKind::Io, "{destination}: {error:?}");
        assert!(error.message().contains(destination.trim_end_matches("/clone")), "{destination}: {error:?}");
    }
    assert!(world.server.sandbox.requests().is_empty(), "it is known before anything is asked of the server");
}

/// A destination whose name, whose path, or whose files' paths are too long.
pub(crate) fn too_long_a_path(name: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let repository = Repository::new(folder.path().join("origin"));
    repository.write(format!("{0}/{0}/{0}", "f".repeat(150)), "one\n");
    repository.commit("One");
    let server = Server::start(repository.path(), codecommit_sandbox::Protocol::CodeCommit);

    let parent = folder.path().join("into");
    fs::create_dir(&parent).expect("folders can be made");
    let longest_name = parent.join("n".repeat(255));
    server.request(&longest_name).run_blocking(engine(name)).expect("a name can be as long as that");
    fs::remove_dir_all(&longest_name).expect("it can be removed");
    let mut deep = parent.clone();
    let room = |deep: &PathBuf| 4095 - deep.as_os_str().len();
    while room(&deep) > 500 {
        deep.push("d".repeat(200));
        fs::create_dir(&deep).expect("folders can be made");
    }
    for destination in
        [parent.join("n".repeat(256)), deep.join("clone"), deep.join("n".repeat(255)).join("m".repeat(255))]
    {
        let error = server.request(&destination).run_blocking(engine(name)).expect_err("it is too long");
        assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");
        assert!(error.message().contains("too long"), "{error:?}");
        assert_eq!(names(&deep), [""; 0]);
    }
    assert_eq!(names(&parent), ["d".repeat(200)]);
}

/// One of several runs wins; the others say why they do not.
pub(crate) fn two_at_once(name: &str) {
    const RUNS: usize = 4;
    let world = World::new();
    let destination = world.destination();
    let barrier = Barrier::new(RUNS);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let run = || {
            let request = world.server.request(&destination);
            barrier.wait();
            request.run_blocking(engine(name))
        };
        let runs: Vec<_> = (0..RUNS).map(|_| scope.spawn(run)).collect();
        runs.into_iter().map(|run| run.join().expect("it does not panic")).collect()
    });
    let lost: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err().map(|error| error.kind())).collect();
    assert_eq!(lost, [ErrorKind::DestinationExists; RUNS - 1], "{outcomes:?}");
    assert_eq!(world.left(), ["clone"]);
    assert_eq!(Git::at(&destination).says(&["status", "--porcelain"]), "");
}
