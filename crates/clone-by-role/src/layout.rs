//! The files of a git directory that are not objects, as stock git writes them.
//!
//! They are plain text with stable formats (gitrepository-layout(5), git-config(1)), so no engine is needed for them and
//! both engines leave the same.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::ObjectId;
use crate::engine::RemoteRef;
use crate::selection::{Head, Selection};

/// Makes `git_dir` an empty repository with no refs, for an engine to receive objects into.
pub(crate) fn init(git_dir: &Path, bare: bool) -> io::Result<()> {
    for folder in ["objects/info", "objects/pack", "refs/heads", "refs/tags", "info", "hooks"] {
        fs::create_dir_all(git_dir.join(folder))?;
    }
    fs::write(git_dir.join("HEAD"), "ref: refs/heads/master\n")?;
    fs::write(git_dir.join("config"), core_section(bare))
}

/// Writes refs, `HEAD`, `config` and reflogs of a finished fetch. `came` are the tags that came along with what was asked.
pub(crate) fn write(
    git_dir: &Path,
    selection: &Selection,
    came: &[RemoteRef],
    url: &str,
    bare: bool,
) -> io::Result<()> {
    let refs = selection.local_refs(came);
    if !refs.is_empty() {
        fs::write(git_dir.join("packed-refs"), packed_refs(&refs))?;
    }
    let log = (!bare).then(|| Reflog::new(url));
    write_head(git_dir, &selection.head, bare, log.as_ref())?;
    if let Some(remote_head) =
        selection.remote_head.as_deref().and_then(|name| name.strip_prefix("refs/heads/")).filter(|_| !bare)
    {
        write_ref(git_dir, "refs/remotes/origin/HEAD", &format!("ref: refs/remotes/origin/{remote_head}\n"))?;
        let tip = refs.iter().find(|local| local.name.strip_prefix("refs/remotes/origin/") == Some(remote_head));
        if let (Some(log), Some(tip)) = (&log, tip) {
            log.append(git_dir, "refs/remotes/origin/HEAD", tip.id)?;
        }
    }
    fs::write(git_dir.join("config"), config(selection, url, bare))
}

fn write_head(git_dir: &Path, head: &Head, bare: bool, log: Option<&Reflog>) -> io::Result<()> {
    let text = match head {
        Head::Branch(name, _) | Head::Unborn(name) => format!("ref: {name}\n"),
        Head::Detached(commit) => format!("{commit}\n"),
    };
    fs::write(git_dir.join("HEAD"), text)?;
    if let (Head::Branch(name, commit), false) = (head, bare) {
        write_ref(git_dir, name, &format!("{commit}\n"))?;
        if let Some(log) = log {
            log.append(git_dir, name, *commit)?;
        }
    }
    match (log, head.commit()) {
        (Some(log), Some(commit)) => log.append(git_dir, "HEAD", commit),
        _ => Ok(()),
    }
}

fn write_ref(git_dir: &Path, name: &str, text: &str) -> io::Result<()> {
    let path = git_dir.join(name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

/// `packed-refs` as git-pack-refs(1) writes it. The refs are sorted by name; those of annotated tags are followed by what
/// they lead to.
fn packed_refs(refs: &[RemoteRef]) -> String {
    let mut text = String::from("# pack-refs with: peeled fully-peeled sorted \n");
    for local in refs {
        let _ = writeln!(text, "{} {}", local.id, local.name);
        if let Some(peeled) = local.peeled {
            let _ = writeln!(text, "^{peeled}");
        }
    }
    text
}

fn core_section(bare: bool) -> String {
    let mut text = format!("[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = {bare}\n");
    if !bare {
        text.push_str("\tlogallrefupdates = true\n");
    }
    text
}

fn config(selection: &Selection, url: &str, bare: bool) -> String {
    let mut text = core_section(bare);
    let _ = write!(text, "[remote \"origin\"]\n\turl = {}\n", quoted(url));
    if let Some(refspec) = &selection.refspec {
        let _ = writeln!(text, "\tfetch = {}", quoted(refspec));
    }
    if let (Some(branch), false) = (selection.head.branch(), bare) {
        let _ = write!(
            text,
            "[branch \"{}\"]\n\tremote = origin\n\tmerge = {}\n",
            escaped(branch),
            quoted(&format!("refs/heads/{branch}"))
        );
    }
    text
}

/// A value of a git configuration file, quoted where git-config(1) asks for it.
fn quoted(value: &str) -> String {
    if !value.contains(['#', ';', '"', '\\']) && value.trim() == value {
        return value.to_owned();
    }
    format!("\"{}\"", escaped(value))
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The first line of each reflog.
struct Reflog {
    time: u64,
    message: String,
}

impl Reflog {
    fn new(url: &str) -> Self {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { time, message: format!("clone: from {url}") }
    }

    fn append(&self, git_dir: &Path, name: &str, id: ObjectId) -> io::Result<()> {
        let from = ObjectId::from_bytes([0; 20]);
        let line =
            format!("{from} {id} clone-by-role <clone-by-role@localhost> {} +0000\t{}\n", self.time, self.message);
        write_ref(&git_dir.join("logs"), name, &line)
    }
}
