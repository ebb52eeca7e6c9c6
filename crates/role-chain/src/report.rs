use std::fmt;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::chain::RoleChain;
use crate::error::Error;
use crate::iam::Statement;
use crate::time::stamp;
use crate::walk::Step;

/// A difference of clocks that is worth a word, long before signatures fail for it.
const SKEW_WORTH_TELLING: Duration = Duration::from_secs(30);

/// A [walk](RoleChain::walk) for people and scripts: each step, what holds, and what to mend.
///
/// `Display` is the text, in several lines; [`to_json`](Self::to_json) the same for scripts. Neither holds a secret.
#[derive(Clone, Debug)]
pub struct Report {
    steps: Vec<Step>,
    /// The hops that the walk did not come to.
    untried: Vec<String>,
    /// This host's time and the services'.
    clocks: Option<(SystemTime, SystemTime)>,
}

impl RoleChain {
    /// Walks the chain and reports.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), role_chain::Error> {
    /// let report = role_chain::RoleChain::from_env().build()?.diagnose().await;
    /// print!("{report}");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn diagnose(&self) -> Report {
        let steps = self.walk().await;
        let untried = self.hops().iter().skip(steps.len().saturating_sub(1));
        let clock = &self.core.clock;
        Report {
            untried: untried.map(|hop| hop.role().to_string()).collect(),
            clocks: clock.of_service().map(|service| (clock.local(), service)),
            steps,
        }
    }
}

impl Report {
    /// Whether every step holds.
    pub fn is_ok(&self) -> bool {
        self.steps.iter().all(Step::is_ok)
    }

    /// The steps up to the first that fails.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Why the walk ended early, if it did.
    pub fn error(&self) -> Option<&Error> {
        self.steps.iter().find_map(Step::error)
    }

    /// The report as one JSON object: `{"ok", "steps": [{"step", "ok", "target", "principal", "elapsed_ms", "expiry", "error"}], "untried", "clock_ahead_seconds"}`.
    ///
    /// An error is `null`, or `{"kind", "step", "message", "cause", "help", "retryable", "code", "principal", "target", "statements"}`, with
    /// [`ErrorKind::as_str`](crate::ErrorKind::as_str) as the kind, and each statement as `{"account", "policy", "statement"}`.
    pub fn to_json(&self) -> String {
        let steps: Vec<Value> = self.steps.iter().map(step_json).collect();
        json!({
            "ok": self.is_ok(),
            "steps": steps,
            "untried": self.untried,
            "clock_ahead_seconds": self.clocks.map(|(local, service)| ahead(local, service)),
        })
        .to_string()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.steps.iter().map(|step| step.label().chars().count()).max().unwrap_or_default();
        for step in &self.steps {
            let mark = if step.is_ok() { "ok  " } else { "FAIL" };
            let who = match step.is_ok() {
                true => step.principal().unwrap_or("(ARN unknown)"),
                false => step.target().unwrap_or("(no credentials)"),
            };
            write!(f, "{mark} {:width$}  {who}  {} ms", step.label(), step.elapsed().as_millis())?;
            match step.expiry() {
                Some(expiry) => writeln!(f, ", until {}", stamp(expiry))?,
                None => writeln!(f)?,
            }
            if let Some(error) = step.error() {
                write_error(f, error)?;
            }
        }
        for role in &self.untried {
            writeln!(f, "-    not tried  {role}")?;
        }
        match self.clocks {
            Some((local, service)) if ahead(local, service).unsigned_abs() >= SKEW_WORTH_TELLING.as_secs() => writeln!(
                f,
                "This host's clock says {}, the services' {}: keep it set by NTP.",
                stamp(local),
                stamp(service)
            ),
            _ => Ok(()),
        }
    }
}

fn write_error(f: &mut fmt::Formatter<'_>, error: &Error) -> fmt::Result {
    writeln!(f, "     {error}")?;
    for cause in causes(error) {
        writeln!(f, "     because: {cause}")?;
    }
    for line in error.help().lines() {
        writeln!(f, "     {line}")?;
    }
    for statement in error.statements() {
        let account = statement.account.as_deref().unwrap_or("unknown");
        writeln!(f, "     In account {account}, {} would say:", statement.policy)?;
        for line in statement.json.lines() {
            writeln!(f, "       {line}")?;
        }
    }
    Ok(())
}

fn step_json(step: &Step) -> Value {
    json!({
        "step": step.label(),
        "ok": step.is_ok(),
        "target": step.target(),
        "principal": step.principal(),
        "elapsed_ms": step.elapsed().as_millis() as u64,
        "expiry": step.expiry().map(stamp),
        "error": step.error().map(error_json),
    })
}

fn error_json(error: &Error) -> Value {
    let statements: Vec<Value> = error.statements().iter().map(Statement::to_json).collect();
    json!({
        "kind": error.kind().as_str(),
        "step": error.step(),
        "message": error.to_string(),
        "cause": causes(error),
        "help": error.help(),
        "retryable": error.is_retryable(),
        "code": error.code(),
        "principal": error.principal(),
        "target": error.target(),
        "statements": statements,
    })
}

fn causes(error: &Error) -> Vec<String> {
    let first = std::error::Error::source(error);
    std::iter::successors(first, |error| error.source()).map(ToString::to_string).collect()
}

/// By how many seconds this host's clock is ahead of the services'.
fn ahead(local: SystemTime, service: SystemTime) -> i64 {
    match local.duration_since(service) {
        Ok(ahead) => ahead.as_secs() as i64,
        Err(behind) => -(behind.duration().as_secs() as i64),
    }
}
