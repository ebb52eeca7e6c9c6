//! The paved path: an instance's role, a hop into the other account, a clone.
//!
//! ```text
//! clone_by_role REMOTE DESTINATION [ROLE_ARN EXTERNAL_ID]
//! ```

use std::env;
use std::process::ExitCode;

use clone_by_role::{CloneRequest, Error, Gitoxide, Hop, Outcome, ProgressPrinter, RoleArn, RoleChain};

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let (remote, destination, hop) = match &words[..] {
        [remote, destination] => (remote, destination, None),
        [remote, destination, role, id] => (remote, destination, Some((role, id))),
        _ => {
            eprintln!("usage: clone_by_role REMOTE DESTINATION [ROLE_ARN EXTERNAL_ID]");
            return ExitCode::from(2);
        }
    };
    match clone(remote, destination, hop).await {
        Ok(outcome) => {
            println!("{} at {}", outcome.path().display(), outcome.commit());
            ExitCode::SUCCESS
        }
        Err(error) => {
            // One line that names the step, who must do what, and whether a timer should try again.
            eprintln!("{error}");
            eprintln!("{}", error.help().unwrap_or_default());
            eprintln!("{}", if error.is_retryable() { "trying again can help" } else { "trying again cannot help" });
            ExitCode::FAILURE
        }
    }
}

async fn clone(remote: &str, destination: &str, hop: Option<(&String, &String)>) -> Result<Outcome, Error> {
    let mut role = RoleChain::from_env(); // the profile in AWS_PROFILE, else the instance's role by IMDSv2
    if let Some((arn, id)) = hop {
        role = role.hop(Hop::new(RoleArn::parse(arn)?).external_id(id));
    }
    let printer = ProgressPrinter::stderr();
    let mut request = CloneRequest::new(remote, destination)
        .depth(1)
        .credentials(role.build()?)
        .on_event(move |event| printer.show(event));
    // Only where CodeCommit is somewhere else: a proxy in front of it, or the sandbox.
    if let Ok(endpoint) = env::var("CODE_COMMIT_ENDPOINT") {
        request = request.endpoint(endpoint);
    }
    request.run(Gitoxide::default()).await
}
