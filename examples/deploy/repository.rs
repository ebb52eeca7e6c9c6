//! Where releases come from.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use clone_by_role::{CloneRequest, Error, ErrorKind, Gitoxide, Hop, ProgressPrinter, RoleArn, RoleChain, Step};

use crate::failure::Failure;
use crate::objects::{Deployments, Store};
use crate::place::Place;

/// The repository, and as whom to read it.
#[derive(clap::Args, Debug)]
pub(crate) struct Source {
    /// The repository: codecommit::REGION://NAME, an ARN, or an HTTPS URL.
    #[arg(env = "DEPLOY_REMOTE")]
    remote: String,
    /// The branch to follow, instead of the default one.
    #[arg(long, env = "DEPLOY_BRANCH", conflicts_with = "rev")]
    branch: Option<String>,
    /// The commit or tag to deploy.
    #[arg(long, value_name = "COMMIT|TAG")]
    rev: Option<String>,
    /// The AWS profile to act as; without it and without a role, AWS_PROFILE or the instance's role.
    #[arg(long, conflicts_with = "role_arn")]
    profile: Option<String>,
    /// The role to assume from the instance's role.
    #[arg(long, value_name = "ARN", env = "DEPLOY_ROLE_ARN")]
    role_arn: Option<String>,
    /// The external ID that it asks for.
    #[arg(long, value_name = "ID", env = "DEPLOY_EXTERNAL_ID", requires = "role_arn", hide_env_values = true)]
    external_id: Option<String>,
    /// Keep the role's session in this folder, so that a timer's runs do not ask STS each time; readable by its owner alone.
    #[arg(long, value_name = "FOLDER", env = "DEPLOY_CACHE")]
    cache: Option<PathBuf>,
    /// How often to try where trying again can help, with growing pauses that differ from host to host.
    #[arg(long, value_name = "N", env = "DEPLOY_TRIES", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    tries: u32,
    /// A CodeCommit endpoint that you vouch for.
    #[arg(long, value_name = "URL", env = "CODE_COMMIT_ENDPOINT")]
    endpoint: Option<String>,
}

/// What the server has.
pub(crate) enum Found {
    /// A commit that need not come, since it is known.
    Known(String),
    /// A tree to make a release of.
    Fetched(Fetched),
}

/// A clone of one commit.
pub(crate) struct Fetched {
    pub(crate) tree: PathBuf,
    pub(crate) commit: String,
    /// Bytes of objects that came.
    pub(crate) bytes: u64,
}

impl Source {
    /// Fetches the commit that is to be live, unless it is one of the `known`; again where that can help.
    pub(crate) fn fetch(&self, place: &Place, known: Vec<String>, quiet: bool) -> Result<Found, Failure> {
        let request = self.request(place.incoming(), quiet)?;
        let mut store = Some(place.store()).filter(Store::is_there);
        let mut failures = 0;
        loop {
            match fetch_once(&request, place, store.clone(), known.clone()) {
                // A store that was damaged costs a clone, not the deployment.
                Err(error) if store.is_some() && may_be_the_stores(&error) => {
                    eprintln!("warning: {error}; begins anew");
                    store = None;
                    place.store().remove().map_err(Failure::io("the last deployment's objects cannot be removed"))?;
                }
                Err(error) if error.is_retryable() && failures + 1 < self.tries => {
                    failures += 1;
                    let pause = role_chain::backoff(failures, chance());
                    eprintln!("warning: {error}; again in {:.0} s", pause.as_secs_f64());
                    std::thread::sleep(pause);
                }
                outcome => return outcome.map_err(Failure::from),
            }
        }
    }

    fn request(&self, tree: PathBuf, quiet: bool) -> Result<CloneRequest, Failure> {
        let mut chain = match &self.profile {
            Some(profile) => RoleChain::from_profile(profile),
            None => RoleChain::from_env(),
        };
        if let Some(role) = &self.role_arn {
            let mut hop = Hop::new(RoleArn::parse(role).map_err(clone_by_role::Error::from)?);
            if let Some(id) = &self.external_id {
                hop = hop.external_id(id);
            }
            chain = chain.hop(hop);
        }
        if let Some(folder) = &self.cache {
            // This process ends before a refresh in the background would.
            chain = chain.disk_cache_in(folder).refresh_in_foreground();
        }
        let chain = chain.build().map_err(clone_by_role::Error::from)?;
        let mut request = CloneRequest::new(&self.remote, tree).credentials(chain).depth(1);
        if let Some(endpoint) = &self.endpoint {
            request = request.endpoint(endpoint);
        }
        if let Some(branch) = &self.branch {
            request = request.branch(branch);
        }
        if let Some(rev) = &self.rev {
            request = request.rev(rev);
        }
        if !quiet {
            let printer = ProgressPrinter::stderr();
            request = request.on_event(move |event| printer.show(event));
        }
        Ok(request)
    }
}

fn fetch_once(request: &CloneRequest, place: &Place, store: Option<Store>, known: Vec<String>) -> Result<Found, Error> {
    let met = Arc::default();
    let engine = Deployments { store, known, met: Arc::clone(&met), engine: Gitoxide::default() };
    let outcome = request.clone().run_blocking(engine);
    if let Some(commit) = met.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Ok(Found::Known(commit));
    }
    let outcome = outcome?;
    if outcome.commit().is_null() {
        return Err(Error::new(ErrorKind::RevisionNotFound, Step::Connect, "the repository is empty"));
    }
    let commit = outcome.commit().to_string();
    Ok(Found::Fetched(Fetched { tree: place.incoming(), commit, bytes: outcome.bytes() }))
}

/// Whether a failure may come of what an earlier deployment left.
fn may_be_the_stores(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Io | ErrorKind::Protocol)
}

/// A random number from 0 up to 1: the standard library draws each `RandomState` from the system's randomness.
fn chance() -> f64 {
    (RandomState::new().build_hasher().finish() >> 11) as f64 / (1_u64 << 53) as f64
}
