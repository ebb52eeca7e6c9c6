//! `git clone` of a repository of one file: through the release command `git-remote-codecommit`, and through the Python program of
//! that name, in turn. Each is measured whole, with git and all that it starts; what either keeps on disk is there already.
//!
//! `cargo bench -p clone-by-role-benches --bench remote_helper [-- RUNS]`

use std::path::{Path, PathBuf};
use std::process::Command;

use clone_by_role_benches::{Failure, Sample, launch, measure};
use codecommit_sandbox::{FOREIGN_VARIABLES, Sandbox};

type Result<T> = std::result::Result<T, Failure>;

fn main() -> Result<()> {
    launch()?;
    let runs: usize = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(10);
    let folder = tempfile::tempdir()?;
    let home = folder.path();
    let sandbox = Sandbox::scenario().repository("app", repository(home)?).start()?;
    let endpoint = sandbox.codecommit_endpoint();
    // The Python program expects a host and a port, without a scheme.
    let authority = endpoint.trim_start_matches("https://");
    let ways = [
        ("git-remote-codecommit (Python)", python()?, authority),
        ("git-remote-codecommit", release_commands()?, &endpoint),
    ];
    let mut samples = [Vec::new(), Vec::new()];
    for run in 0..=runs {
        for ((_, programs, endpoint), samples) in ways.iter().zip(&mut samples) {
            let mut git = git(home, programs);
            git.args(["clone", "--quiet", "codecommit::ap-northeast-1://b@app", "clone"]);
            git.envs(sandbox.env()).env("CODE_COMMIT_ENDPOINT", endpoint);
            let sample = measure(&git, b"")?;
            std::fs::remove_dir_all(home.join("clone"))?;
            // The first run fills what is kept.
            if run > 0 {
                samples.push(sample);
            }
        }
    }
    println!("{runs} runs, medians; CPU is user and system time of git and everything that it starts");
    println!("{:<34}{:>9}{:>9}{:>14}", "git clone through", "wall ms", "CPU ms", "CPU / Python");
    let medians = samples.map(|samples| Sample::median(&samples));
    for ((name, ..), Sample { wall, cpu, .. }) in ways.iter().zip(medians) {
        println!("{name:<34}{:>9.1}{:>9.1}{:>14.3}", wall * 1e3, cpu * 1e3, cpu / medians[0].cpu);
    }
    let outcome = if medians[1].cpu <= medians[0].cpu / 5.0 { "met" } else { "missed" };
    println!("target at most 1/5 of the CPU: {outcome}");
    Ok(())
}

/// git with these programs before all others, and nothing of the user's.
fn git(home: &Path, programs: &Path) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [programs.to_owned()].into_iter().chain(std::env::split_paths(&path));
    let mut git = Command::new("git");
    for name in FOREIGN_VARIABLES {
        git.env_remove(name);
    }
    git.env("PATH", std::env::join_paths(folders).unwrap_or(path)).env("HOME", home).current_dir(home);
    git.env_remove("XDG_CACHE_HOME").env("GIT_CONFIG_NOSYSTEM", "1").env_remove("GIT_CONFIG_GLOBAL");
    git
}

/// A bare repository of one file.
fn repository(home: &Path) -> Result<PathBuf> {
    let source = home.join("source");
    std::fs::create_dir(&source)?;
    std::fs::write(source.join("file"), "one\n")?;
    for arguments in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "."],
        &["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "--message=One"],
        &["clone", "--quiet", "--bare", ".", "../app.git"],
    ] {
        if !git(home, home).args(arguments).current_dir(&source).status()?.success() {
            return Err(format!("git {arguments:?} failed").into());
        }
    }
    Ok(home.join("app.git"))
}

/// The folder of the release commands, built if they are not up to date.
fn release_commands() -> Result<PathBuf> {
    let folder = target_folder()?;
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--package", "clone-by-role-cli", "--target-dir"])
        .arg(&folder)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !built.success() {
        return Err("the release commands could not be built".into());
    }
    Ok(folder.join("release"))
}

/// The folder of the Python program, installed by `scripts/python-oracles` if it is not there.
fn python() -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/python-oracles");
    let output = Command::new("sh").arg(script).arg(target_folder()?.join("python-oracles")).output()?;
    if !output.status.success() {
        return Err(format!("it could not be installed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// The folder that holds `release/deps` with this program.
fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.ancestors().nth(3).ok_or("this program is in no target folder")?;
    Ok(folder.to_owned())
}
