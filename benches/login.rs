//! What one credential costs on a host: the release command beside `aws codecommit credential-helper get`, each as a process of its own, in turn.
//!
//! From nothing: the metadata service's token, the role, its credentials, `AssumeRole` over TLS. From the disk cache: what an earlier run left.
//! The signature that makes a login of the credentials is measured apart, in this process.
//!
//! `cargo bench -p clone-by-role-benches --bench login [-- RUNS]`

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use clone_by_role_benches::{Failure, Sample, launch, measure};
use codecommit_auth::{Endpoint, Remote, sign};
use codecommit_sandbox::{FOREIGN_VARIABLES, Sandbox, Step};
use role_chain::Credentials;

type Result<T> = std::result::Result<T, Failure>;

fn main() -> Result<()> {
    launch()?;
    let runs: usize = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(20);
    let sandbox = Sandbox::scenario().start()?;
    let command = release_command()?;
    let aws = aws_cli()?;
    let folder = tempfile::tempdir()?;
    let bench = Bench { sandbox: &sandbox, home: folder.path() };
    let ask = format!("protocol=https\nhost={}\npath=v1/repos/app\n\n", host(&sandbox));
    let helper = ["--profile", "b", "codecommit", "credential-helper", "--ignore-host-check", "get"];
    let ours = ["credentials", "--profile", "b"];
    let cached = ["credentials", "--cache", "--profile", "b"];

    let [mut aws_cold, mut aws_warm, mut cold, mut warm] = [(); 4].map(|()| Vec::new());
    for run in 0..=runs {
        // What is slow is measured less often; the first run of each is not counted.
        if run % 4 == 0 {
            bench.forget()?;
            let first = bench.run(&aws, &helper, &ask)?;
            let second = bench.run(&aws, &helper, &ask)?;
            if run > 0 {
                aws_cold.push(first);
                aws_warm.push(second);
            }
        }
        bench.forget()?;
        let sample = bench.run(&command, &ours, "")?;
        bench.run(&command, &cached, "")?;
        let before = sandbox.count(Step::AssumeRole);
        let from_disk = bench.run(&command, &cached, "")?;
        if sandbox.count(Step::AssumeRole) != before {
            return Err("the run from the disk cache asked STS".into());
        }
        if run > 0 {
            cold.push(sample);
            warm.push(from_disk);
        }
    }

    let (aws_cold, aws_warm) = (Sample::median(&aws_cold), Sample::median(&aws_warm));
    println!("{runs} runs, medians; CPU is user and system time of the process and its children");
    println!("{:<44}{:>9}{:>9}{:>10}{:>12}", "", "wall ms", "CPU ms", "peak MiB", "CPU / aws");
    print("aws codecommit credential-helper get", aws_cold, aws_cold);
    print("the same, its cache warm", aws_warm, aws_warm);
    let cold = Sample::median(&cold);
    print("clone-by-role credentials, from nothing", cold, aws_cold);
    let warm = Sample::median(&warm);
    print("clone-by-role credentials, from the disk", warm, aws_warm);
    println!("the signature of a login: {:.1} µs", signature(&sandbox)?.as_secs_f64() * 1e6);
    verdict("from nothing", aws_cold.cpu / cold.cpu, 50.0);
    verdict("from the disk", aws_warm.cpu / warm.cpu, 150.0);
    Ok(())
}

fn verdict(what: &str, times: f64, target: f64) {
    let outcome = if times >= target { "met" } else { "missed" };
    println!("{what}: 1/{times:.0} of the AWS CLI's CPU; target at most 1/{target:.0}: {outcome}");
}

fn print(name: &str, sample: Sample, aws: Sample) {
    let Sample { wall, cpu, peak } = sample;
    println!("{name:<44}{:>9.1}{:>9.2}{peak:>10.1}{:>12.4}", wall * 1e3, cpu * 1e3, cpu / aws.cpu);
}

struct Bench<'a> {
    sandbox: &'a Sandbox,
    home: &'a Path,
}

impl Bench<'_> {
    /// Removes what earlier runs left.
    fn forget(&self) -> Result<()> {
        for cache in [".cache", ".aws"] {
            let path = self.home.join(cache);
            if path.exists() {
                std::fs::remove_dir_all(path)?;
            }
        }
        Ok(())
    }

    fn run(&self, program: &Path, arguments: &[&str], input: &str) -> Result<Sample> {
        let mut command = Command::new(program);
        for name in FOREIGN_VARIABLES {
            command.env_remove(name);
        }
        command.args(arguments).envs(self.sandbox.env()).env("HOME", self.home).env_remove("XDG_CACHE_HOME");
        measure(&command, input.as_bytes())
    }
}

fn host(sandbox: &Sandbox) -> String {
    sandbox.codecommit_endpoint().trim_start_matches("https://").to_owned()
}

/// The release command, built if it is not up to date.
fn release_command() -> Result<PathBuf> {
    let folder = target_folder()?;
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--package", "clone-by-role-cli", "--target-dir"])
        .arg(&folder)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !built.success() {
        return Err("the release command could not be built".into());
    }
    Ok(folder.join("release/clone-by-role"))
}

/// The AWS CLI, installed by `scripts/python-oracles` if it is not there.
fn aws_cli() -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/python-oracles");
    let output = Command::new("sh").arg(script).arg(target_folder()?.join("python-oracles")).output()?;
    if !output.status.success() {
        return Err(format!("the AWS CLI could not be installed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()).join("aws"))
}

/// The folder that holds `release/deps` with this program.
fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.ancestors().nth(3).ok_or("this program is in no target folder")?;
    Ok(folder.to_owned())
}

/// The time of one signature, the middle of many.
fn signature(sandbox: &Sandbox) -> Result<Duration> {
    let endpoint = Endpoint::vouched(&sandbox.codecommit_endpoint())?;
    let repository = Remote::parse("codecommit::ap-northeast-1://app")?.locate(None, Some(&endpoint))?;
    let credentials = Credentials::new("ASIAEXAMPLE", "secret", Some("t".repeat(800)), None, "bench");
    let mut times = Vec::new();
    for _ in 0..1_000 {
        let started = Instant::now();
        sign(&repository, &credentials, SystemTime::now())?;
        times.push(started.elapsed());
    }
    times.sort();
    Ok(times[times.len() / 2])
}
