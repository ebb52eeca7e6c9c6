//! Stock git's clone, and what a clone is compared by.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Git;
use super::case::{Case, Target};
use crate::Outcome;

/// Does with stock git what the case asks for.
pub(crate) fn clone(git: &Git, case: &Case, url: &str, commit: &str, into: &Path) {
    let into_text = into.to_str().expect("the folder's name is UTF-8");
    let depth = case.depth.map(|depth| format!("--depth={depth}"));
    if let (Target::Commit(_), true) = (&case.target, case.single_branch || case.depth.is_some()) {
        return fetch_commit(git, case, url, commit, into_text);
    }
    let mut arguments = vec!["clone", "-q"];
    match case.target {
        Target::Branch(name) | Target::Rev(name) => arguments.extend(["--branch", name]),
        Target::Commit(_) if !case.bare => arguments.push("--no-checkout"),
        Target::Default | Target::Commit(_) => {}
    }
    arguments.extend(depth.as_deref());
    arguments.extend(case.single_branch.then_some("--single-branch"));
    arguments.extend(case.bare.then_some("--bare"));
    arguments.extend(["--", url, into_text]);
    git.says(&arguments);
    if let Target::Commit(_) = case.target {
        detach(case, commit, into);
    }
}

/// As `git clone --revision` of newer versions does: one commit, no refs, no refspec.
fn fetch_commit(git: &Git, case: &Case, url: &str, commit: &str, into: &str) {
    let mut init = vec!["init", "-q", into];
    init.extend(case.bare.then_some("--bare"));
    git.says(&init);
    git.says(&["-C", into, "config", "remote.origin.url", url]);
    let depth = case.depth.map(|depth| format!("--depth={depth}"));
    let mut arguments = vec!["-C", into, "fetch", "-q", "--no-tags"];
    arguments.extend(depth.as_deref());
    arguments.extend(["origin", commit]);
    git.says(&arguments);
    let head: &[&str] = if case.bare { &["update-ref", "--no-deref", "HEAD"] } else { &["checkout", "-q", "--detach"] };
    git.says(&[&["-C", into], head, &[commit]].concat());
}

/// Moves `HEAD` from the branch that `git clone` put it on to the commit; of the branch nothing is left.
fn detach(case: &Case, commit: &str, into: &Path) {
    let git = Git::at(into);
    if case.bare {
        git.says(&["update-ref", "--no-deref", "HEAD", commit]);
        return;
    }
    let branch = git.says(&["symbolic-ref", "--short", "HEAD"]);
    git.says(&["checkout", "-q", "--detach", commit]);
    git.says(&["branch", "-q", "-D", &branch]);
}

/// All of a clone that users and programs see.
pub(crate) struct Snapshot {
    facets: BTreeMap<&'static str, String>,
    files: u64,
}

impl Snapshot {
    pub(crate) fn take(clone: &Path, bare: bool) -> Self {
        let git = Git::at(clone);
        let mut facets = BTreeMap::new();
        // `HEAD` may be on no branch, and may have no commit: both fail then, and say nothing.
        let asked = |arguments: &[&str]| String::from_utf8_lossy(&git.run(arguments).stdout).trim_end().to_owned();
        facets.insert("the branch of HEAD", asked(&["symbolic-ref", "-q", "HEAD"]));
        facets.insert("the commit of HEAD", asked(&["rev-parse", "-q", "--verify", "HEAD^{commit}"]));
        let format = "--format=%(refname) %(objectname) %(*objectname) %(symref)";
        facets.insert("refs", git.says(&["for-each-ref", format]));
        facets.insert("configuration", sorted(&git.says(&["config", "--local", "--list"])));
        facets.insert("history", git.says(&["rev-list", "--all", "--parents", "--topo-order"]));
        let everything = ["cat-file", "--batch-all-objects", "--batch-check", "--unordered"];
        facets.insert("objects", sorted(&git.says(&everything)));
        let git_dir = if bare { clone.to_owned() } else { clone.join(".git") };
        facets.insert("shallow", sorted(&fs::read_to_string(git_dir.join("shallow")).unwrap_or_default()));
        let fsck = git.run(&["fsck", "--full"]);
        let said = [fsck.stdout, fsck.stderr].concat();
        facets.insert("fsck", format!("{}\n{}", fsck.status, sorted(&String::from_utf8_lossy(&said))));
        let mut files = BTreeMap::new();
        if !bare {
            // Does not refresh the index: a file whose dates or size it has wrong is listed.
            facets.insert("files that the index takes for changed", git.says(&["diff-files", "--name-only"]));
            facets.insert("index", git.says(&["ls-files", "--stage"]));
            facets.insert("status", git.says(&["status", "--porcelain=v2", "--branch", "--ignored"]));
            walk(clone, clone, &mut files);
        }
        let written = files.values().filter(|what| !what.starts_with("folder")).count();
        facets.insert("files", files.iter().map(|(name, what)| format!("{name}: {what}\n")).collect());
        Self { facets, files: written as u64 }
    }

    /// Fails where `git status` or `git fsck` find something.
    pub(crate) fn assert_sound(&self, whose: &str) {
        let changes = self.facets.get("status").into_iter().flat_map(|status| status.lines());
        let changes: Vec<_> = changes.filter(|line| !line.starts_with('#')).collect();
        assert!(changes.is_empty(), "{whose} is not clean: {changes:?}");
        assert!(self.facets["fsck"].starts_with("exit status: 0\n"), "{whose}: {}", self.facets["fsck"]);
    }

    pub(crate) fn assert_same(&self, theirs: &Self) {
        let differing: Vec<_> =
            theirs.facets.iter().filter(|(facet, theirs)| self.facets[*facet] != **theirs).collect();
        let report: String = differing
            .iter()
            .map(|(facet, theirs)| format!("\n== {facet}\n{}", difference(&self.facets[*facet], theirs)))
            .collect();
        assert!(differing.is_empty(), "the engine's clone (+) differs from stock git's (-) in:{report}");
    }

    /// Fails where the outcome tells something else than what is there.
    pub(crate) fn assert_told_by(&self, outcome: &Outcome) {
        let commit = if outcome.commit().is_null() { String::new() } else { outcome.commit().to_string() };
        assert_eq!(commit, self.facets["the commit of HEAD"]);
        let branch = self.facets["the branch of HEAD"].strip_prefix("refs/heads/");
        assert_eq!(outcome.branch(), branch);
        assert_eq!(outcome.files(), self.files);
        assert_eq!(outcome.objects() == 0, self.facets["objects"].is_empty());
        assert_eq!(outcome.bytes() == 0, self.facets["objects"].is_empty());
    }
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// The lines that only one of the two has, at most 20 of each.
fn difference(ours: &str, theirs: &str) -> String {
    let only = |these: &str, those: &str, sign| -> String {
        let lines = these.lines().filter(|line| !those.lines().any(|other| other == *line));
        lines.take(20).map(|line| format!("{sign} {line}\n")).collect()
    };
    only(theirs, ours, '-') + &only(ours, theirs, '+')
}

/// Everything under a folder but `.git`: by its name, what it is, its mode, and what is in it.
fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let name = path.strip_prefix(root).expect("it lies below");
        if name == Path::new(".git") {
            continue;
        }
        let metadata = path.symlink_metadata().expect("it is there");
        let mode = metadata.permissions().mode() & 0o7777;
        let what = if metadata.is_symlink() {
            format!("link to {:?}", fs::read_link(&path).expect("it is a link"))
        } else if metadata.is_dir() {
            walk(root, &path, found);
            format!("folder {mode:o}")
        } else {
            format!("file {mode:o} {:?}", String::from_utf8_lossy(&fs::read(&path).expect("it is a file")))
        };
        found.insert(format!("{name:?}"), what);
    }
}
