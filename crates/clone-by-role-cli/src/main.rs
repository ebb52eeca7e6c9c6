//! The command `clone-by-role`: CodeCommit repositories by IAM role, without git, Python or the AWS CLI.
//!
//! Exit status: 0 done, 1 failed, 2 wrong usage.

mod clone;
mod credentials;
mod doctor;
mod logging;
mod policy;
mod report;
mod who;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Clone CodeCommit repositories by IAM role: no keys, no git, no AWS CLI.
#[derive(Parser)]
#[command(name = "clone-by-role", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Clone a repository into a new folder.
    Clone(clone::Args),
    /// Print credentials of the last role, as AWS programs ask a `credential_process` for them.
    Credentials(credentials::Args),
    /// Walk the chain of roles step by step, and say what holds and what to mend.
    Doctor(doctor::Args),
    /// Print the IAM policies of both accounts, for given ARNs.
    Policy(policy::Args),
    /// What is planned, and not there yet.
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// Commands that are announced but cannot be run yet.
const PLANNED: [&str; 2] = ["sync", "sandbox"];

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    logging::start();
    match cli.command {
        Command::Clone(args) => clone::run(args),
        Command::Credentials(args) => credentials::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Policy(args) => policy::run(&args),
        Command::Other(words) => {
            let name = words.first().map_or("", String::as_str);
            if PLANNED.contains(&name) {
                eprintln!("error: clone-by-role {name} is not there yet in version {}", env!("CARGO_PKG_VERSION"));
            } else {
                eprintln!("error: there is no command {name:?}; see clone-by-role --help");
            }
            ExitCode::from(2)
        }
    }
}
