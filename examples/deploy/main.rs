//! `deploy`: release folders, a link that is switched by one rename, and a way back.
//!
//! ```text
//! ROOT/current -> releases/000012-1a2b3c4d5e6f    what is live
//! ROOT/releases/                                  a folder for each commit; files that did not change are shared
//! ROOT/repository                                 the objects of the last deployment, for the next to build on
//! ROOT/state.json                                 what is known to be good, and what is on trial
//! ROOT/lock                                       one deployment at a time
//! ```
//!
//! ```text
//! deploy run --root /srv/app --profile b codecommit::ap-northeast-1://app \
//!     --check './bin/app --check-config' --activate 'systemctl restart app' --health 'curl -fsS localhost:8080/healthz'
//! deploy rollback --root /srv/app
//! deploy status --root /srv/app
//! ```
//!
//! It can be killed at any moment: `current` always leads to a whole release, and the next run finishes or takes back what
//! was begun. Exit status: 0 done or nothing to do, 1 failed with `current` as it was, 2 wrong usage, 3 the release was not
//! healthy and `current` is back on the one before, 4 another deployment is under way.
//!
//! Install it with `cargo install --path examples --example deploy`. Unix only.

mod failure;
mod files;
mod flow;
mod objects;
mod place;
mod repository;
mod shell;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};

use failure::Failure;
use flow::Done;
use place::Place;

/// Deploys a git repository, CodeCommit ones by IAM role.
#[derive(Parser)]
#[command(name = "deploy", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch, check, switch, and see that it is healthy; nothing is done where the commit is live already.
    Run {
        #[command(flatten)]
        source: repository::Source,
        #[command(flatten)]
        common: Common,
        /// Deploy again what is live, or what was refused before.
        #[arg(long)]
        force: bool,
    },
    /// Go back to the release before, or to the one named.
    Rollback {
        #[command(flatten)]
        common: Common,
        /// The release to go to, by its folder's name.
        #[arg(long, value_name = "RELEASE")]
        to: Option<String>,
    },
    /// Say what is live, what is kept and what is on trial.
    Status {
        #[command(flatten)]
        common: Common,
    },
}

/// What all commands take. Everything can come from the environment, as a systemd unit sets it.
#[derive(Args, Clone, Debug)]
struct Common {
    /// The folder that holds `current` and the releases.
    #[arg(long, value_name = "FOLDER", env = "DEPLOY_ROOT")]
    root: PathBuf,
    /// Run in the new release before the switch; if it fails, nothing is switched.
    #[arg(long, value_name = "COMMAND", env = "DEPLOY_CHECK")]
    check: Option<String>,
    /// Run after each switch, forward or back, such as a restart of the service.
    #[arg(long, value_name = "COMMAND", env = "DEPLOY_ACTIVATE")]
    activate: Option<String>,
    /// Run after that; if it fails each time, `current` goes back.
    #[arg(long, value_name = "COMMAND", env = "DEPLOY_HEALTH")]
    health: Option<String>,
    /// How often to try the health command.
    #[arg(long, value_name = "N", env = "DEPLOY_HEALTH_TRIES", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    health_tries: u32,
    /// Seconds between these tries.
    #[arg(long, value_name = "SECONDS", env = "DEPLOY_HEALTH_WAIT", default_value_t = 2)]
    health_wait: u64,
    /// Seconds after which a command counts as failed.
    #[arg(long, value_name = "SECONDS", env = "DEPLOY_TIMEOUT", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// How many good releases to keep, the live one among them.
    #[arg(long, value_name = "N", env = "DEPLOY_KEEP", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    keep: u32,
    /// Print one JSON object on standard output instead of words.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    // Wrong usage ends here, with status 2.
    let cli = Cli::parse();
    std::thread::spawn(end_on_signal);
    let (json, outcome) = match &cli.command {
        Command::Run { source, common, force } => {
            (common.json, flow::run(source, common, *force).map(|done| done.report()))
        }
        Command::Rollback { common, to } => {
            (common.json, flow::rollback(common, to.as_deref()).map(|done| done.report()))
        }
        Command::Status { common } => (common.json, status(common)),
    };
    match outcome {
        Ok((object, words)) => {
            println!("{}", if json { object.to_string() } else { words });
            ExitCode::SUCCESS
        }
        Err(failure) => {
            if json {
                println!("{}", failure.to_json());
            } else {
                eprintln!("error: {}", failure.message);
                if let Some(help) = &failure.help {
                    eprintln!("  help: {help}");
                }
            }
            ExitCode::from(failure.exit)
        }
    }
}

/// Ctrl-C and SIGTERM end the command that runs as well. The rest is as with `kill -9`: the next run carries on.
fn end_on_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
    let status = runtime.block_on(async {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok::<_, std::io::Error>(tokio::select! {
            _ = interrupt.recv() => 130,
            _ = terminate.recv() => 143,
        })
    });
    if let Ok(status) = status {
        shell::end();
        std::process::exit(status);
    }
}

fn status(common: &Common) -> Result<(Value, String), Failure> {
    let place = Place::new(&common.root)?;
    let state = place.state()?;
    let current = place.current()?;
    let trial = state.trial.as_ref().map(|trial| trial.release.name.clone());
    let object = json!({
        "current": current,
        "trial": trial,
        "releases": state.releases,
        "refused": state.refused,
        "running": place.is_locked()?,
    });
    let mut words = format!("current  {}", current.as_deref().unwrap_or("none"));
    for release in state.releases.iter().rev() {
        words += &format!("\nkept     {}  {}", release.name, release.commit);
    }
    if let Some(name) = trial {
        words += &format!("\ntrial    {name} is not known to be good: the next run judges it");
    }
    if let Some(refused) = &state.refused {
        words += &format!("\nrefused  {} ({})", refused.commit, refused.why);
    }
    Ok((object, words))
}

impl Done {
    fn report(&self) -> (Value, String) {
        let object = json!({
            "result": self.result,
            "release": self.release.name,
            "commit": self.release.commit,
            "previous": self.previous,
            "files": self.files,
            "files_written": self.written,
            "bytes_received": self.received,
            "seconds": (self.elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
        });
        let words = match self.result {
            "unchanged" => format!("{} is live already", self.release.name),
            "rolled_back" => format!("rolled back: {} is live, at {}", self.release.name, self.release.commit),
            _ => format!("deployed: {} is live, at {}", self.release.name, self.release.commit),
        };
        (object, words)
    }
}
