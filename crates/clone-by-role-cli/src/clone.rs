//! `clone-by-role clone`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use clone_by_role::{CancelToken, CloneRequest, Engine, Error, ProgressPrinter};

use crate::report;
use crate::who::Who;

/// The flags and words of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    who: Who,
    /// The git implementation that does the work.
    #[arg(long, value_enum, default_value_t = Backend::default())]
    backend: Backend,
    /// Check out this branch (or tag) instead of the default branch.
    #[arg(long, value_name = "BRANCH", conflicts_with = "rev")]
    branch: Option<String>,
    /// Check out this commit (40 digits) or tag, with a detached HEAD.
    #[arg(long, value_name = "COMMIT|TAG")]
    rev: Option<String>,
    /// Take only the last N commits.
    #[arg(long, value_name = "N")]
    depth: Option<u32>,
    /// Take the history of one branch alone.
    #[arg(long)]
    single_branch: bool,
    /// Make a bare repository, without a worktree.
    #[arg(long)]
    bare: bool,
    /// Print one JSON object on standard output instead of words.
    #[arg(long)]
    json: bool,
    /// A CodeCommit endpoint that you vouch for, such as https://127.0.0.1:8443.
    #[arg(long, value_name = "URL", env = "CODE_COMMIT_ENDPOINT")]
    endpoint: Option<String>,
    /// The region for a remote whose name has none.
    #[arg(long, value_name = "REGION", env = "AWS_REGION")]
    region: Option<String>,
    /// The repository: codecommit::REGION://NAME, codecommit://PROFILE@NAME, an ARN, or an HTTPS URL.
    remote: String,
    /// The new folder [default: the repository's name].
    dest: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Backend {
    #[cfg(feature = "gitoxide")]
    #[default]
    Gitoxide,
    #[cfg(feature = "libgit2")]
    #[cfg_attr(not(feature = "gitoxide"), default)]
    Libgit2,
}

impl Backend {
    fn engine(self) -> Box<dyn Engine> {
        match self {
            #[cfg(feature = "gitoxide")]
            Self::Gitoxide => Box::new(clone_by_role::Gitoxide::default()),
            #[cfg(feature = "libgit2")]
            Self::Libgit2 => Box::new(clone_by_role::Libgit2::default()),
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: Args) -> ExitCode {
    let (json, backend) = (args.json, args.backend);
    match request(args).and_then(|request| clone(request, backend)) {
        Ok(outcome) => report::done(&outcome, json),
        Err(error) => report::failed(&error, json),
    }
}

fn request(args: Args) -> Result<CloneRequest, Error> {
    let destination = args.dest.unwrap_or_else(|| default_destination(&args.remote, args.bare));
    let mut request = CloneRequest::new(&args.remote, destination).single_branch(args.single_branch).bare(args.bare);
    let mut region = args.region;
    if args.who.is_given() {
        let chain = args.who.chain_or(remote_profile(&args.remote).as_deref())?.build()?;
        region = region.or_else(|| chain.region().map(ToString::to_string));
        request = request.credentials(chain);
    }
    if let Some(region) = region {
        request = request.region(region);
    }
    if let Some(endpoint) = args.endpoint {
        request = request.endpoint(endpoint);
    }
    if let Some(branch) = args.branch {
        request = request.branch(branch);
    }
    if let Some(rev) = args.rev {
        request = request.rev(rev);
    }
    if let Some(depth) = args.depth {
        request = request.depth(depth);
    }
    if !args.json {
        let printer = ProgressPrinter::stderr();
        request = request.on_event(move |event| printer.show(event));
    }
    Ok(request)
}

/// The profile that the remote's name holds. A name that cannot be read is refused with the rest of the request.
fn remote_profile(remote: &str) -> Option<String> {
    codecommit_auth::Remote::parse(remote).ok()?.profile().map(str::to_owned)
}

/// The last part of the remote's name, as git takes it.
fn default_destination(remote: &str, bare: bool) -> PathBuf {
    let name = remote.trim_end_matches('/').rsplit(['/', ':', '@']).next().unwrap_or(remote);
    PathBuf::from(if bare { format!("{name}.git") } else { name.to_owned() })
}

fn clone(request: CloneRequest, backend: Backend) -> Result<clone_by_role::Outcome, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Error::new(clone_by_role::ErrorKind::Io, clone_by_role::Step::Plan, "no runtime can be made").with_source(error)
    })?;
    runtime.block_on(async {
        let cancel = CancelToken::new();
        let work = request.cancel_with(cancel.clone()).run(backend.engine());
        tokio::pin!(work);
        tokio::select! {
            outcome = &mut work => outcome,
            _ = interrupted() => {
                cancel.cancel();
                work.await
            }
        }
    })
}

/// Waits for the signals that end a command, so that it can remove what it has begun.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
