//! Stock git, gitoxide and libgit2 clone the same repositories from one server, in turn, each as a process of its own.
//!
//! `cargo bench -p clone-by-role-benches --bench clone [-- RUNS [WORKLOAD...]]`, with the workloads `full`, `depth-1` and
//! `large`: the first two by default. The clones are made in `TMPDIR`: in memory, if that is a folder there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use clone_by_role::{CloneRequest, Engine, Gitoxide, Hop, Libgit2, RoleArn, RoleChain};
use clone_by_role_benches::{Failure, Sample, launch, measure};
use codecommit_auth::{Endpoint, Remote, sign};
use codecommit_sandbox::{SampleRepository, Sandbox};

const CLIENTS: [&str; 3] = ["git", "gitoxide", "libgit2"];

/// Set for the processes that this one starts to clone: the engine's name.
const CHILD: &str = "CLONE_BENCH_ENGINE";

type Result<T> = std::result::Result<T, Failure>;

fn main() -> Result<()> {
    launch()?;
    if let Ok(engine) = std::env::var(CHILD) {
        return child(&engine);
    }
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let runs = words.first().and_then(|word| word.parse().ok()).unwrap_or(5);
    let named: Vec<&str> = words.iter().map(String::as_str).filter(|word| word.parse::<u32>().is_err()).collect();
    let home = tempfile::tempdir()?;
    println!("{runs} runs of each after one that is not counted, in {}; medians", home.path().display());
    for name in if named.is_empty() { vec!["full", "depth-1"] } else { named } {
        Workload::new(name, home.path())?.run(runs)?;
    }
    Ok(())
}

/// A repository, and how much of it is cloned.
struct Workload {
    name: String,
    home: PathBuf,
    sandbox: Sandbox,
    header: String,
    depth: Option<u32>,
}

impl Workload {
    fn new(name: &str, home: &Path) -> Result<Self> {
        let (sample, depth) = match name {
            "full" => (SampleRepository::scenario(), None),
            "depth-1" => (SampleRepository::scenario(), Some(1)),
            "large" => (SampleRepository::large(), None),
            other => return Err(format!("there is no workload {other:?}: full, depth-1, large").into()),
        };
        let folder = home.join(sample.name());
        let repository = sample.ensure_in(&folder)?;
        println!(
            "\n{name}: {} objects, {} deltas, {:.2} MiB packed",
            repository.objects(),
            repository.deltas(),
            repository.packed_bytes() as f64 / 1_048_576.0
        );
        let sandbox = Sandbox::scenario().repository("app", folder).start()?;
        let header = git_login(&sandbox)?;
        Ok(Self { name: name.to_owned(), home: home.to_owned(), sandbox, header, depth })
    }

    fn run(&self, runs: usize) -> Result<()> {
        let mut samples: [Vec<Sample>; 3] = Default::default();
        for run in 0..=runs {
            for (client, samples) in CLIENTS.iter().zip(&mut samples) {
                let destination = self.home.join(format!("{}-{client}-{run}", self.name));
                let sample = measure(&self.command(client, &destination)?, b"")?;
                std::fs::remove_dir_all(&destination)?;
                if run > 0 {
                    samples.push(sample);
                }
            }
        }
        let stock = Sample::median(&samples[0]);
        println!(
            "{:<10}{:>9}{:>9}{:>10}{:>12}{:>12}",
            "client", "wall s", "CPU s", "peak MiB", "wall / git", "CPU / git"
        );
        for (client, samples) in CLIENTS.iter().zip(&samples) {
            let Sample { wall, cpu, peak } = Sample::median(samples);
            println!(
                "{client:<10}{wall:>9.3}{cpu:>9.3}{peak:>10.1}{:>12.2}{:>12.2}",
                wall / stock.wall,
                cpu / stock.cpu
            );
        }
        Ok(())
    }

    fn command(&self, client: &str, destination: &Path) -> Result<Command> {
        if client == "git" {
            let mut command = Command::new("git");
            command.args(["clone", "--quiet"]);
            command.args(self.depth.map(|depth| format!("--depth={depth}")));
            command
                .arg(self.sandbox.repository_url("app"))
                .arg(destination)
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .env("GIT_CONFIG_COUNT", "1")
                .envs([("GIT_CONFIG_KEY_0", "http.extraHeader"), ("GIT_CONFIG_VALUE_0", &self.header)])
                .env("GIT_SSL_CAINFO", self.sandbox.ca_bundle());
            return Ok(command);
        }
        let mut command = Command::new(std::env::current_exe()?);
        command
            .env(CHILD, client)
            .env("CLONE_BENCH_DESTINATION", destination)
            .env("CLONE_BENCH_ROLE", self.sandbox.role_arn("RoleB"))
            .env("CLONE_BENCH_EXTERNAL_ID", self.sandbox.external_id())
            .envs(self.depth.map(|depth| ("CLONE_BENCH_DEPTH", depth.to_string())))
            .envs(self.sandbox.env());
        Ok(command)
    }
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
    let mut request = CloneRequest::new("codecommit::ap-northeast-1://app", variable("CLONE_BENCH_DESTINATION")?)
        .credentials(RoleChain::from_instance().hop(hop).build()?)
        .endpoint(variable("CODE_COMMIT_ENDPOINT")?);
    if let Ok(depth) = variable("CLONE_BENCH_DEPTH") {
        request = request.depth(depth.parse()?);
    }
    request.run_blocking(engine)?;
    Ok(())
}
