//! A sandbox with a repository of the test's own, and the examples as programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use codecommit_sandbox::{FOREIGN_VARIABLES, Sandbox};
use tempfile::TempDir;

/// A world of its own for each test: a repository `app`, the servers, and an empty folder to work in.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    source: TempDir,
    home: TempDir,
}

impl World {
    /// A repository of a few files, an executable and a link among them.
    pub(crate) fn new() -> Self {
        let source = tempfile::tempdir().unwrap();
        git(source.path(), &["init", "--quiet", "--initial-branch=main"]);
        let world = Self {
            sandbox: Sandbox::scenario().repository("app", source.path().join(".git")).start().unwrap(),
            source,
            home: tempfile::tempdir().unwrap(),
        };
        let files: Vec<_> = (0..20).map(|n| (format!("src/part-{n}.txt"), format!("part {n}\n").repeat(50))).collect();
        for (name, content) in &files {
            world.write(name, content);
        }
        world.write("version", "1\n");
        world.write("bin/start", "#!/bin/sh\nexec true\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::{PermissionsExt, symlink};
            let start = world.source.path().join("bin/start");
            fs::set_permissions(start, fs::Permissions::from_mode(0o755)).unwrap();
            symlink("bin/start", world.source.path().join("run")).unwrap();
        }
        world.commit("First");
        world
    }

    /// Writes a file of the repository; [`commit`](Self::commit) makes it part of the history.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.source.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Commits everything and returns the commit's id.
    pub(crate) fn commit(&self, message: &str) -> String {
        git(self.source.path(), &["add", "--all", "."]);
        git(self.source.path(), &["commit", "--quiet", "--allow-empty", "--message", message]);
        self.head()
    }

    /// The id of the newest commit.
    pub(crate) fn head(&self) -> String {
        git(self.source.path(), &["rev-parse", "HEAD"])
    }

    /// Runs git in the repository that is served.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git(self.source.path(), arguments)
    }

    /// The repository that is served, without its worktree.
    pub(crate) fn repository(&self) -> PathBuf {
        self.source.path().join(".git")
    }

    /// A path in the folder to work in.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.home.path().join(name)
    }

    /// An example, with the sandbox's environment and nothing of the user's, in the folder to work in.
    pub(crate) fn command(&self, example: &str) -> Command {
        self.command_at(&program(example))
    }

    /// Any program, as [`command`](Self::command) has it.
    pub(crate) fn command_at(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for name in FOREIGN_VARIABLES {
            command.env_remove(name);
        }
        command.envs(self.sandbox.env()).env("HOME", self.home.path()).current_dir(self.home.path());
        command
    }

    pub(crate) fn run(&self, example: &str, arguments: &[&str]) -> Output {
        self.command(example).args(arguments).output().unwrap()
    }

    /// The standard output of an example that succeeds.
    pub(crate) fn good(&self, example: &str, arguments: &[&str]) -> String {
        let output = self.run(example, arguments);
        assert!(output.status.success(), "{example} {arguments:?}: {output:?}");
        text(&output.stdout)
    }

    /// Every file below a folder of [`path`](Self::path).
    pub(crate) fn tree_of(&self, folder: impl AsRef<Path>) -> BTreeMap<String, String> {
        tree(&self.path(folder))
    }

    /// Every file of the newest commit, as it stands in the repository's own folder.
    pub(crate) fn tree_of_head(&self) -> BTreeMap<String, String> {
        tree(self.source.path())
    }
}

/// The file of an example, which cargo builds along with the tests.
pub(crate) fn program(example: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let path = here.parent().unwrap().with_file_name("examples").join(example);
    assert!(path.exists(), "{} is not built: run cargo test -p clone-by-role-examples, without --test", path.display());
    path
}

/// The commands that the workspace installs.
pub(crate) fn commands() -> Vec<String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/clone-by-role-cli/Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    let bins = manifest.split("[[bin]]").skip(1);
    let names = bins.map(|bin| bin.split("name = \"").nth(1).unwrap().split('"').next().unwrap().to_owned());
    names.chain(["codecommit-sandbox".to_owned()]).collect()
}

/// The file of one of [`commands`]. `cargo test --workspace` builds them; where cargo was told to test this package alone, they
/// are built here, unless they are newer than their sources.
pub(crate) fn built(name: &str) -> PathBuf {
    static READY: OnceLock<PathBuf> = OnceLock::new();
    let folder = READY.get_or_init(|| {
        let folder = program("deploy").parent().unwrap().parent().unwrap().to_owned();
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        if !commands().iter().all(|name| is_current(&folder.join(name))) {
            let mut cargo = Command::new(env!("CARGO"));
            // What cargo set for this test would have build scripts run again.
            for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_")) {
                if !["CARGO_HOME", "CARGO_BUILD_JOBS"].iter().any(|kept| name == *kept) {
                    cargo.env_remove(name);
                }
            }
            cargo.args(["build", "--package", "clone-by-role-cli", "--package", "codecommit-sandbox"]);
            cargo.current_dir(&workspace).env("CARGO_TARGET_DIR", folder.parent().unwrap());
            if folder.ends_with("release") {
                cargo.arg("--release");
            }
            assert!(cargo.status().unwrap().success(), "the commands cannot be built");
        }
        folder
    });
    folder.join(name)
}

/// Whether one of [`commands`] is newer than what it is made of.
fn is_current(program: &Path) -> bool {
    let Ok(built) = fs::metadata(program).and_then(|file| file.modified()) else { return false };
    let of_sandbox: &[&str] = &["codecommit-sandbox"];
    let of_command: &[&str] = &["clone-by-role-cli", "clone-by-role", "role-chain", "codecommit-auth"];
    let crates = if program.ends_with("codecommit-sandbox") { of_sandbox } else { of_command };
    let mut folders: Vec<PathBuf> = crates
        .iter()
        .map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates").join(name).join("src"))
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let found = entry.metadata().unwrap();
            if found.is_dir() {
                folders.push(entry.path());
            } else if found.modified().unwrap() > built {
                return false;
            }
        }
    }
    true
}

/// What stands at each path below a folder, `.git` left out: kind, mode and content in words.
pub(crate) fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            let kind = fs::symlink_metadata(&path).unwrap();
            if kind.is_symlink() {
                found.insert(name, format!("link to {}", fs::read_link(&path).unwrap().display()));
            } else if kind.is_dir() {
                if name != ".git" {
                    folders.push(path);
                }
            } else {
                let mode = if is_executable(&kind) { "executable" } else { "file" };
                found.insert(name, format!("{mode}: {}", String::from_utf8_lossy(&fs::read(&path).unwrap())));
            }
        }
    }
    found
}

#[cfg(unix)]
fn is_executable(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    found.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.test", "-C"])
        .arg(folder)
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env_remove("GIT_DIR")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", text(&output.stderr));
    text(&output.stdout).trim().to_owned()
}

/// The folder of cloud-init and systemd-analyze; `None` where they cannot be had.
pub(crate) fn instance_tools() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(|| tools("instance-tools", "REQUIRE_INSTANCE_TOOLS")).as_deref()
}

/// The folder of cfn-lint and of the Python that has botocore and moto; `None` where they cannot be had.
pub(crate) fn judges() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(|| tools("python-oracles", "REQUIRE_ORACLES")).as_deref()
}

/// Has `scripts/NAME` find outside tools. Where it cannot, that is printed, or a failure where `required` is set to 1.
fn tools(name: &str, required: &str) -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts").join(name);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let said = match Command::new("sh").arg(script).arg(target.join(name)).env("CARGO_TARGET_DIR", target).output() {
        Ok(output) if output.status.success() => return Some(PathBuf::from(text(&output.stdout).trim())),
        Ok(output) => text(&output.stderr),
        Err(error) => error.to_string(),
    };
    let required = std::env::var_os(required).is_some_and(|value| value != "0" && !value.is_empty());
    assert!(!required, "scripts/{name} is required here, and finds no tools: {said}");
    eprintln!("SKIPPED: scripts/{name} finds no tools: {said}");
    None
}
