//! Where releases come from.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::PathBuf;

use clone_by_role::{CloneRequest, Gitoxide, Hop, ProgressPrinter, RoleArn, RoleChain};

use crate::failure::Failure;
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

/// A tree to make a release of.
pub(crate) struct Fetched {
    pub(crate) tree: PathBuf,
    pub(crate) commit: String,
    /// Bytes of objects that came.
    pub(crate) bytes: u64,
}

impl Source {
    /// Fetches the commit that is to be live, again where that can help.
    pub(crate) fn fetch(&self, place: &Place, quiet: bool) -> Result<Fetched, Failure> {
        let mut failures = 0;
        loop {
            match self.fetch_once(place, quiet) {
                Err(failure) if failure.retryable && failures + 1 < self.tries => {
                    failures += 1;
                    let pause = role_chain::backoff(failures, chance());
                    eprintln!("warning: {}; again in {:.0} s", failure.message, pause.as_secs_f64());
                    std::thread::sleep(pause);
                }
                outcome => return outcome,
            }
        }
    }

    fn fetch_once(&self, place: &Place, quiet: bool) -> Result<Fetched, Failure> {
        let tree = place.root().join("incoming");
        match fs::remove_dir_all(&tree) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::io(format!("{} cannot be removed", tree.display()))(error));
            }
            _ => {}
        }
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
        let mut request = CloneRequest::new(&self.remote, &tree).credentials(chain).depth(1);
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
        let outcome = request.run_blocking(Gitoxide::default())?;
        if outcome.commit().is_null() {
            return Err(Failure::new("revision_not_found", "the repository is empty"));
        }
        Ok(Fetched { tree, commit: outcome.commit().to_string(), bytes: outcome.bytes() })
    }
}

/// A random number from 0 up to 1: the standard library draws each `RandomState` from the system's randomness.
fn chance() -> f64 {
    (RandomState::new().build_hasher().finish() >> 11) as f64 / (1_u64 << 53) as f64
}
