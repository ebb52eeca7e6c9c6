//! IMDSv2, STS and CodeCommit on loopback, for tests without the cloud.
//!
//! ```
//! use codecommit_sandbox::{Effect, Fault, Sandbox, Step};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let app = folder.path();
//! # assert!(std::process::Command::new("git").args(["init", "-q", "--bare"]).arg(app).status()?.success());
//! // An instance in account A with RoleA, which may assume RoleB of account B, which may pull `app`.
//! let sandbox = Sandbox::scenario().repository("app", app).start()?;
//!
//! // Point clients at it by hand, or by the environment:
//! println!("git clone {}", sandbox.repository_url("app"));
//! for (name, value) in sandbox.env() {
//!     println!("export {name}='{value}'");
//! }
//!
//! // Break something, run the client under test, and look at what came in.
//! sandbox.set_fault(Fault::new(Step::AssumeRole, Effect::Throttle).times(1));
//! assert_eq!(sandbox.count(Step::AssumeRole), 0);
//! assert!(sandbox.hosts_with_authorization().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # What it checks
//! - **IMDS**: version 2 only. A token first, with a TTL; 401 for a bad or expired one, 404 without an instance profile, 403
//!   where the service is turned off.
//! - **STS**, over HTTP and HTTPS: signatures of version 4 with their window of 15 minutes, session tokens, expiry, the
//!   limits of every parameter, trust policies with external IDs and MFA, the caller's own permission, session policies, tags
//!   and source identities, the role's longest session and the hour that chained sessions are capped at.
//! - **CodeCommit**, over TLS: the login in the `Authorization` header (its signature, age, session token, and the expiry of
//!   the keys that signed it), `codecommit:GitPull` and `codecommit:GitPush` by role, repositories by account and region.
//!   Behind that, the installed git serves the repository, with the capabilities that CodeCommit lists ([`Protocol`]).
//!
//! - **Beside them**: the credentials endpoint of containers ([`Sandbox::container_credentials`]), tokens for
//!   `AssumeRoleWithWebIdentity` ([`Sandbox::web_identity_token`]), the portal of IAM Identity Center
//!   ([`Sandbox::sso_endpoint`]), Git LFS ([`SandboxBuilder::lfs`]), a proxy that leads to the servers here by the names of the
//!   real ones ([`Sandbox::proxy_endpoint`]), and a host that is none of AWS ([`Sandbox::elsewhere_endpoint`]).
//!
//! # What can go wrong
//! A [`Fault`] makes a [`Step`] go wrong by one of the [`Effect`]s, always or a number of times: refused, reset and stalled
//! connections, bad certificates, any status, throttling, redirects, late, slow, cut and endless answers, and packs with a
//! flipped bit, cut short, or of the test's own making. [`Sandbox::advance_clock`] ages credentials and logins without any
//! waiting; [`Sandbox::put_role`] and [`Sandbox::expire_sessions`] change the world under a client's feet.
//!
//! It shares no code with the crates that it is a test double for: signatures, logins and policies are checked by its own. The
//! AWS CLI, botocore, stock git and git-remote-codecommit stand as its judges in its own tests.
//!
//! # What it does not
//! Only these three services, and of IAM what bears on them: no service control policies, no permission boundaries, no
//! conditions but external ID and MFA, no KMS. What is not known of the live CodeCommit (the text of a 403, say) is kept
//! plain, and no client should rely on it.
//!
//! # Running it
//! [`SandboxBuilder::start`] needs no async runtime and does not mind one. Ports are the system's choice, so any number of
//! sandboxes run side by side; dropping one closes its ports and removes its files. The `git` program must be installed where
//! repositories are served.

mod builder;
mod clock;
mod codecommit;
pub mod command;
mod containers;
mod environment;
mod error;
mod fault;
mod imds;
mod lfs;
mod log;
mod login;
mod policy;
mod proxy;
mod region;
mod role;
pub mod sample;
mod sandbox;
pub mod scenario;
mod server;
mod session;
mod sigv4;
mod sso;
mod step;
mod sts;
mod tls;
mod web_identity;
mod world;

pub use builder::{Protocol, SandboxBuilder};
pub use environment::FOREIGN_VARIABLES;
pub use error::{Error, ErrorKind};
pub use fault::{Effect, Fault, Target};
pub use log::Request;
pub use policy::Policy;
pub use role::{Role, User};
pub use sample::SampleRepository;
pub use sandbox::{Keys, Sandbox};
pub use step::{Service, Step};
