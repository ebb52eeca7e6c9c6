//! Repositories that mean harm, from the server to the destination: refused by kind, soon, with nothing left.

#![cfg(any(feature = "gitoxide", feature = "libgit2"))]

mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use clone_by_role::{CloneRequest, Engine, ErrorKind, Limits};
use codecommit_sandbox::{Effect, Fault, Protocol, Step};
use tempfile::TempDir;

use support::{Repository, Server};

/// No refusal takes longer, on a slow machine.
const SOON: Duration = Duration::from_secs(20);

struct World {
    server: Server,
    parent: TempDir,
    _folder: TempDir,
}

impl World {
    fn new(protocol: Protocol, fill: impl FnOnce(&Repository)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let repository = Repository::new(folder.path().join("origin"));
        repository.write("file.txt", "one\n");
        repository.commit("One");
        fill(&repository);
        let server = Server::start(repository.path(), protocol);
        // The folder to clone into, in a folder of its own: what escapes from the staging folder is seen.
        let parent = tempfile::tempdir().expect("a temporary folder can be made");
        fs::create_dir(parent.path().join("into")).expect("folders can be made");
        Self { server, parent, _folder: folder }
    }

    fn request(&self) -> CloneRequest {
        self.server.request(&self.parent.path().join("into/clone"))
    }

    /// Fails where the request does not end soon in an error of this kind, with nothing left.
    fn refuses(&self, what: &str, request: CloneRequest, engine: Box<dyn Engine>, kind: ErrorKind) {
        let started = Instant::now();
        let error = request.run_blocking(engine).expect_err(what);
        assert_eq!(error.kind(), kind, "{what}: {error:?}");
        assert!(started.elapsed() < SOON, "{what} took {:?}", started.elapsed());
        assert_eq!(below(self.parent.path()), ["into"], "{what}");
    }
}

fn below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        found.push(path.file_name().expect("it has a name").to_string_lossy().into_owned());
        if path.is_dir() && !path.is_symlink() {
            found.extend(below(&path));
        }
    }
    found
}

/// Makes a branch whose tree has these entries, as they are.
fn branch(repository: &Repository, name: &str, entries: &[(&str, &[u8], &str)]) {
    let tree = tree(repository, entries);
    let commit = repository.git(&["commit-tree", "-m", name, &tree]);
    repository.git(&["update-ref", &format!("refs/heads/{name}"), &commit]);
}

fn tree(repository: &Repository, entries: &[(&str, &[u8], &str)]) -> String {
    let mut content = Vec::new();
    for (mode, name, id) in entries {
        content.extend_from_slice(mode.as_bytes());
        content.push(b' ');
        content.extend_from_slice(name);
        content.push(0);
        content.extend_from_slice(&hex::decode(id).expect("it is an object's name"));
    }
    repository.write(".git/tree", content);
    repository.git(&["hash-object", "-w", "--literally", "-t", "tree", ".git/tree"])
}

/// Trees that would write where they must not.
fn trees(engine: fn() -> Box<dyn Engine>) {
    let mut names: Vec<String> = Vec::new();
    let world = World::new(Protocol::CodeCommit, |repository| {
        repository.write(".git/evil", "[core]\n\tfsmonitor = touch /tmp/evil\n");
        let blob = repository.git(&["hash-object", "-w", ".git/evil"]);
        repository.write(".git/target", "../../..");
        let out = repository.git(&["hash-object", "-w", ".git/target"]);
        let mut add = |what: &str, entries: &[(&str, &[u8], &str)]| {
            names.push(what.replace(' ', "-"));
            branch(repository, &names[names.len() - 1], entries);
        };
        let dot_gits: [&[u8]; 12] = [
            b".git",
            b".GIT",
            b"git~1",
            b"GIT~1",
            b".git.",
            b".git ",
            b".git. . ",
            b".git::$INDEX_ALLOCATION",
            b".git\\config",
            ".g\u{200c}it".as_bytes(),
            "\u{feff}.git".as_bytes(),
            ".gi\u{206a}T".as_bytes(),
        ];
        for (number, name) in dot_gits.iter().enumerate() {
            let inner = tree(repository, &[("100644", b"config", &blob)]);
            add(&format!("folder {number}"), &[("40000", name, &inner)]);
            add(&format!("file {number}"), &[("100644", name, &blob)]);
            let outer = tree(repository, &[("40000", name, &inner)]);
            add(&format!("below {number}"), &[("40000", b"sub", &outer)]);
        }
        let through = tree(repository, &[("100644", b"escaped", &blob)]);
        add("through a link", &[("120000", b"a", &out), ("40000", b"a", &through)]);
        add("through a link after", &[("40000", b"a", &through), ("120000", b"a", &out)]);
        add("twice", &[("100644", b"a", &blob), ("100644", b"a", &blob)]);
        add("up", &[("40000", b"..", &through)]);
        add("up in a name", &[("100644", b"../escaped", &blob)]);
        add("absolute", &[("100644", b"/tmp/escaped", &blob)]);
        add("slash", &[("100644", b"a/b", &blob)]);
        add("linked gitmodules", &[("120000", b".gitmodules", &blob)]);
        add("linked gitmodules short", &[("120000", b"GITMOD~1", &blob)]);
        add("linked gitmodules hfs", &[("120000", ".gitm\u{200e}odules".as_bytes(), &blob)]);
    });
    for name in &names {
        world.refuses(name, world.request().branch(name).depth(1), engine(), ErrorKind::HostileTree);
    }
    // The repository itself is sound: without the trees, all of this could fail for some other reason.
    world.request().branch("main").run_blocking(engine()).expect("this branch means no harm");
}

/// Trees that never end.
fn endless_trees(engine: fn() -> Box<dyn Engine>) {
    let mut pack = Vec::new();
    let world = World::new(Protocol::Modern, |repository| {
        let path = ["d"; 10_000].join("/");
        let import = format!(
            "commit refs/heads/deep\ncommitter n <e@example.com> 0 +0000\ndata 0\nM 100644 inline {path}\ndata 1\nx\n"
        );
        repository.write(".git/import", import);
        repository.git(&["-c", "alias.import=!git fast-import --quiet <.git/import", "import"]);
        let blob = repository.git(&["hash-object", "-w", "file.txt"]);
        let mut wide = tree(repository, &[("100644", b"f", &blob)]);
        for _ in 0..12 {
            let names: Vec<_> = (0..10).map(|digit| format!("d{digit}")).collect();
            let entries: Vec<_> = names.iter().map(|name| ("40000", name.as_bytes(), wide.as_str())).collect();
            wide = tree(repository, &entries);
        }
        branch(repository, "wide", &[("40000", b"d", &wide)]);
        // Stock git does not pack the deep one by walking it.
        let all =
            "!git cat-file --batch-all-objects --batch-check='%(objectname)' | git pack-objects -q --stdout >.git/all";
        repository.git(&["-c", &format!("alias.all={all}"), "all"]);
        pack = fs::read(repository.path().join(".git/all")).expect("git has written it");
    });
    world.refuses("wide", world.request().branch("wide").depth(1), engine(), ErrorKind::LimitExceeded);
    world.server.sandbox.set_fault(Fault::new(Step::Fetch, Effect::ReplacePack(pack.into())));
    world.refuses("deep", world.request().branch("deep"), engine(), ErrorKind::LimitExceeded);
}

/// Packs that say what is not so, or unpack to far more than came.
fn packs(engine: fn() -> Box<dyn Engine>) {
    use ErrorKind::{Corrupt, LimitExceeded};
    let world = World::new(Protocol::CodeCommit, |_| {});
    let head = |objects: u32| [b"PACK\0\0\0\x02".as_slice(), &objects.to_be_bytes()].concat();
    // A stream of zeros, some of it: 64 KiB become 64 MiB.
    let zeros = deflated(&vec![0; 64 << 20]);
    let blob = |size: u64| entry(3, size);
    // Of an empty base: a hundred copies of nothing, and a result of 2^40 bytes.
    let swelling = deflated(&[&[0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20][..], &[0x80; 100]].concat());
    let empty = [blob(0), deflated(b"")].concat();
    let cases = [
        ("all objects there can be", head(u32::MAX), LimitExceeded),
        ("more objects than come", [head(9), empty.clone()].concat(), Corrupt),
        ("a blob of a terabyte", [head(1), blob(1 << 40), zeros.clone()].concat(), LimitExceeded),
        ("a blob that swells", [head(1), blob(10), zeros].concat(), Corrupt),
        ("a blob that is short", [head(1), blob(10), deflated(b"one")].concat(), Corrupt),
        ("a delta that swells", [head(2), empty.clone(), entry(6, 107), vec![12], swelling].concat(), LimitExceeded),
        ("a delta of nothing", [head(1), entry(7, 4), vec![7; 20], deflated(&[1, 1, 1, 7])].concat(), Corrupt),
        ("a delta of itself", [head(1), entry(6, 4), vec![0], deflated(&[1, 1, 1, 7])].concat(), Corrupt),
    ];
    for (what, pack, kind) in cases {
        let trailer = <sha1::Sha1 as sha1::Digest>::digest(&pack);
        let pack = [&pack[..], &trailer[..]].concat();
        world.server.sandbox.set_fault(Fault::new(Step::Fetch, Effect::ReplacePack(pack.into())));
        world.refuses(what, world.request(), engine(), kind);
        world.server.sandbox.clear_faults();
    }
}

/// What is beyond a limit of the caller's is refused where it is met; what is within is cloned.
fn limits(engine: fn() -> Box<dyn Engine>) {
    let world = World::new(Protocol::Modern, |repository| {
        repository.write("a/b/large.txt", "x".repeat(100_000));
        repository.commit("Two");
    });
    type Set = fn(&mut Limits);
    let cases: [(&str, Set); 7] = [
        ("objects", |limits| limits.objects = 5),
        ("pack_bytes", |limits| limits.pack_bytes = 300),
        ("file_bytes", |limits| limits.file_bytes = 99_999),
        ("unpacked_bytes", |limits| limits.unpacked_bytes = 100_000),
        ("entries", |limits| limits.entries = 3),
        ("path_bytes", |limits| limits.path_bytes = 12),
        ("depth", |limits| limits.depth = 1),
    ];
    for (name, set) in cases {
        let mut limits = Limits::default();
        set(&mut limits);
        world.refuses(name, world.request().limits(limits), engine(), ErrorKind::LimitExceeded);
    }
    let mut limits = Limits::default();
    (limits.objects, limits.pack_bytes, limits.file_bytes, limits.unpacked_bytes) = (8, 2000, 100_000, 101_000);
    (limits.entries, limits.path_bytes, limits.depth) = (4, 13, 2);
    world.request().limits(limits).run_blocking(engine()).expect("it is within the limits");
}

/// The head of an entry of a pack.
fn entry(kind: u8, mut size: u64) -> Vec<u8> {
    let mut head = vec![kind << 4 | (size & 15) as u8];
    size >>= 4;
    while size > 0 {
        *head.last_mut().expect("it has a byte") |= 128;
        head.push((size & 127) as u8);
        size >>= 7;
    }
    head
}

fn deflated(content: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

macro_rules! hostile {
    ($($name:ident)+) => {
        #[cfg(feature = "gitoxide")]
        mod gitoxide {
            $(#[test] fn $name() { super::$name(|| Box::new(clone_by_role::Gitoxide::default())) })+
        }

        #[cfg(feature = "libgit2")]
        mod libgit2 {
            $(#[test] fn $name() { super::$name(|| Box::new(clone_by_role::Libgit2::default())) })+
        }
    };
}

hostile! {
    trees
    endless_trees
    packs
    limits
}
