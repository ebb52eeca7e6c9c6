//! How a run ends: for people on standard error, for scripts as one JSON object on standard output.

use std::error::Error as _;
use std::process::ExitCode;

use clone_by_role::{ChainError, Error, ErrorKind, Outcome};
use serde_json::{Value, json};

/// Prints what was cloned.
pub(crate) fn done(outcome: &Outcome, as_json: bool) -> ExitCode {
    let commit = (!outcome.commit().is_null()).then(|| outcome.commit().to_string());
    if as_json {
        let object = json!({
            "path": outcome.path().to_string_lossy(),
            "commit": commit,
            "branch": outcome.branch(),
            "backend": outcome.backend(),
            "objects": outcome.objects(),
            "bytes": outcome.bytes(),
            "seconds": (outcome.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        });
        println!("{object}");
    } else {
        let at = match (&commit, outcome.branch()) {
            (Some(commit), Some(branch)) => format!("at {commit} (branch {branch})"),
            (Some(commit), None) => format!("at {commit} (detached)"),
            (None, _) => "which is empty".into(),
        };
        println!(
            "Cloned into {} {at} in {:.1} s with {}",
            outcome.path().display(),
            outcome.elapsed().as_secs_f64(),
            outcome.backend()
        );
    }
    ExitCode::SUCCESS
}

/// Prints what went wrong, why, and what mends it.
pub(crate) fn failed(error: &Error, as_json: bool) -> ExitCode {
    if as_json {
        println!("{}", json!({ "error": error_json(error) }));
    } else {
        eprintln!("error: {error}");
        let mut said = error.to_string();
        let mut cause = error.source();
        while let Some(source) = cause {
            let text = source.to_string();
            if !said.contains(&text) {
                eprintln!("  because: {text}");
                said = text;
            }
            cause = source.source();
        }
        if let Some(help) = error.help() {
            eprintln!("  help: {help}");
        }
    }
    let usage = matches!(error.kind(), ErrorKind::InvalidRequest | ErrorKind::DestinationExists);
    ExitCode::from(if usage { 2 } else { 1 })
}

/// An error as the object that all commands give to scripts.
pub(crate) fn error_json(error: &Error) -> Value {
    let step = match error.place() {
        Some(place) => format!("{}: {place}", error.step()),
        None => error.step().to_string(),
    };
    json!({
        "kind": error.kind().as_str(),
        "step": step,
        "message": error.message(),
        "help": error.help().map_or(Value::Null, Value::from),
        "retryable": error.is_retryable(),
    })
}

/// Prints why there are no credentials, what is behind it, and what mends it.
pub(crate) fn chain_failed(error: &ChainError) -> ExitCode {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(source) = cause {
        eprintln!("  because: {source}");
        cause = source.source();
    }
    for line in error.help().lines() {
        eprintln!("  help: {line}");
    }
    ExitCode::from(if error.is_configuration() { 2 } else { 1 })
}

/// A runtime on this thread, or why there is none.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, ExitCode> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        eprintln!("error: no runtime can be made: {error}");
        ExitCode::FAILURE
    })
}
