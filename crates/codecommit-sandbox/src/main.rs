//! The command `codecommit-sandbox`: see [`codecommit_sandbox::command`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(codecommit_sandbox::command::run("codecommit-sandbox", std::env::args_os().skip(1)))
}
