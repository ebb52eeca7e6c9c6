//! From a stream of changes to a packed bare repository.

use std::{
    fs,
    io::{self, BufWriter},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::history::{History, Shape};
use crate::{Error, ErrorKind};

/// A file in the repository that tells which sample it is.
const LABEL: &str = "sample.json";

/// What a sample repository consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    objects: u64,
    deltas: u64,
    packed_bytes: u64,
    commits: u64,
    head: String,
}

impl Statistics {
    /// Objects of all kinds.
    pub fn objects(&self) -> u64 {
        self.objects
    }

    /// Those that the pack stores as deltas.
    pub fn deltas(&self) -> u64 {
        self.deltas
    }

    /// The size of the pack.
    pub fn packed_bytes(&self) -> u64 {
        self.packed_bytes
    }

    /// Commits on all branches.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// The commit at the tip of `main`.
    pub fn head(&self) -> &str {
        &self.head
    }
}

pub(super) fn ensure(name: &str, shape: &Shape, directory: &Path) -> Result<Statistics, Error> {
    match fs::read_to_string(directory.join(LABEL)) {
        Err(_) => create(name, shape, directory),
        Ok(label) => match parse_label(name, &label) {
            Some(statistics) => Ok(statistics),
            None if !label.contains("\"sample\"") => create(name, shape, directory),
            None => {
                fs::remove_dir_all(directory).map_err(|e| Error::io("an older sample could not be removed", e))?;
                create(name, shape, directory)
            }
        },
    }
}

pub(super) fn create(name: &str, shape: &Shape, directory: &Path) -> Result<Statistics, Error> {
    let absolute = std::path::absolute(directory).map_err(|e| Error::io("the folder's name makes no sense", e))?;
    let parent = absolute.parent().ok_or_else(|| Error::invalid("a sample cannot be made in the root folder"))?;
    fs::create_dir_all(parent).map_err(|e| Error::io(format!("{} could not be made", parent.display()), e))?;
    let occupied = fs::read_dir(&absolute).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        return Err(Error::invalid(format!("{} is not empty", directory.display())));
    }
    let staging = tempfile::Builder::new().prefix(".sample-").tempdir_in(parent);
    let staging = staging.map_err(|e| Error::io(format!("nothing can be written to {}", parent.display()), e))?;
    let git = Git { repository: staging.path().join("sample.git") };
    git.initialize()?;
    git.import(shape)?;
    git.pack()?;
    let statistics = git.statistics()?;
    let label = statistics.label(name);
    fs::write(git.repository.join(LABEL), label).map_err(|e| Error::io("the sample could not be labelled", e))?;
    if absolute.is_dir() {
        fs::remove_dir(&absolute).map_err(|e| Error::io(format!("{} is in use", directory.display()), e))?;
    }
    match fs::rename(&git.repository, &absolute) {
        Ok(()) => Ok(statistics),
        // Another process was first, with the same sample.
        Err(_) if ensure_label(name, &absolute) => Ok(statistics),
        Err(error) => Err(Error::io(format!("{} could not be made", directory.display()), error)),
    }
}

fn ensure_label(name: &str, directory: &Path) -> bool {
    fs::read_to_string(directory.join(LABEL)).is_ok_and(|label| parse_label(name, &label).is_some())
}

impl Statistics {
    fn label(&self, name: &str) -> String {
        let Self { objects, deltas, packed_bytes, commits, head } = self;
        let label = json!({
            "sample": name, "objects": objects, "deltas": deltas, "packed_bytes": packed_bytes, "commits": commits,
            "head": head,
        });
        format!("{label:#}\n")
    }
}

fn parse_label(name: &str, label: &str) -> Option<Statistics> {
    let label: Value = serde_json::from_str(label).ok()?;
    let number = |key: &str| label.get(key).and_then(Value::as_u64);
    (label.get("sample")? == name).then_some(())?;
    Some(Statistics {
        objects: number("objects")?,
        deltas: number("deltas")?,
        packed_bytes: number("packed_bytes")?,
        commits: number("commits")?,
        head: label.get("head")?.as_str()?.to_owned(),
    })
}

/// git, with nothing of the user's settings, in one repository.
struct Git {
    repository: PathBuf,
}

impl Git {
    fn initialize(&self) -> Result<(), Error> {
        fs::create_dir(&self.repository).map_err(|e| Error::io("the sample's folder could not be made", e))?;
        let options =
            ["init", "--quiet", "--bare", "--initial-branch=main", "--object-format=sha1", "--template=", "."];
        self.run(&options).map(drop)
    }

    fn import(&self, shape: &Shape) -> Result<(), Error> {
        let failed = |error: io::Error| Error::new(ErrorKind::Git, "git fast-import failed").caused_by(error);
        let arguments = ["fast-import", "--quiet", "--done", "--date-format=raw", "--depth=0"];
        let mut child = self.command(&arguments).stdin(Stdio::piped()).spawn().map_err(missing)?;
        let input = child.stdin.take().ok_or_else(|| failed(io::Error::other("it has no input")))?;
        let written = History::new(shape, BufWriter::with_capacity(1 << 18, input)).write();
        let output = child.wait_with_output().map_err(failed)?;
        if !output.status.success() {
            return Err(failed(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())));
        }
        written.map_err(failed)
    }

    /// One pack, by settings that do not depend on the machine, with a bitmap so that clones are served cheaply.
    fn pack(&self) -> Result<(), Error> {
        let settings = [
            "-c",
            "pack.threads=1",
            "-c",
            "pack.compression=6",
            "-c",
            "pack.windowMemory=0",
            "-c",
            "gc.cruftPacks=false",
        ];
        let repack = ["repack", "-a", "-d", "-f", "-q", "--window=10", "--depth=50", "--write-bitmap-index"];
        self.run(&[&settings[..], &repack].concat())?;
        self.run(&["pack-refs", "--all"])?;
        self.run(&["commit-graph", "write", "--reachable"]).map(drop)
    }

    fn statistics(&self) -> Result<Statistics, Error> {
        let pack_folder = self.repository.join("objects/pack");
        let entries = fs::read_dir(&pack_folder).map_err(|e| Error::io("the sample's pack could not be read", e))?;
        let packs: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        let file = |extension: &str| packs.iter().find(|path| path.extension().is_some_and(|e| e == extension));
        let (Some(pack), Some(index)) = (file("pack"), file("idx")) else {
            return Err(Error::new(ErrorKind::Git, "git repack made no pack"));
        };
        let packed_bytes = fs::metadata(pack).map_err(|e| Error::io("the sample's pack could not be read", e))?.len();
        let (objects, deltas) = count(&self.run(&["verify-pack", "--stat-only", &index.to_string_lossy()])?);
        let commits = self.run(&["rev-list", "--count", "--all"])?.trim().parse().unwrap_or(0);
        let head = self.run(&["rev-parse", "refs/heads/main"])?.trim().to_owned();
        Ok(Statistics { objects, deltas, packed_bytes, commits, head })
    }

    fn run(&self, arguments: &[&str]) -> Result<String, Error> {
        let output = self.command(arguments).output().map_err(missing)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        Err(Error::new(ErrorKind::Git, format!("git {} failed", arguments.join(" "))).caused_by(said))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        let foreign =
            std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("GIT_"));
        for name in foreign {
            command.env_remove(name);
        }
        command
            .current_dir(&self.repository)
            .args(arguments)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_DIR", ".")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// Reads `non delta: 11160 objects` and `chain length = 1: 2000 objects`.
fn count(report: &str) -> (u64, u64) {
    let (mut plain, mut deltas) = (0, 0);
    for line in report.lines() {
        let number = line.rsplit(": ").next().and_then(|end| end.split(' ').next()?.parse::<u64>().ok()).unwrap_or(0);
        if line.starts_with("non delta") {
            plain += number;
        } else if line.starts_with("chain length") {
            deltas += number;
        }
    }
    (plain + deltas, deltas)
}

fn missing(error: io::Error) -> Error {
    Error::new(ErrorKind::Git, "git could not be run; is it installed?").caused_by(error)
}
