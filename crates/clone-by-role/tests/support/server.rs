//! A CodeCommit on loopback with one repository, and a user who may pull it.

use std::path::Path;

use clone_by_role::CloneRequest;
use codecommit_sandbox::{Protocol, Sandbox, User, scenario::ACCOUNT_B};

use super::Signer;

/// The repository's name at the server.
pub(crate) const REPOSITORY: &str = "app";

const USER: &str = "puller";

/// A running server.
pub(crate) struct Server {
    pub(crate) sandbox: Sandbox,
}

impl Server {
    /// Serves the repository in this folder.
    pub(crate) fn start(repository: &Path, protocol: Protocol) -> Self {
        let user = User::new(ACCOUNT_B, USER).allows("codecommit:GitPull", format!("arn:*:codecommit:*:{ACCOUNT_B}:*"));
        let world = Sandbox::scenario().user(user).repository(REPOSITORY, repository).protocol(protocol);
        Self { sandbox: world.start().expect("the sandbox starts") }
    }

    pub(crate) fn url(&self) -> String {
        self.sandbox.repository_url(REPOSITORY)
    }

    /// Logins for the repository.
    pub(crate) fn signer(&self) -> Signer {
        let keys = self.sandbox.user_keys(USER).expect("the user is there");
        Signer { keys, region: self.sandbox.region().to_owned(), repository: REPOSITORY.to_owned() }
    }

    /// A clone from here that should succeed.
    pub(crate) fn request(&self, destination: &Path) -> CloneRequest {
        let request = CloneRequest::new(self.url(), destination).authenticate(self.signer());
        request.ca_bundle(self.sandbox.ca_bundle())
    }
}
