//! `clone-by-role credentials`: for AWS programs in any language, through their `credential_process`.

use std::io::Write as _;
use std::process::ExitCode;

use role_chain::Error;

use crate::report;
use crate::who::Who;

/// The flags of the command.
#[derive(clap::Args)]
#[command(after_help = "\
In ~/.aws/config, for the AWS CLI and every AWS SDK:

  [profile deploy]
  credential_process = clone-by-role credentials --cache --profile b

The answer on standard output holds the secrets.")]
pub(crate) struct Args {
    #[command(flatten)]
    who: Who,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> ExitCode {
    let runtime = match report::runtime() {
        Ok(runtime) => runtime,
        Err(status) => return status,
    };
    match runtime.block_on(answer(&args.who)) {
        Ok(answer) => {
            let written = writeln!(std::io::stdout(), "{answer}");
            ExitCode::from(u8::from(written.is_err()))
        }
        Err(error) => report::chain_failed(&error),
    }
}

async fn answer(who: &Who) -> Result<String, Error> {
    who.chain_or(None)?.build()?.credential_process().await
}
