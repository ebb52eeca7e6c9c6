//! The command `git-credential-codecommit`: git's credential helper for CodeCommit.
//!
//! git calls it by the last part of its name, from a line of its configuration: `helper = codecommit --profile b`. The protocol is that of git's manual
//! page `gitcredentials`, section "Custom helpers".

mod git_login;
mod logging;
#[expect(dead_code, reason = "of what ends a command, this one needs a part")]
mod report;
#[expect(dead_code, reason = "of what says as whom to act, this one needs a part")]
mod who;

use std::process::ExitCode;

use clap::Parser;

/// Sign git in to CodeCommit by IAM role: no keys, no Python, no AWS CLI.
#[derive(Parser)]
#[command(
    name = "git-credential-codecommit",
    version,
    after_help = "\
In ~/.gitconfig:

  [credential \"https://git-codecommit.ap-northeast-1.amazonaws.com\"]
      helper =
      helper = codecommit --profile b
      useHttpPath = true

The empty helper keeps those that stand before it from being asked first, and from being told the login.
Requests for other hosts than CodeCommit's are left to the next helper, without a word.
Exit status: 0 done, 1 failed, 2 wrong usage."
)]
struct Cli {
    #[command(flatten)]
    args: git_login::Args,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start();
    git_login::run(&cli.args)
}
