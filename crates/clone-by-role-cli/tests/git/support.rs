//! A sandbox, a home, and every git of this machine.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use codecommit_sandbox::{Sandbox, SandboxBuilder};
use tempfile::TempDir;

pub(crate) const HELPER: &str = env!("CARGO_BIN_EXE_git-credential-codecommit");

/// The host of the region that the sandbox serves.
pub(crate) const HOST: &str = "git-codecommit.ap-northeast-1.amazonaws.com";

pub(crate) struct Desk {
    pub(crate) sandbox: Sandbox,
    pub(crate) home: TempDir,
    git: PathBuf,
}

impl Desk {
    /// The scenario with two repositories that RoleB may pull from and push to.
    pub(crate) fn new(more: impl FnOnce(SandboxBuilder) -> SandboxBuilder) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut sandbox = Sandbox::scenario();
        for name in ["app", "lib"] {
            let bare = served(home.path(), name);
            sandbox = sandbox.repository(name, bare).grant_pull("RoleB", name).grant_push("RoleB", name);
        }
        Self { sandbox: more(sandbox).start().unwrap(), home, git: "git".into() }
    }

    pub(crate) fn with_git(mut self, git: &Path) -> Self {
        self.git = git.to_owned();
        self
    }

    /// What git's configuration is to say.
    pub(crate) fn configure(self, settings: &str) -> Self {
        let who = "[user]\n\tname = Test\n\temail = test@example.test\n";
        fs::write(self.path(".gitconfig"), format!("{who}{settings}")).unwrap();
        self
    }

    /// git's configuration as the README has it, for the sandbox's endpoint and these flags.
    pub(crate) fn with_helper(self, flags: &str) -> Self {
        let endpoint = self.sandbox.codecommit_endpoint();
        self.configure(&format!(
            "[credential \"{endpoint}\"]\n\thelper =\n\thelper = codecommit {flags}\n\tuseHttpPath = true\n"
        ))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A program in the sandbox's environment alone, with this project's commands in the PATH.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let own = Path::new(HELPER).parent().unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let first = self.git.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folders = [own].into_iter().chain(first).map(Path::to_owned).chain(std::env::split_paths(&path));
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .envs(self.sandbox.env())
            .env("PATH", std::env::join_paths(folders).unwrap())
            .env("HOME", self.home.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .current_dir(self.home.path());
        command
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.git);
        command.args(arguments);
        command
    }

    /// What git says where it is content.
    pub(crate) fn good(&self, arguments: &[&str]) -> String {
        let output = self.git(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What git complains of where it is not.
    pub(crate) fn bad(&self, arguments: &[&str]) -> String {
        let output = self.git(arguments).output().unwrap();
        assert!(!output.status.success(), "git {arguments:?} succeeded");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The credential helper's answer to these bytes.
    pub(crate) fn ask(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(HELPER);
        command.args(arguments);
        feed(command, input)
    }

    /// What git sends for one of the sandbox's repositories.
    pub(crate) fn request(&self, name: &str) -> String {
        let endpoint = self.sandbox.codecommit_endpoint();
        let host = endpoint.trim_start_matches("https://");
        format!("protocol=https\nhost={host}\npath=v1/repos/{name}\n\n")
    }
}

/// What `command` does with these bytes on its standard input.
pub(crate) fn feed(mut command: Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    // Wrong usage ends it before it reads.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// The answer's value of a key.
pub(crate) fn value<'a>(answer: &'a str, key: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

/// Each git of the PATH, one of each version.
pub(crate) fn gits() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<(Vec<u8>, PathBuf)> = Vec::new();
    for git in std::env::split_paths(&path).map(|folder| folder.join("git")).filter(|git| git.is_file()) {
        let version = Command::new(&git).arg("--version").output().unwrap().stdout;
        if found.iter().all(|(known, _)| *known != version) {
            found.push((version, git));
        }
    }
    assert!(!found.is_empty(), "there is no git");
    found.into_iter().map(|(_, git)| git).collect()
}

/// A bare repository of three commits, as a server has it.
fn served(home: &Path, name: &str) -> PathBuf {
    let source = home.join(format!("{name}.source"));
    let bare = home.join(format!("{name}.git"));
    fs::create_dir(&source).unwrap();
    let git = |folder: &Path, arguments: &[&str]| {
        let mut git = Command::new("git");
        git.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        git.env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1").current_dir(folder);
        git.args(["-c", "user.name=Test", "-c", "user.email=test@example.test"]);
        assert!(git.args(arguments).status().unwrap().success(), "{arguments:?}");
    };
    git(&source, &["init", "-q", "-b", "main"]);
    for number in 1..=3 {
        fs::write(source.join("file"), format!("{name} {number}\n")).unwrap();
        git(&source, &["add", "."]);
        git(&source, &["commit", "-q", "-m", &format!("Commit {number}")]);
    }
    git(home, &["clone", "-q", "--bare", source.to_str().unwrap(), bare.to_str().unwrap()]);
    bare
}
