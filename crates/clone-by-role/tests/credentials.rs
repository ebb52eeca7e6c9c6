//! A clone whose logins are signed by a chain of roles, as an instance of another account makes it.

#![cfg(all(feature = "codecommit", any(feature = "gitoxide", feature = "libgit2")))]

mod support;

use std::fs;
use std::path::Path;

use aws_credential_types::provider::ProvideCredentials as _;
use clone_by_role::{CloneRequest, Engine, ErrorKind, Hop, RoleArn, RoleChain};
use codecommit_sandbox::{Effect, Fault, Sandbox, Step};
use tempfile::TempDir;

use support::{Git, Repository};

/// Both accounts, a repository in B, and an empty folder on the instance in A.
struct World {
    sandbox: Sandbox,
    repository: Repository,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let repository = Repository::new(folder.path().join("origin"));
        repository.write("file.txt", "one\n");
        repository.commit("One");
        let sandbox = Sandbox::scenario().repository("app", repository.path()).start().expect("the sandbox starts");
        Self { sandbox, repository, folder }
    }

    fn role(&self, external_id: &str) -> RoleChain {
        let role = RoleArn::parse(self.sandbox.role_arn("RoleB")).expect("the sandbox names roles well");
        let chain = RoleChain::from_instance().environment(self.sandbox.env());
        chain.hop(Hop::new(role).external_id(external_id)).build().expect("it is a good chain")
    }

    fn request(&self, remote: &str, destination: &Path) -> CloneRequest {
        let request = CloneRequest::new(remote, destination).ca_bundle(self.sandbox.ca_bundle());
        request.endpoint(self.sandbox.codecommit_endpoint())
    }
}

/// Every name of a repository leads to the same clone, of one role that is assumed once.
async fn by_every_name(engine: fn() -> Box<dyn Engine>) {
    let world = World::new();
    let (region, url) = (world.sandbox.region(), world.sandbox.repository_url("app"));
    let account = world.sandbox.role_arn("RoleB").split(':').nth(4).expect("an ARN has an account").to_owned();
    let role = world.role(world.sandbox.external_id());
    let names = [
        format!("codecommit::{region}://app"),
        "codecommit://app".to_owned(),
        format!("arn:aws:codecommit:{region}:{account}:app"),
        url.clone(),
    ];
    for (number, name) in names.iter().enumerate() {
        let destination = world.folder.path().join(format!("clone-{number}"));
        let request = world.request(name, &destination).region(region).credentials(role.clone());
        let outcome = request.run(engine()).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(outcome.commit().to_string(), world.repository.git(&["rev-parse", "HEAD"]), "{name}");
        assert_eq!(fs::read_to_string(destination.join("file.txt")).expect("it is there"), "one\n");
        let git = Git::at(&destination);
        assert_eq!(git.says(&["status", "--porcelain"]), "", "{name}");
        let kept = if name.starts_with("arn:") { &url } else { name };
        assert_eq!(git.says(&["config", "remote.origin.url"]), *kept);
    }
    assert_eq!(world.sandbox.count(Step::AssumeRole), 1);
    let own = world.sandbox.codecommit_endpoint().replace("https://", "");
    let sts = world.sandbox.sts_endpoint().replace("https://", "");
    let told = world.sandbox.hosts_with_authorization();
    assert!(told.contains(&own) && told.iter().all(|host| *host == own || *host == sts), "{told:?}");

    let keys = role.provide_credentials().await.expect("they are cached");
    let token = keys.session_token().expect("a role has one");
    for secret in [keys.access_key_id(), keys.secret_access_key(), token] {
        assert_eq!(holding(world.folder.path(), secret.as_bytes()), [""; 0]);
    }
}

/// A wrong external ID, a role that may not pull, and no repository: each is addressed, and nothing is left.
async fn refusals(engine: fn() -> Box<dyn Engine>) {
    let world = World::new();
    let destination = world.folder.path().join("clone");
    let remote = |name: &str| format!("codecommit::{}://{name}", world.sandbox.region());
    let good = || world.role(world.sandbox.external_id());
    let cases = [
        (remote("app"), world.role("wrong-id"), ErrorKind::Credentials, "hop 1"),
        (remote("other"), good(), ErrorKind::Denied, "codecommit:GitPull"),
        (remote("app"), good(), ErrorKind::Denied, "codecommit:GitPull"),
    ];
    for (number, (remote, role, kind, named)) in cases.into_iter().enumerate() {
        if number == 2 {
            world.sandbox.set_fault(Fault::new(Step::FetchRefs, Effect::Status(403)));
        }
        let error = world.request(&remote, &destination).credentials(role).run(engine()).await.expect_err(&remote);
        assert_eq!(error.kind(), kind, "{error:?}");
        let told = format!("{error} {}", error.help().unwrap_or_default());
        assert!(told.contains(named), "{told}");
        let mut left: Vec<_> = fs::read_dir(world.folder.path()).expect("it can be read").collect();
        assert_eq!(left.pop().expect("origin").expect("it can be read").file_name(), "origin");
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The files below `folder` that hold these bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else if fs::read(&path).expect("it can be read").windows(bytes.len()).any(|window| window == bytes) {
            found.push(path.display().to_string());
        }
    }
    found
}

macro_rules! credentials {
    ($($name:ident)+) => {
        #[cfg(feature = "gitoxide")]
        mod gitoxide {
            $(#[tokio::test] async fn $name() { super::$name(|| Box::new(clone_by_role::Gitoxide::default())).await })+
        }

        #[cfg(feature = "libgit2")]
        mod libgit2 {
            $(#[tokio::test] async fn $name() { super::$name(|| Box::new(clone_by_role::Libgit2::default())).await })+
        }
    };
}

credentials! {
    by_every_name
    refusals
}
