//! The command `codecommit-sandbox`, for whoever wants it under a name of their own.

use std::{
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
};

use clap::{Parser, ValueEnum};
use tokio::runtime;

use crate::{Error, Protocol, SampleRepository, Sandbox, SandboxBuilder};

/// Raise IMDSv2, STS and CodeCommit on loopback, print the environment to use them with, and serve until interrupted.
#[derive(Debug, Parser)]
#[command(after_help = "The profile `b` of the environment's AWS configuration is the scenario's: the instance role \
    RoleA assumes RoleB with its external ID, and RoleB may pull the repositories given.")]
struct Arguments {
    /// Serve the git repository in the folder DIR under NAME; may be repeated
    #[arg(long = "repo", value_name = "NAME=DIR", value_parser = parse_repository)]
    repositories: Vec<(String, PathBuf)>,
    /// Make a repository of the scenario's size (18,000 objects, 20 MiB) and serve it under NAME
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "app")]
    sample: Option<String>,
    /// Speak as CodeCommit does (protocol v0, few capabilities), or as a modern git server
    #[arg(long, value_enum, default_value_t = ProtocolName::Codecommit)]
    protocol: ProtocolName,
    /// The region of everything
    #[arg(long, value_name = "REGION", default_value = "ap-northeast-1")]
    region: String,
    /// Let RoleB push as well as pull: what is pushed changes the repositories given
    #[arg(long)]
    allow_push: bool,
    /// Set the servers' clock off by so many seconds, ahead where positive
    #[arg(long, value_name = "SECONDS", default_value_t = 0, allow_negative_numbers = true)]
    clock_offset: i64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ProtocolName {
    Codecommit,
    Modern,
}

/// Runs the command with these arguments, the program's name not among them, and returns its exit status: 0 after an
/// interrupt or a request to terminate, 1 where a port or file could not be had, 2 for wrong usage. `program` is the name
/// to show in usage.
///
/// The first lines on standard output are the environment to use the sandbox with, each as `export NAME='VALUE'`; once they
/// are there, the servers are too.
pub fn run(program: &'static str, arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let command = <Arguments as clap::CommandFactory>::command().name(program).bin_name(program);
    let named = std::iter::once(OsString::from(program)).chain(arguments);
    let parsed =
        command.try_get_matches_from(named).and_then(|matches| clap::FromArgMatches::from_arg_matches(&matches));
    let arguments: Arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help, asked for, is no error: clap knows which goes where.
            let _ = error.print();
            return error.exit_code() as u8;
        }
    };
    match serve(arguments) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{program}: {error}");
            let usage = matches!(error.kind(), crate::ErrorKind::Invalid | crate::ErrorKind::Repository);
            if usage { 2 } else { 1 }
        }
    }
}

fn parse_repository(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, directory)) if !name.is_empty() && !directory.is_empty() => Ok((name.to_owned(), directory.into())),
        _ => Err("it must be a repository's name, an equals sign and a folder".to_owned()),
    }
}

fn serve(mut arguments: Arguments) -> Result<(), Error> {
    let waiting = runtime::Builder::new_current_thread().enable_all().build();
    let waiting = waiting.map_err(|error| Error::io("no signals can be waited for", error))?;
    // Signals are taken before anything is printed: whoever reads the first line may interrupt at once.
    let interrupted = {
        let _context = waiting.enter();
        interruption().map_err(|error| Error::io("no signals can be waited for", error))?
    };
    // It goes with this function, after the sandbox.
    let folder = tempfile::Builder::new().prefix("codecommit-sandbox-").tempdir();
    let folder = folder.map_err(|error| Error::io("no temporary folder could be made", error))?;
    if let Some(name) = arguments.sample.take() {
        let directory = folder.path().join("sample.git");
        SampleRepository::scenario().create_in(&directory)?;
        arguments.repositories.push((name, directory));
    }
    let sandbox = builder(arguments).start()?;
    print_environment(&sandbox).map_err(|error| Error::io("standard output is closed", error))?;
    waiting.block_on(interrupted);
    Ok(())
}

fn builder(arguments: Arguments) -> SandboxBuilder {
    let protocol = match arguments.protocol {
        ProtocolName::Codecommit => Protocol::CodeCommit,
        ProtocolName::Modern => Protocol::Modern,
    };
    let mut builder =
        Sandbox::scenario().region(arguments.region).protocol(protocol).clock_offset(arguments.clock_offset);
    for (name, directory) in arguments.repositories {
        builder = builder.grant_pull("RoleB", &name);
        if arguments.allow_push {
            builder = builder.grant_push("RoleB", &name);
        }
        builder = builder.repository(name, directory);
    }
    builder
}

fn print_environment(sandbox: &Sandbox) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (name, value) in sandbox.env() {
        writeln!(out, "export {name}='{}'", value.replace('\'', r"'\''"))?;
    }
    out.flush()
}

#[cfg(unix)]
fn interruption() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn interruption() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
