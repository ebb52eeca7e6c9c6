//! A fleet that starts in one instant: calls per second to STS and to CodeCommit over two hours, with this project's cache,
//! jitter and backoff, and without.
//!
//! `cargo bench -p clone-by-role-benches --bench fleet [-- FILE.svg]`
//!
//! Nothing is measured and nobody is called: time is tokio's paused clock, the services are counters with a limit, and every
//! random number comes from one seed, so that each run draws the same picture. What decides when a host calls is the real code:
//! [`RoleChain`](role_chain::RoleChain) with its cache and the spread of its refreshes, and [`backoff`](role_chain::backoff).

mod hosts;
mod plot;
mod service;

use std::sync::Arc;
use std::time::Duration;

use hosts::{Way, World};
use service::Service;

/// Instances that boot in the same instant.
const HOSTS: u64 = 10_000;
/// What is looked at.
const HORIZON: Duration = Duration::from_secs(2 * 3_600);
/// AssumeRole calls a second that STS answers an account in a region: the default quota of "IAM and AWS STS quotas".
const STS_LIMIT: u32 = 600;
/// Requests a second that CodeCommit answers: assumed, since AWS names no number for git requests.
const CODECOMMIT_LIMIT: u32 = 600;
const SEED: u64 = 20_180_921;

/// What came of one way to run the fleet.
struct Course {
    way: Way,
    sts: Arc<Service>,
    codecommit: Arc<Service>,
    /// When the last host had its first deployment.
    ready: Duration,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().skip(1).find(|word| word.ends_with(".svg"));
    println!("{HOSTS} instances start in one instant, and look for a new commit every two minutes, for two hours");
    println!("STS answers {STS_LIMIT} calls a second, CodeCommit {CODECOMMIT_LIMIT} requests (assumed); seed {SEED}\n");
    let courses = [Way::Without, Way::With, Way::WithTimer].map(course);
    println!(
        "{:<28}{:>12}{:>12}{:>12}{:>14}{:>14}",
        "", "STS calls", "peak a s", "throttled", "git requests", "all deployed"
    );
    for course in &courses {
        println!(
            "{:<28}{:>12}{:>12}{:>12}{:>14}{:>12} s",
            course.way.name(),
            course.sts.calls(),
            course.sts.peak(),
            course.sts.throttled(),
            course.codecommit.calls(),
            course.ready.as_secs(),
        );
    }
    if let Some(path) = path {
        std::fs::write(&path, plot::svg(&courses))?;
        println!("\nwrote {path}");
    }
    Ok(())
}

/// Runs the fleet once, on paused time.
fn course(way: Way) -> Course {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without IO can always be made").block_on(async {
        let sts = Arc::new(Service::new(STS_LIMIT));
        let codecommit = Arc::new(Service::new(CODECOMMIT_LIMIT));
        let world = World::new(sts.clone(), codecommit.clone());
        let hosts: Vec<_> = (0..HOSTS).map(|host| tokio::spawn(world.clone().host(way, SEED ^ (host << 20)))).collect();
        tokio::time::sleep(HORIZON).await;
        for host in hosts {
            host.abort();
        }
        Course { way, sts, codecommit, ready: world.ready() }
    })
}
