//! What a request can be about.

use std::fmt;

/// One of the sandbox's servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Service {
    /// The instance metadata service.
    Imds,
    /// The security token service, over HTTP or HTTPS.
    Sts,
    /// The git server.
    CodeCommit,
    /// The credentials endpoint of containers (ECS, EKS).
    Containers,
    /// The portal of IAM Identity Center.
    Sso,
    /// A forward proxy: tunnels to AWS's host names end at the servers here, and no other leads out.
    Proxy,
    /// A host that is none of AWS: redirects lead to it, and it notes who comes and what they bring.
    Elsewhere,
}

/// The steps that a clone (or a push) is made of, as the servers see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Step {
    /// IMDS: `PUT /latest/api/token`.
    ImdsToken,
    /// IMDS: which role does the instance have?
    ImdsRole,
    /// IMDS: the role's credentials.
    ImdsCredentials,
    /// IMDS: any other path, such as the instance ID.
    ImdsOther,
    /// STS: `AssumeRole`.
    AssumeRole,
    /// STS: `GetCallerIdentity`.
    GetCallerIdentity,
    /// STS: `AssumeRoleWithWebIdentity`.
    AssumeRoleWithWebIdentity,
    /// STS: any other action.
    StsOther,
    /// CodeCommit: `GET …/info/refs?service=git-upload-pack`, the first request of a clone or fetch.
    FetchRefs,
    /// CodeCommit, protocol v2 only: `POST …/git-upload-pack` with `command=ls-refs`.
    ListRefs,
    /// CodeCommit: `POST …/git-upload-pack` that asks for objects.
    Fetch,
    /// CodeCommit: `GET …/info/refs?service=git-receive-pack`, the first request of a push.
    PushRefs,
    /// CodeCommit: `POST …/git-receive-pack`.
    Push,
    /// CodeCommit: any other path.
    CodeCommitOther,
    /// CodeCommit: `POST …/info/lfs/objects/batch`, the batch API of Git LFS.
    LfsBatch,
    /// Elsewhere: an object of Git LFS is downloaded.
    LfsObject,
    /// A container asks for its credentials.
    ContainerCredentials,
    /// IAM Identity Center: `GetRoleCredentials`.
    SsoCredentials,
    /// The proxy is asked for a tunnel.
    ProxyConnect,
    /// The proxy is asked for anything else, which it refuses.
    ProxyOther,
    /// Any request to [`Service::Elsewhere`].
    Elsewhere,
}

impl Step {
    /// The server that this step happens at.
    pub fn service(self) -> Service {
        match self {
            Step::ImdsToken | Step::ImdsRole | Step::ImdsCredentials | Step::ImdsOther => Service::Imds,
            Step::AssumeRole | Step::AssumeRoleWithWebIdentity | Step::GetCallerIdentity | Step::StsOther => {
                Service::Sts
            }
            Step::FetchRefs
            | Step::ListRefs
            | Step::Fetch
            | Step::PushRefs
            | Step::Push
            | Step::LfsBatch
            | Step::CodeCommitOther => Service::CodeCommit,
            Step::ContainerCredentials => Service::Containers,
            Step::ProxyConnect | Step::ProxyOther => Service::Proxy,
            Step::SsoCredentials => Service::Sso,
            Step::Elsewhere | Step::LfsObject => Service::Elsewhere,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Service::Imds => "IMDS",
            Service::Sts => "STS",
            Service::CodeCommit => "CodeCommit",
            Service::Containers => "container credentials",
            Service::Sso => "IAM Identity Center",
            Service::Proxy => "proxy",
            Service::Elsewhere => "elsewhere",
        })
    }
}
