//! Who am I after each hop?
//!
//! ```text
//! assume_chain                          the profile that AWS_PROFILE names, else the instance's role
//! assume_chain ROLE_ARN [EXTERNAL_ID]   and from there, RoleB of the other account
//! ```

use std::env;
use std::error::Error;
use std::process::ExitCode;

use clone_by_role::{Hop, RoleArn, RoleChain};

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut words = env::args().skip(1);
    let mut chain = RoleChain::from_env();
    if let Some(role) = words.next() {
        let mut hop = Hop::new(RoleArn::parse(role)?);
        if let Some(id) = words.next() {
            hop = hop.external_id(id);
        }
        chain = chain.hop(hop); // any number of hops can follow
    }
    let chain = chain.build()?; // names, durations and the profile are checked here; nobody was asked yet

    for step in chain.walk().await {
        match step.error() {
            None => {
                let who = step.principal().unwrap_or("(ARN unknown)");
                println!("{:<12} {who}  ({} ms)", step.label(), step.elapsed().as_millis());
            }
            Some(error) => {
                eprintln!("{error}\n{}", error.help());
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
