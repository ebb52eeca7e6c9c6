//! The command `git-remote-codecommit`: git's remote helper for names such as `codecommit::ap-northeast-1://profile@app`.
//!
//! git starts it by the name's beginning, as the manual page `gitremote-helpers` says: `git-remote-codecommit REMOTE URL`. It finds out where the
//! repository is, and puts git's own HTTPS helper in its place, set to ask this program again for the login. So the login goes from this program to that
//! helper through a pipe, when it is needed, and through no argument, variable, file or URL.

mod git_login;
mod git_remote;
mod logging;
#[expect(dead_code, reason = "of what ends a command, this one needs a part")]
mod report;
#[expect(dead_code, reason = "of what says as whom to act, this one needs a part")]
mod who;

use std::process::ExitCode;

use clap::Parser;

/// Let stock git clone, fetch from and push to CodeCommit by IAM role. Called by git.
#[derive(Parser)]
#[command(
    name = "git-remote-codecommit",
    version,
    after_help = "\
With this program in the PATH:

  git clone codecommit::ap-northeast-1://b@app     the profile b of ~/.aws/config
  git clone codecommit::ap-northeast-1://app       the profile that AWS_PROFILE names, else the instance's role
  git clone codecommit://b@app                     the region of AWS_REGION, else of the profile

Exit status: git's own; 1 where git could not be started, 2 for a name that is none."
)]
struct Cli {
    /// The remote's name in git's configuration, or its URL again.
    remote: String,
    /// The repository, without the first `codecommit::`.
    url: String,
    /// A CodeCommit endpoint that you vouch for, such as https://127.0.0.1:8443.
    #[arg(long, value_name = "URL", env = "CODE_COMMIT_ENDPOINT")]
    endpoint: Option<String>,
}

/// git's HTTPS helper asks for the login.
#[derive(Parser)]
#[command(name = "git-remote-codecommit --login")]
struct Login {
    #[command(flatten)]
    args: git_login::Args,
}

fn main() -> ExitCode {
    // A remote's name does not begin with a hyphen.
    let mut words = std::env::args_os();
    let program = words.next();
    if words.next().is_some_and(|word| word == git_remote::LOGIN) {
        let login = Login::parse_from(program.into_iter().chain(words));
        logging::start();
        return git_login::run(&login.args);
    }
    let cli = Cli::parse();
    logging::start();
    git_remote::run(&cli.remote, &cli.url, cli.endpoint.as_deref())
}
