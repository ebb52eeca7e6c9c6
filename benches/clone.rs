//! Stock git, gitoxide and libgit2 clone one repository from one server, in turn, each as a process of its own.
//!
//! `cargo bench -p clone-by-role-benches --bench clone [-- RUNS [CLIENT...]]`

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use clone_by_role::{CloneRequest, Engine, Gitoxide, Hop, Libgit2, RoleArn, RoleChain};
use codecommit_auth::{Endpoint, Remote, sign};
use codecommit_sandbox::{SampleRepository, Sandbox};
use wait4::Wait4;

const CLIENTS: [&str; 3] = ["git", "gitoxide", "libgit2"];

/// Set for the processes that this one starts to clone: the engine's name.
const CHILD: &str = "CLONE_BENCH_ENGINE";

/// Set for the process that starts the one to be measured, and measures it.
///
/// A process counts the memory of the one that started it as its own until it has more, and this one serves a repository.
const LAUNCHER: &str = "CLONE_BENCH_LAUNCHER";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    if let Ok(client) = std::env::var(LAUNCHER) {
        return launch(&client);
    }
    if let Ok(engine) = std::env::var(CHILD) {
        return child(&engine);
    }
    let runs = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(5);
    let home = tempfile::tempdir()?;
    let repository = SampleRepository::scenario().create_in(&home.path().join("app.git"))?;
    let sandbox = Sandbox::scenario().repository("app", home.path().join("app.git")).start()?;
    println!(
        "{} objects, {} deltas, {:.2} MiB packed; {runs} runs of each after one that is not counted; medians",
        repository.objects(),
        repository.deltas(),
        repository.packed_bytes() as f64 / 1_048_576.0
    );
    let header = git_login(&sandbox)?;
    let mut samples: [Vec<Sample>; 3] = Default::default();
    for run in 0..=runs {
        for (client, samples) in CLIENTS.iter().zip(&mut samples) {
            let destination = home.path().join(format!("{client}-{run}"));
            let sample = clone(client, &sandbox, &header, &destination)?;
            std::fs::remove_dir_all(&destination)?;
            if run > 0 {
                samples.push(sample);
            }
        }
    }
    let stock = Sample::median(&samples[0]);
    println!("{:<10}{:>9}{:>9}{:>10}{:>12}{:>12}", "client", "wall s", "CPU s", "peak MiB", "wall / git", "CPU / git");
    for (client, samples) in CLIENTS.iter().zip(&samples) {
        let Sample { wall, cpu, peak } = Sample::median(samples);
        println!("{client:<10}{wall:>9.3}{cpu:>9.3}{peak:>10.1}{:>12.2}{:>12.2}", wall / stock.wall, cpu / stock.cpu);
    }
    Ok(())
}

/// One process's seconds and MiB. Memory is that of the largest process, where a client starts others.
#[derive(Clone, Copy)]
struct Sample {
    wall: f64,
    cpu: f64,
    peak: f64,
}

impl Sample {
    fn median(samples: &[Self]) -> Self {
        let middle = |pick: fn(&Self) -> f64| {
            let mut values: Vec<f64> = samples.iter().map(pick).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Self { wall: middle(|s| s.wall), cpu: middle(|s| s.cpu), peak: middle(|s| s.peak) }
    }
}

fn clone(client: &str, sandbox: &Sandbox, header: &str, destination: &Path) -> Result<Sample> {
    let output = Command::new(std::env::current_exe()?)
        .env(LAUNCHER, client)
        .env("CLONE_BENCH_URL", sandbox.repository_url("app"))
        .env("CLONE_BENCH_HEADER", header)
        .env("CLONE_BENCH_CA", sandbox.ca_bundle())
        .env("CLONE_BENCH_DESTINATION", destination)
        .env("CLONE_BENCH_ROLE", sandbox.role_arn("RoleB"))
        .env("CLONE_BENCH_EXTERNAL_ID", sandbox.external_id())
        .envs(sandbox.env())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let printed = String::from_utf8(output.stdout)?;
    let figures = printed.split_whitespace().map(str::parse).collect::<std::result::Result<Vec<f64>, _>>()?;
    match figures[..] {
        [wall, cpu, peak] if output.status.success() => Ok(Sample { wall, cpu, peak }),
        _ => Err(format!("{client} failed: {}", output.status).into()),
    }
}

/// Starts one client, and prints the seconds and the MiB that it took.
fn launch(client: &str) -> Result<()> {
    let variable = |name| std::env::var(name);
    let mut command = if client == "git" {
        let mut command = Command::new("git");
        command
            .args(["clone", "--quiet"])
            .args([variable("CLONE_BENCH_URL")?, variable("CLONE_BENCH_DESTINATION")?])
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_COUNT", "1")
            .envs([("GIT_CONFIG_KEY_0", "http.extraHeader"), ("GIT_CONFIG_VALUE_0", &variable("CLONE_BENCH_HEADER")?)])
            .env("GIT_SSL_CAINFO", variable("CLONE_BENCH_CA")?);
        command
    } else {
        let mut command = Command::new(std::env::current_exe()?);
        command.env_remove(LAUNCHER).env(CHILD, client);
        command
    };
    let started = Instant::now();
    let mut process = command.stdout(Stdio::null()).spawn()?;
    let ended = process.wait4()?;
    let wall = started.elapsed();
    if !ended.status.success() {
        return Err(format!("{client} failed: {}", ended.status).into());
    }
    let cpu: Duration = ended.rusage.utime + ended.rusage.stime;
    println!("{} {} {}", wall.as_secs_f64(), cpu.as_secs_f64(), ended.rusage.maxrss as f64 / 1_048_576.0);
    Ok(())
}

/// The header that spares stock git the question for a login.
fn git_login(sandbox: &Sandbox) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let role = RoleChain::from_instance()
        .hop(Hop::new(RoleArn::parse(sandbox.role_arn("RoleB"))?).external_id(sandbox.external_id()))
        .imds_endpoint(sandbox.imds_endpoint())
        .sts_endpoint(sandbox.sts_endpoint())
        .ca_bundle(sandbox.ca_bundle())
        .build()?;
    let credentials = runtime.block_on(role.credentials())?;
    let endpoint = Endpoint::vouched(&sandbox.codecommit_endpoint())?;
    let repository = Remote::parse("codecommit::ap-northeast-1://app")?.locate(None, Some(&endpoint))?;
    let login = sign(&repository, &credentials, SystemTime::now())?;
    Ok(format!("Authorization: {}", *login.authorization()))
}

/// Clones with one engine: the whole way, from the instance role on.
fn child(engine: &str) -> Result<()> {
    let variable = |name| std::env::var(name);
    let engine: Box<dyn Engine> = match engine {
        "libgit2" => Box::new(Libgit2::default()),
        _ => Box::new(Gitoxide::default()),
    };
    let hop =
        Hop::new(RoleArn::parse(variable("CLONE_BENCH_ROLE")?)?).external_id(variable("CLONE_BENCH_EXTERNAL_ID")?);
    CloneRequest::new("codecommit::ap-northeast-1://app", variable("CLONE_BENCH_DESTINATION")?)
        .credentials(RoleChain::from_instance().hop(hop).build()?)
        .endpoint(variable("CODE_COMMIT_ENDPOINT")?)
        .run_blocking(engine)?;
    Ok(())
}
