//! Checkouts by each engine. Stock git makes the repositories, and says what a checkout of them should look like.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::line_endings::LineEndings;
use super::*;
use crate::engine::{CheckedOut, Checkout, Context, Engine};
use crate::http::{GitHttp, Timeouts};
use crate::login::Anonymous;
use crate::progress::{CancelToken, Progress};
use crate::{ErrorKind, Event, Limits, ObjectId};

struct Repository(tempfile::TempDir);

impl Repository {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Self(folder);
        repository.git(&["init", "--quiet", "--bare", "--template=", "."], b"");
        repository
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn git(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut child = Command::new("git")
            .args(arguments)
            .current_dir(self.folder())
            .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_ATTR_NOSYSTEM", "1")])
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "n")))
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "e@example.com")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the tests need git");
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn blob(&self, content: &[u8]) -> String {
        self.git(&["hash-object", "-w", "--stdin"], content)
    }

    /// A tree of these entries as they are, in this order, whatever git thinks of them.
    fn tree(&self, entries: &[(&str, &[u8], &str)]) -> String {
        let mut content = Vec::new();
        for (mode, name, id) in entries {
            content.extend_from_slice(mode.as_bytes());
            content.push(b' ');
            content.extend_from_slice(name);
            content.push(0);
            content.extend_from_slice(id.parse::<ObjectId>().unwrap().as_bytes());
        }
        self.git(&["hash-object", "-w", "--literally", "-t", "tree", "--stdin"], &content)
    }

    fn commit(&self, tree: &str) -> ObjectId {
        self.git(&["commit-tree", "-m", "m", tree], b"").parse().unwrap()
    }

    /// A commit of these files, as the bytes in the repository.
    fn commit_of(&self, files: &[(&str, &str, &[u8])]) -> ObjectId {
        let list: String =
            files.iter().map(|(mode, path, content)| format!("{mode} {}\t{path}\0", self.blob(content))).collect();
        self.git(&["update-index", "-z", "--index-info"], list.as_bytes());
        let tree = self.git(&["write-tree"], b"");
        std::fs::remove_file(self.folder().join("index")).unwrap();
        self.commit(&tree)
    }

    fn check_out(&self, engine: &dyn Engine, commit: ObjectId) -> Result<(tempfile::TempDir, CheckedOut)> {
        let worktree = tempfile::tempdir().unwrap();
        let checkout = Checkout { git_dir: self.folder(), worktree: worktree.path(), commit };
        let checked_out = engine.checkout(&quiet(), &checkout)?;
        Ok((worktree, checked_out))
    }
}

fn context(progress: Progress, cancel: CancelToken) -> Context {
    let nowhere = "https://localhost:1/";
    let http = GitHttp::new(nowhere, Arc::new(Anonymous), None, Timeouts::default(), cancel).unwrap();
    Context::new(http, progress, Limits::default())
}

fn quiet() -> Context {
    context(Progress::new(None, CancelToken::new()), CancelToken::new())
}

/// All files below a folder, with their modes and content.
fn listing(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let content = if metadata.is_symlink() {
                std::fs::read_link(&path).unwrap().into_os_string().into_vec()
            } else if metadata.is_dir() {
                folders.push(path.clone());
                Vec::new()
            } else {
                std::fs::read(&path).unwrap()
            };
            found.insert(path.strip_prefix(folder).unwrap().to_owned(), (metadata.permissions().mode(), content));
        }
    }
    found
}

fn files_are_those_that_stock_git_writes(engine: &dyn Engine) {
    let repository = Repository::new();
    let attributes = b"*.crlf text eol=crlf\n*.auto text=auto eol=crlf\n*.old crlf\n*.raw -text\n*.id ident\n\
        *.u16 working-tree-encoding=UTF-16 text eol=crlf\n*.l1 working-tree-encoding=ISO-8859-1\n\
        *.odd working-tree-encoding=none-such\n*.lfs filter=lfs\n*.b binary\n[attr]win text eol=crlf\n*.win win\n";
    let mut files: Vec<(&str, &str, &[u8])> = vec![
        ("100644", ".gitattributes", attributes),
        ("100644", "deep/.gitattributes", b"*.crlf -text\n*.plain text eol=crlf\n"),
        ("100755", "run.sh", b"#!/bin/sh\n"),
        ("120000", "link", b"run.sh"),
        ("120000", "deep/dangling", b"../no where"),
        ("160000", "deep/module", b"not a commit, but nobody looks"),
        ("100644", "a name\twith \"quotes\"\\and\u{e9}", b"x"),
        ("100644", "deep/er/and/deeper/empty", b""),
        ("100644", "deep.file", b"sorts between deep and deep/"),
        ("100644", "x.lfs", b"version https://git-lfs.github.com/spec/v1\n"),
        ("100644", "not-utf8.u16", b"a\xff\n"),
    ];
    let contents: [(&str, &[u8]); 5] = [
        ("lf", b"a\nb\n"),
        ("crlf", b"a\r\nb\n"),
        ("cr", b"a\rb\n"),
        ("nul", b"a\0\nb\n"),
        ("id", "$Id$ é $Id: old $\n".as_bytes()),
    ];
    let suffixes = ["crlf", "auto", "old", "raw", "id", "u16", "l1", "odd", "b", "win", "plain", "none"];
    let names: Vec<_> = ["", "deep/"]
        .iter()
        .flat_map(|folder| suffixes.iter().map(move |suffix| (folder, suffix)))
        .flat_map(|(folder, suffix)| {
            contents.iter().map(move |(name, content)| (format!("{folder}{name}.{suffix}"), *content))
        })
        .collect();
    files.extend(names.iter().map(|(name, content)| ("100644", name.as_str(), *content)));
    let commit = repository.commit_of(&files);

    let expected = tempfile::tempdir().unwrap();
    let work_tree = format!("--work-tree={}", expected.path().display());
    repository.git(&["-c", "core.bare=false", &work_tree, "checkout", "--quiet", "-f", &commit.to_string()], b"");
    let index_of_git = repository.git(&["ls-files", "--stage", "-z"], b"");

    let (worktree, checked_out) = repository.check_out(engine, commit).unwrap();
    assert_eq!(listing(worktree.path()), listing(expected.path()));
    assert_eq!(checked_out.files, files.len() as u64 - 1);
    assert_eq!(repository.git(&["ls-files", "--stage", "-z"], b""), index_of_git);
}

fn the_index_knows_the_files_by_their_stat_data(engine: &dyn Engine) {
    let repository = Repository::new();
    let commit = repository.commit_of(&[
        ("100644", "a/b", b"x"),
        ("100755", "c", b"y"),
        ("120000", "l", b"a"),
        ("160000", "s", b""),
    ]);
    let (worktree, _) = repository.check_out(engine, commit).unwrap();
    let work_tree = format!("--work-tree={}", worktree.path().display());
    // It exits with 1 where a file is not known by its stat data, without a look at its content.
    repository.git(&["-c", "core.bare=false", &work_tree, "diff-files", "--quiet"], b"");
    let debug = repository.git(&["ls-files", "--debug", "c"], b"");
    assert!(debug.contains("size: 1"), "{debug}");
}

fn hostile_trees_are_refused_before_anything_is_written(engine: &dyn Engine) {
    let repository = Repository::new();
    let blob = repository.blob(b"evil");
    let file = |name: &[u8]| repository.tree(&[("100644", name, &blob)]);
    let folder = |name: &[u8]| repository.tree(&[("40000", name, &file(b"config"))]);
    let link = |name: &[u8]| repository.tree(&[("120000", name, &blob)]);
    let both = |mode: &str, name: &[u8], other: &str| {
        repository.tree(&[(mode, name, &blob), ("40000", name, &file(other.as_bytes()))])
    };
    let mut trees = vec![
        ("link and folder of one name", both("120000", b"a", "b")),
        ("file and folder of one name", both("100644", b"a", "b")),
        ("one name twice", repository.tree(&[("100644", b"a", &blob), ("100644", b"a", &blob)])),
        (
            "file and folder apart",
            repository.tree(&[("120000", b"a", &blob), ("100644", b"a.", &blob), ("40000", b"a", &file(b"b"))]),
        ),
        ("empty name", file(b"")),
        ("name with a slash", file(b"a/b")),
        ("name that leaves", file(b"a/../../b")),
        ("absolute name", file(b"/etc/passwd")),
        ("linked .gitmodules", link(b".gitmodules")),
        ("linked .GITMODULES", link(b".GitModules")),
        ("linked gitmod~1", link(b"gitmod~1")),
    ];
    let names: [&[u8]; 18] = [
        b".git",
        b".GIT",
        b".Git",
        b"..",
        b".",
        b"git~1",
        b"GIT~1",
        b".git ",
        b".git.",
        b".git. .",
        b".git::$INDEX_ALLOCATION",
        b".git:stream",
        ".g\u{200c}it".as_bytes(),
        "\u{feff}.git".as_bytes(),
        ".gi\u{200d}T".as_bytes(),
        b".git\\config",
        b"a\\.git\\config",
        b"..\\a",
    ];
    for name in names {
        trees.push(("name of a file", file(name)));
        trees.push(("name of a folder", folder(name)));
        trees.push(("name of a link", link(name)));
        trees.push(("name below", repository.tree(&[("40000", b"sub", &file(name))])));
    }
    for (what, tree) in trees {
        let commit = repository.commit(&tree);
        let worktree = tempfile::tempdir().unwrap();
        let checkout = Checkout { git_dir: repository.folder(), worktree: worktree.path(), commit };
        let error = engine.checkout(&quiet(), &checkout).expect_err(&format!("{what} {tree}"));
        assert_eq!(error.kind(), ErrorKind::HostileTree, "{what}: {error}");
        assert_eq!(listing(worktree.path()), BTreeMap::new(), "{what}");
        assert!(!repository.folder().join("index").exists(), "{what}");
    }
}

fn a_tree_beyond_a_limit_is_refused(engine: &dyn Engine) {
    let repository = Repository::new();
    // 10,000 levels: what walks them by calling itself would use up its stack.
    let path = ["d"; 10_000].join("/");
    let import = format!(
        "commit refs/heads/deep\ncommitter n <e@example.com> 0 +0000\ndata 0\nM 100644 inline {path}\ndata 1\nx\n"
    );
    repository.git(&["fast-import", "--quiet"], import.as_bytes());
    let deep: ObjectId = repository.git(&["rev-parse", "refs/heads/deep"], b"").parse().unwrap();
    // A handful of trees that name 10 billion files.
    let mut wide = repository.tree(&[("100644", b"f", &repository.blob(b"x"))]);
    for _ in 0..10 {
        let names: Vec<_> = (0..10).map(|digit| format!("d{digit}")).collect();
        let entries: Vec<_> = names.iter().map(|name| ("40000", name.as_bytes(), wide.as_str())).collect();
        wide = repository.tree(&entries);
    }
    let wide = repository.commit(&wide);
    let small = repository.commit_of(&[("100644", "a/b/c/long-name", b"x")]);
    let limits = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        limits
    };
    let few = limits(|limits| limits.entries = 10_000);
    let cases = [
        (deep, Limits::default(), "depth"),
        (deep, limits(|limits| limits.depth = u64::MAX), "path_bytes"),
        (wide, few, "entries"),
        (small, limits(|limits| limits.entries = 3), "entries"),
        (small, limits(|limits| limits.path_bytes = 14), "path_bytes"),
        (small, limits(|limits| limits.depth = 2), "depth"),
    ];
    for (commit, limits, name) in cases {
        let mut context = quiet();
        context.limits = limits;
        let worktree = tempfile::tempdir().unwrap();
        let checkout = Checkout { git_dir: repository.folder(), worktree: worktree.path(), commit };
        let error = engine.checkout(&context, &checkout).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
        assert!(error.help().unwrap().contains(&format!("Limits::{name};")), "{error:?}");
        assert_eq!(listing(worktree.path()), BTreeMap::new(), "{name}");
    }
    let mut context = quiet();
    context.limits = limits(|limits| (limits.entries, limits.path_bytes, limits.depth) = (4, 15, 3));
    let worktree = tempfile::tempdir().unwrap();
    let checkout = Checkout { git_dir: repository.folder(), worktree: worktree.path(), commit: small };
    assert_eq!(engine.checkout(&context, &checkout).unwrap().files, 1);
}

fn a_missing_object_is_reported_as_damage(engine: &dyn Engine) {
    let repository = Repository::new();
    let missing = "1234567890123456789012345678901234567890";
    let commit = repository.commit(&repository.tree(&[("100644", b"a", missing)]));
    let error = repository.check_out(engine, commit).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("the content of \"a\""), "{error}");
    let blob_as_tree = repository.commit(&repository.tree(&[("40000", b"a", &repository.blob(b"x"))]));
    assert_eq!(repository.check_out(engine, blob_as_tree).unwrap_err().kind(), ErrorKind::Corrupt);
}

fn no_filter_of_a_configuration_is_run(engine: &dyn Engine) {
    let repository = Repository::new();
    let ran = repository.folder().join("ran");
    let command = format!("touch {}", ran.display());
    for key in ["filter.x.smudge", "filter.x.process", "filter.x.clean"] {
        repository.git(&["config", key, &command], b"");
    }
    let commit = repository.commit_of(&[("100644", ".gitattributes", b"* filter=x\n"), ("100644", "a", b"as it is")]);
    let (worktree, _) = repository.check_out(engine, commit).unwrap();
    assert_eq!(std::fs::read(worktree.path().join("a")).unwrap(), b"as it is");
    assert!(!ran.exists());
}

fn counts_grow_to_the_total_and_cancelling_stops(engine: &dyn Engine) {
    let repository = Repository::new();
    let names: Vec<_> = (0..500).map(|number| format!("{}/{number}", number % 7)).collect();
    let files: Vec<_> = names.iter().map(|name| ("100644", name.as_str(), name.as_bytes())).collect();
    let commit = repository.commit_of(&files);
    let counts = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = counts.clone();
    let progress = Progress::new(
        Some(Arc::new(move |event: &Event| match event {
            Event::CheckingOut { files, total } => seen.lock().unwrap().push((*files, *total)),
            other => panic!("{other:?}"),
        })),
        CancelToken::new(),
    );
    let worktree = tempfile::tempdir().unwrap();
    let checkout = Checkout { git_dir: repository.folder(), worktree: worktree.path(), commit };
    engine.checkout(&context(progress, CancelToken::new()), &checkout).unwrap();
    let counts = counts.lock().unwrap();
    assert!(counts.is_sorted());
    assert_eq!(counts.last(), Some(&(500, 500)));

    let cancel = CancelToken::new();
    cancel.cancel();
    let worktree = tempfile::tempdir().unwrap();
    let checkout = Checkout { git_dir: repository.folder(), worktree: worktree.path(), commit };
    let error = engine.checkout(&context(Progress::new(None, cancel.clone()), cancel), &checkout).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

fn an_occupied_worktree_is_not_overwritten(engine: &dyn Engine) {
    let repository = Repository::new();
    let commit = repository.commit_of(&[("100644", "a", b"new")]);
    let worktree = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("target");
    std::os::unix::fs::symlink(&target, worktree.path().join("a")).unwrap();
    let checkout = Checkout { git_dir: repository.folder(), worktree: worktree.path(), commit };
    engine.checkout(&quiet(), &checkout).unwrap_err();
    assert!(!target.exists());
    assert_eq!(OsString::from("a"), std::fs::read_dir(worktree.path()).unwrap().next().unwrap().unwrap().file_name());
}

macro_rules! for_each_engine {
    ($($name:ident)+) => {
        #[cfg(feature = "gitoxide")]
        mod gitoxide {
            $(#[test] fn $name() { super::$name(&crate::Gitoxide::default()) })+
        }

        #[cfg(feature = "libgit2")]
        mod libgit2 {
            $(#[test] fn $name() { super::$name(&crate::Libgit2::default()) })+
        }
    };
}

for_each_engine! {
    files_are_those_that_stock_git_writes
    the_index_knows_the_files_by_their_stat_data
    hostile_trees_are_refused_before_anything_is_written
    a_tree_beyond_a_limit_is_refused
    a_missing_object_is_reported_as_damage
    no_filter_of_a_configuration_is_run
    counts_grow_to_the_total_and_cancelling_stops
    an_occupied_worktree_is_not_overwritten
}

#[test]
fn each_step_sees_what_the_one_before_made() {
    let rules = Rules {
        ident: true,
        line_endings: LineEndings::Crlf,
        encoding: Some(Encoding::Utf16 { mark: false, big: false }),
    };
    let id = ObjectId::from_bytes([1; 20]);
    assert_eq!(rules.to_worktree(b"a\n", id).as_ref(), b"a\0\r\0\n\0");
    assert!(matches!(Rules::default().to_worktree(b"a\n", id), Cow::Borrowed(_)));
}

#[test]
fn a_value_that_is_none_of_gits_says_nothing() {
    let odd = Some(Value::Text(b"odd"));
    assert_eq!(Rules::new([odd, None, odd, odd, odd], Configuration::default()), Rules::default());
}
