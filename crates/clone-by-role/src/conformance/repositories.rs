//! The repositories of the cases.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::Repository;

/// Eight commits with a merge, three branches, tags of every kind, and refs that no clone takes.
pub(crate) fn history(repository: &Repository) {
    for number in 1..=3 {
        repository.write("file.txt", format!("line {number}\n").repeat(50));
        repository.write(format!("folder/{number}.txt"), format!("{number}\n"));
        repository.commit(&format!("Commit {number}"));
    }
    repository.git(&["tag", "-a", "-m", "The first release", "v1.0", "HEAD~1"]);
    repository.git(&["tag", "-a", "-m", "A tag of a tag", "nested", "v1.0"]);
    repository.git(&["checkout", "-q", "-b", "feature/x", "HEAD~1"]);
    for number in 4..=5 {
        repository.write("feature.txt", format!("{number}\n"));
        repository.commit(&format!("Commit {number} of the feature"));
    }
    repository.git(&["tag", "-a", "-m", "On a side branch", "side"]);
    repository.git(&["branch", "other", "HEAD~1"]);
    repository.git(&["checkout", "-q", "main"]);
    repository.git(&["merge", "-q", "--no-ff", "-m", "Merge", "other"]);
    repository.git(&["tag", "light"]);
    repository.write("file.txt", "the last\n");
    repository.commit("The last commit");
    repository.git(&["tag", "-a", "-m", "At the tip", "v2.0"]);
    repository.git(&["branch", "both", "v1.0"]);
    repository.git(&["tag", "both", "feature/x"]);
    repository.git(&["update-ref", "refs/pull/1/head", "feature/x"]);
    repository.git(&["notes", "add", "-m", "A note", "HEAD"]);
}

/// A file that changes a little in each of many commits, packed with deltas.
pub(crate) fn deltas(repository: &Repository) {
    let mut lines: Vec<String> = (0..2_000).map(|line| format!("{line}: {}\n", line * 7_919 % 10_007)).collect();
    for number in 0..30 {
        lines[number * 61] = format!("changed in commit {number}\n");
        repository.write("large.txt", lines.concat());
        repository.commit(&format!("Commit {number}"));
    }
    repository.git(&["repack", "-q", "-a", "-d", "-f", "--depth=20"]);
}

/// Tags of a blob, of a tree, and of a tag of a blob.
pub(crate) fn tags_of_no_commit(repository: &Repository) {
    repository.write("file.txt", "one\n");
    repository.commit("The commit");
    repository.write("stray.txt", "only a tag leads here\n");
    let blob = repository.git(&["hash-object", "-w", "stray.txt"]);
    fs::remove_file(repository.path().join("stray.txt")).expect("the file is there");
    repository.git(&["tag", "blob", &blob]);
    repository.git(&["tag", "-a", "-m", "A blob", "annotated-blob", &blob]);
    repository.git(&["tag", "tree", "HEAD^{tree}"]);
}

/// Nothing but a default branch that has no commit.
pub(crate) fn empty(repository: &Repository) {
    repository.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
}

/// A commit without files.
pub(crate) fn empty_tree(repository: &Repository) {
    repository.commit("Nothing");
}

/// `trunk` is the default branch; `master` is there too, elsewhere.
pub(crate) fn default_branch(repository: &Repository) {
    repository.write("file.txt", "one\n");
    repository.commit("One");
    repository.git(&["branch", "master"]);
    repository.git(&["branch", "another"]);
    repository.git(&["branch", "-m", "main", "trunk"]);
    repository.write("file.txt", "two\n");
    repository.commit("Two");
}

/// Three branches at the commit of `HEAD`: without `symref`, a guess is all that a client has.
pub(crate) fn branches_at_one_commit(repository: &Repository) {
    repository.write("file.txt", "one\n");
    repository.commit("One");
    repository.git(&["branch", "alpha"]);
    repository.git(&["branch", "master"]);
}

/// A default branch whose name is special in a configuration file.
pub(crate) fn branch_that_needs_quoting(repository: &Repository) {
    repository.git(&["symbolic-ref", "HEAD", "refs/heads/wip/#1;\"ä\".β"]);
    repository.write("file.txt", "one\n");
    repository.commit("One");
}

/// `HEAD` on a commit that no branch is at.
pub(crate) fn detached_head(repository: &Repository) {
    repository.write("file.txt", "one\n");
    repository.commit("One");
    repository.git(&["checkout", "-q", "--detach"]);
    repository.write("file.txt", "two\n");
    repository.commit("Two, on no branch");
}

/// `HEAD` on no branch, at a commit that a branch is at.
pub(crate) fn detached_head_at_a_branch(repository: &Repository) {
    repository.write("file.txt", "one\n");
    repository.commit("One");
    repository.git(&["branch", "develop"]);
    repository.write("file.txt", "two\n");
    repository.commit("Two");
    repository.git(&["checkout", "-q", "--detach", "develop"]);
}

/// `HEAD` on a branch that has no commit, beside branches that have.
pub(crate) fn unborn_head(repository: &Repository) {
    repository.write("file.txt", "one\n");
    repository.commit("One");
    repository.git(&["symbolic-ref", "HEAD", "refs/heads/gone"]);
}

/// Programs, links to a file, to a folder, to nothing, out of the clone; an empty and a binary file.
pub(crate) fn modes_and_links(repository: &Repository) {
    repository.write("bin/run", "#!/bin/sh\necho run\n");
    let program = repository.path().join("bin/run");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("the mode can be set");
    repository.write("plain", "plain\n");
    repository.write("empty", "");
    repository.write("binary", (0..=255).cycle().take(70_000).collect::<Vec<u8>>());
    repository.write("a/very/deep/folder/of/folders/file", "deep\n");
    let links = [("link", "plain"), ("folder", "a/very"), ("dangling", "nothing/here"), ("a/out", "../../../outside")];
    for (name, target) in links {
        symlink(target, repository.path().join(name)).expect("the link can be made");
    }
    repository.commit("Modes and links");
}

/// Names that programs stumble over.
pub(crate) fn names(repository: &Repository) {
    let names = [
        "with space",
        " leading",
        "trailing ",
        "tab\there",
        "line\nbreak",
        "quote\"double",
        "quote'single",
        "back\\slash",
        "-dash",
        "#hash",
        "star*",
        "[brackets]",
        "$dollar",
        "semi;colon",
        "perc%20ent",
        "~tilde",
        "git~1x",
        "aux",
        "con.txt",
        "dot.",
        "...",
        "ä composed",
        "a\u{308} decomposed",
        "日本語",
        "🦀",
        "README",
        "readme",
        ".gitx",
        "folder with space/ä/x",
        "sort",
        "sort.txt",
        "sort-x",
        "sort/x.d",
    ];
    for name in names.iter().filter(|name| **name != "sort") {
        repository.write(name, format!("{name}\n"));
    }
    repository.write(OsStr::from_bytes(b"latin-1 \xe4"), "not UTF-8\n");
    repository.write("x".repeat(255), "as long as can be\n");
    repository.commit("Names");
}

/// Attributes that change line endings, in several files and by macros.
pub(crate) fn line_endings(repository: &Repository) {
    repository.write(
        ".gitattributes",
        "*.crlf text eol=crlf\n*.lf text eol=lf\n*.text text\n*.auto text=auto\n*.auto-crlf text=auto eol=crlf\n\
         *.raw -text\n*.bin binary\n[attr]windows text eol=crlf\n*.cmd windows\nexcept.crlf !eol\n*.old crlf\n",
    );
    repository.write("folder/.gitattributes", "*.lf eol=crlf\n/only.txt text eol=crlf\n");
    for name in ["crlf", "lf", "text", "auto", "auto-crlf", "raw", "bin", "cmd", "old", "none"] {
        repository.write(format!("a.{name}"), "one\ntwo\n\nfour, without an end");
        repository.write(format!("folder/b.{name}"), "one\ntwo\n");
    }
    repository.write("except.crlf", "one\ntwo\n");
    repository.write("folder/only.txt", "one\ntwo\n");
    repository.write("folder/deeper/only.txt", "one\ntwo\n");
    repository.write("keeps.raw", "one\r\ntwo\r\n");
    repository.write("keeps.none", "one\r\ntwo\n");
    repository.write("binary.auto-crlf", b"\0one\ntwo\n");
    repository.write("space in.crlf", "one\n");
    repository.commit("Line endings");
}

/// Attributes that change more than line endings, and attributes that say nothing.
pub(crate) fn conversions(repository: &Repository) {
    repository.write(
        ".gitattributes",
        "*.id ident\n*.id-crlf ident text eol=crlf\n*.u16 text working-tree-encoding=UTF-16\n\
             *.u16le-crlf text eol=crlf working-tree-encoding=UTF-16LE-BOM\n*.latin text working-tree-encoding=ISO-8859-1\n\
             *.sjis text working-tree-encoding=SHIFT-JIS\n*.utf8 text working-tree-encoding=UTF-8\n*.lfs filter=lfs -text\n\
             [attr]top text eol=crlf\n*.top top\n*.untop top\n*.untop -top\n\"with space.txt\" eol=crlf\n/anchored/*.txt eol=crlf\n\
             any/**/where.txt eol=crlf\nfolder/ eol=crlf\n!negative eol=crlf\n[bB]racket?.txt eol=crlf\n",
    );
    repository.write("deep/.gitattributes", "[attr]low text eol=crlf\n*.low low\n*.id -ident\n/here.txt eol=crlf\n");
    repository.write("deep/er/.gitattributes", "*.id ident\n*.top !text !eol\n");
    let text = "one $Id$\ntwo $Id: other $\n\u{e4}\u{f6}\n";
    for folder in ["", "deep/", "deep/er/", "deeper/"] {
        for name in ["id", "id-crlf", "utf8", "lfs", "top", "untop", "low", "none"] {
            repository.write(format!("{folder}a.{name}"), text);
        }
        let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        repository.write(format!("{folder}a.u16"), utf16(&format!("\u{feff}{text}")));
        repository.write(format!("{folder}a.u16le-crlf"), utf16(&format!("\u{feff}{}", text.replace('\n', "\r\n"))));
        repository.write(format!("{folder}a.latin"), b"\xe4 $Id$\n");
    }
    repository.write("a.sjis", b"\x83\x65\x83\x58\x83\x67\n");
    let others = ["with space.txt", "anchored/a.txt", "other/anchored/a.txt", "any/where.txt", "any/x/y/where.txt"];
    let more = ["folder/x.txt", "negative", "Bracket1.txt", "bracket.txt", "deep/here.txt", "deep/er/here.txt"];
    for name in others.into_iter().chain(more) {
        repository.write(name, "one\ntwo\n");
    }
    repository.commit("Conversions");
}

/// A commit of another repository in the tree, as submodules have.
pub(crate) fn gitlink(repository: &Repository) {
    repository.write("file.txt", "one\n");
    repository.write(".gitmodules", "[submodule \"sub\"]\n\tpath = sub\n\turl = https://example.test/sub\n");
    let commit = repository.commit("One");
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},sub")]);
    repository.git(&["commit", "-q", "-m", "Add a submodule"]);
}

/// 600 branches and 600 tags, half of them annotated, packed.
pub(crate) fn many_refs(repository: &Repository) {
    for number in 0..3 {
        repository.write("file.txt", format!("{number}\n"));
        repository.commit(&format!("Commit {number}"));
    }
    let mut stream = String::new();
    for number in 0..300 {
        let commit = number % 3;
        let _ = write!(
            stream,
            "reset refs/heads/topic/{number:03}\nfrom refs/heads/main~{commit}\n\n\
             reset refs/heads/other-{number:03}\nfrom refs/heads/main~{commit}\n\n\
             reset refs/tags/light/{number:03}\nfrom refs/heads/main~{commit}\n\n\
             tag annotated-{number:03}\nfrom refs/heads/main~{commit}\n\
             tagger Ada <ada@example.test> 1700000000 +0000\ndata 5\nTag\n\n\n"
        );
    }
    repository.write(".git/stream", stream);
    repository.git(&["-c", "alias.import=!git fast-import --quiet <.git/stream", "import"]);
    repository.git(&["pack-refs", "--all"]);
}
