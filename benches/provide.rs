//! What a warm chain adds to each request: 1,000 tasks at once ask for credentials, over and over.
//!
//! `cargo bench -p clone-by-role-benches --bench provide [-- CALLS]`

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codecommit_sandbox::Sandbox;
use role_chain::{Credentials, Hop, ProvideCredentials, RoleArn, RoleChain};
use tokio::sync::Barrier;

type Failure = Box<dyn Error + Send + Sync>;

const TASKS: usize = 1_000;
/// What the 99th percentile of the chain's calls is to stay below.
const TARGET: Duration = Duration::from_micros(50);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let calls = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(200);
    let sandbox = Sandbox::scenario().start()?;
    let hop = Hop::new(RoleArn::parse(sandbox.role_arn("RoleB"))?).external_id(sandbox.external_id());
    let chain = RoleChain::from_instance()
        .hop(hop)
        .imds_endpoint(sandbox.imds_endpoint())
        .sts_endpoint(sandbox.sts_endpoint())
        .ca_bundle(sandbox.ca_bundle())
        .build()?;
    let held = chain.credentials().await?;
    println!("{TASKS} tasks at once, {calls} calls each; time of one call");
    println!("{:<34}{:>10}{:>10}{:>10}", "provider", "median", "p99", "max");
    let plain = measure(held, calls).await?;
    print("credentials in a variable", &plain);
    let chained = measure(chain, calls).await?;
    print("a warm chain of two steps", &chained);
    let p99 = percentile(&chained, 0.99);
    println!("p99 of the chain {p99:?}; target below {TARGET:?}: {}", if p99 < TARGET { "met" } else { "missed" });
    Ok(())
}

/// The times of all calls, sorted.
async fn measure<P>(provider: P, calls: usize) -> Result<Vec<Duration>, Failure>
where
    P: ProvideCredentials + Clone + 'static,
{
    let start = Arc::new(Barrier::new(TASKS));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (provider, start) = (provider.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                let mut times = Vec::with_capacity(calls);
                for _ in 0..calls {
                    let started = Instant::now();
                    let credentials: Result<Credentials, _> = provider.provide_credentials().await;
                    times.push(started.elapsed());
                    credentials?;
                    // Lets the others in, as a request would that is sent now.
                    tokio::task::yield_now().await;
                }
                Ok::<_, Failure>(times)
            })
        })
        .collect();
    let mut times = Vec::with_capacity(TASKS * calls);
    for task in tasks {
        times.extend(task.await??);
    }
    times.sort();
    Ok(times)
}

fn percentile(sorted: &[Duration], part: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * part) as usize]
}

fn print(name: &str, sorted: &[Duration]) {
    let [median, p99, max] = [0.5, 0.99, 1.0].map(|part| format!("{:.1?}", percentile(sorted, part)));
    println!("{name:<34}{median:>10}{p99:>10}{max:>10}");
}
