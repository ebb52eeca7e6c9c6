//! Why a deployment did not happen, for people and for scripts.

use std::fmt::Display;
use std::io;

use serde_json::{Value, json};

/// A failure with its exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    /// A word for scripts: one of the clone's kinds, or `check`, `health`, `refused`, `locked`, `no_release`, `state`, `io`.
    pub(crate) kind: &'static str,
    /// What failed: a step of the clone, as `clone-by-role` names it, or `release`, `check`, `health`.
    pub(crate) step: String,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) retryable: bool,
    pub(crate) exit: u8,
}

impl Failure {
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        let step = match kind {
            "check" => "check",
            "health" => "health",
            _ => "release",
        };
        Self { kind, step: step.into(), message: message.into(), help: None, retryable: false, exit: 1 }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn exit(mut self, status: u8) -> Self {
        self.exit = status;
        self
    }

    /// Makes an error of the file system a failure that says what was being done.
    pub(crate) fn io(doing: impl Display) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::new("io", format!("{doing}: {error}"))
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "error": {
            "kind": self.kind,
            "step": self.step,
            "message": self.message,
            "help": self.help,
            "retryable": self.retryable,
        }})
    }
}

impl From<clone_by_role::Error> for Failure {
    fn from(error: clone_by_role::Error) -> Self {
        let usage = matches!(error.kind(), clone_by_role::ErrorKind::InvalidRequest);
        Self {
            kind: error.kind().as_str(),
            step: match error.place() {
                Some(place) => format!("{}: {place}", error.step()),
                None => error.step().to_string(),
            },
            message: error.to_string(),
            help: error.help().map(str::to_owned),
            retryable: error.is_retryable(),
            exit: if usage { 2 } else { 1 },
        }
    }
}
