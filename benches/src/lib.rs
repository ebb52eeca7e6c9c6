//! Measurements. See `docs/BENCHMARKS.md`.

use std::error::Error;
use std::fmt;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

/// Set for the process that starts the one to be measured, and measures it.
const LAUNCHER: &str = "BENCH_LAUNCHER";

/// What ends a benchmark.
pub type Failure = Box<dyn Error>;

/// What one process took, its children's share included.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Seconds from its start to its end.
    pub wall: f64,
    /// Seconds of user and system time.
    pub cpu: f64,
    /// The MiB of memory that it held at its peak; where it started others, those of the largest.
    pub peak: f64,
}

impl Sample {
    /// The median of each figure.
    pub fn median(samples: &[Self]) -> Self {
        let middle = |pick: fn(&Self) -> f64| {
            let mut values: Vec<f64> = samples.iter().map(pick).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
        };
        Self { wall: middle(|s| s.wall), cpu: middle(|s| s.cpu), peak: middle(|s| s.peak) }
    }
}

/// To be called first in the `main` of a benchmark that [`measure`]s: in the process between, it does that one's work.
///
/// # Errors
/// The program cannot be started, or fails.
pub fn launch() -> Result<(), Failure> {
    if std::env::var_os(LAUNCHER).is_none() {
        return Ok(());
    }
    let mut words = std::env::args_os().skip(1);
    let program = words.next().ok_or("there is no program to start")?;
    let mut command = Command::new(program);
    command.args(words).env_remove(LAUNCHER).stdout(Stdio::null());
    let started = Instant::now();
    let mut process = command.spawn()?;
    let ended = process.wait4()?;
    let wall = started.elapsed();
    let cpu: Duration = ended.rusage.utime + ended.rusage.stime;
    println!("{} {} {}", wall.as_secs_f64(), cpu.as_secs_f64(), ended.rusage.maxrss as f64 / 1_048_576.0);
    std::process::exit(if ended.status.success() { 0 } else { 1 });
}

/// Runs a command to its end, with `input` on its standard input, and tells what it took.
///
/// A process counts the memory of the one that started it as its own until it has more, and a benchmark that serves a
/// repository is large: so a small process, this program in [`launch`], stands between.
///
/// # Errors
/// The command cannot be started, or fails: the error holds what it wrote on its standard error.
pub fn measure(command: &Command, input: &[u8]) -> Result<Sample, Failure> {
    let mut launcher = Command::new(std::env::current_exe()?);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => launcher.env(name, value),
            None => launcher.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        launcher.current_dir(folder);
    }
    launcher.env(LAUNCHER, "1").arg(command.get_program()).args(command.get_args());
    let mut process = launcher.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = process.stdin.take() {
        // Who asks nothing of its input may have ended already.
        let _ = stdin.write_all(input);
    }
    let output = process.wait_with_output()?;
    let printed = String::from_utf8(output.stdout)?;
    let figures = printed.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    match figures[..] {
        [wall, cpu, peak] if output.status.success() => Ok(Sample { wall, cpu, peak }),
        _ => Err(Box::new(Failed {
            program: command.get_program().to_string_lossy().into_owned(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        })),
    }
}

#[derive(Debug)]
struct Failed {
    program: String,
    said: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.program, self.said)
    }
}

impl Error for Failed {}
