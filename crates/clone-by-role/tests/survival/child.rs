//! A clone in a process of its own: this test program again, told by its environment to be one.

use std::path::Path;
use std::process::Command;

use clone_by_role::{Authenticate, CloneRequest, Login, Refusal, Result, Verdict};

use super::World;

const URL: &str = "CHILD_URL";
const DESTINATION: &str = "CHILD_DESTINATION";
const CA: &str = "CHILD_CA";
const USER: &str = "CHILD_USER";
const PASSWORD: &str = "CHILD_PASSWORD";
const ENGINE: &str = "CHILD_ENGINE";

/// What begins the line in which a child tells of its clone.
const ANSWER: &str = "the clone: ";

/// The command of a child that clones into `destination`.
pub(crate) fn command(world: &World, engine: &str, destination: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("it has a path"));
    command.args(["child::run", "--exact", "--nocapture"]);
    set_up(&mut command, world, engine, destination);
    command
}

/// The same after a script of the shell, which ends in `exec "$@"`.
pub(crate) fn after(script: &str, world: &World, engine: &str, destination: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(std::env::current_exe().expect("it has a path"));
    command.args(["child::run", "--exact", "--nocapture"]);
    set_up(&mut command, world, engine, destination);
    command
}

fn set_up(command: &mut Command, world: &World, engine: &str, destination: &Path) {
    let signer = world.server.signer();
    command.env(URL, world.server.url()).env(DESTINATION, destination).env(ENGINE, engine);
    command.env(CA, world.server.sandbox.ca_bundle());
    command.env(USER, &signer.keys.access_key_id).env(PASSWORD, signer.password());
}

/// Runs the command, and returns what it tells: `cloned`, or the kind of its error and what it says.
pub(crate) fn outcome(mut command: Command) -> String {
    let output = command.output().expect("the child can be started");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let answer = text.lines().find_map(|line| line.split_once(ANSWER).map(|(_, answer)| answer.to_owned()));
    answer.unwrap_or_else(|| panic!("{}: {text}{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// The clone, in the child. Anywhere else there is nothing to do.
#[test]
fn run() {
    let Ok(url) = std::env::var(URL) else { return };
    let variable = |name: &str| std::env::var(name).expect("the parent sets it");
    let login = Fixed { user: variable(USER), password: variable(PASSWORD) };
    let request = CloneRequest::new(url, variable(DESTINATION)).ca_bundle(variable(CA)).authenticate(login);
    match request.run_blocking(super::engine(&variable(ENGINE))) {
        Ok(_) => println!("\n{ANSWER}cloned"),
        Err(error) => println!("\n{ANSWER}{:?} {error} / {}", error.kind(), error.help().unwrap_or_default()),
    }
}

struct Fixed {
    user: String,
    password: String,
}

impl Authenticate for Fixed {
    fn login(&self) -> Result<Option<Login>> {
        Ok(Some(Login::new(self.user.clone(), self.password.clone())))
    }

    fn refused(&self, _: &Refusal) -> Verdict {
        Verdict::Unexplained
    }
}
