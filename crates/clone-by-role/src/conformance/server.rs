//! A CodeCommit on loopback with one repository, and a user who may pull it.

use std::path::Path;

use codecommit_sandbox::{Protocol, Sandbox, User, scenario::ACCOUNT_B};

use super::Signer;
use crate::CloneRequest;

/// The repository's name at the server.
const REPOSITORY: &str = "app";

const USER: &str = "puller";

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// The sandbox, with its faults and its log.
    pub sandbox: Sandbox,
}

impl Server {
    /// Serves the repository in this folder.
    pub fn start(repository: &Path, protocol: Protocol) -> Self {
        let user = User::new(ACCOUNT_B, USER).allows("codecommit:GitPull", format!("arn:*:codecommit:*:{ACCOUNT_B}:*"));
        let world = Sandbox::scenario().user(user).repository(REPOSITORY, repository).protocol(protocol);
        Self { sandbox: world.start().expect("the sandbox starts") }
    }

    /// The URL of the repository.
    pub fn url(&self) -> String {
        self.sandbox.repository_url(REPOSITORY)
    }

    /// Logins for the repository.
    pub fn signer(&self) -> Signer {
        let keys = self.sandbox.user_keys(USER).expect("the user is there");
        Signer { keys, region: self.sandbox.region().to_owned(), repository: REPOSITORY.to_owned() }
    }

    /// A clone from here that should succeed.
    pub fn request(&self, destination: &Path) -> CloneRequest {
        let request = CloneRequest::new(self.url(), destination).authenticate(self.signer());
        request.ca_bundle(self.sandbox.ca_bundle())
    }
}
