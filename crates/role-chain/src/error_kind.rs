/// What kind of failure an [`Error`](crate::Error) is. Each kind's text says who must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A name, number or ARN breaks a rule of STS or IAM, and was refused before any call. The caller must correct it.
    InvalidArgument,
    /// The AWS profile is missing, contradicts itself, refers to itself in a loop, or its file cannot be read. Whoever keeps `~/.aws/config` must mend it.
    InvalidProfile,
    /// The profile or the environment asks for a way to credentials that this crate, or this build of it, does not have. Choose another base.
    Unsupported,
    /// The instance metadata service knows no role (404): the instance's owner must attach an instance profile.
    NoInstanceProfile,
    /// The instance metadata service refuses to answer (403), or is switched off for this process: the instance's owner must enable it.
    ImdsDisabled,
    /// The instance metadata service did not answer: not an EC2 instance, or a container behind a hop limit of 1.
    ImdsUnreachable,
    /// The instance metadata service answered something that is not credentials.
    ImdsAnswer,
    /// The base credentials (environment, container, process, token file, the caller's provider) could not be had.
    BaseUnavailable,
    /// STS refused `AssumeRole` (AccessDenied): an owner of one of the two accounts must allow it.
    AccessDenied,
    /// STS does not know the base credentials' access key. Whoever issued the key must replace it.
    InvalidCredentials,
    /// The credentials that a hop was to be taken with have expired, and those fetched anew had too.
    ExpiredCredentials,
    /// STS is throttling the account's calls. Trying again later helps.
    Throttled,
    /// STS refused the request's signature, and the clocks differ: set this host's clock (NTP).
    ClockSkew,
    /// STS refused the request's signature though the clocks agree: the secret key is not the access key's, or something altered the request on its way.
    SignatureRefused,
    /// STS refused what the call asked for (a duration above the role's maximum, a malformed policy, a region that is not enabled, …).
    Refused,
    /// STS could not be reached: name resolution, connection, proxy, or it answered with a server error.
    StsUnreachable,
    /// The server's TLS certificate is not trusted here.
    Untrusted,
    /// STS, or something in its place, answered what is not an STS answer.
    StsAnswer,
    /// The credentials do not last as long as the caller asked: ask for less, or for longer sessions.
    TooShort,
    /// No MFA code was given, or none that could be one.
    MfaToken,
    /// There is no tokio runtime, which network calls need.
    NoRuntime,
    /// The call that this caller waited for was cut short, as by the end of its runtime.
    Interrupted,
}

impl ErrorKind {
    /// The kind's name in `snake_case`, as reports for scripts have it. Stable across releases.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid_argument",
            Self::InvalidProfile => "invalid_profile",
            Self::Unsupported => "unsupported",
            Self::NoInstanceProfile => "no_instance_profile",
            Self::ImdsDisabled => "imds_disabled",
            Self::ImdsUnreachable => "imds_unreachable",
            Self::ImdsAnswer => "imds_answer",
            Self::BaseUnavailable => "base_unavailable",
            Self::AccessDenied => "access_denied",
            Self::InvalidCredentials => "invalid_credentials",
            Self::ExpiredCredentials => "expired_credentials",
            Self::Throttled => "throttled",
            Self::ClockSkew => "clock_skew",
            Self::SignatureRefused => "signature_refused",
            Self::Refused => "refused",
            Self::StsUnreachable => "sts_unreachable",
            Self::Untrusted => "untrusted",
            Self::StsAnswer => "sts_answer",
            Self::TooShort => "too_short",
            Self::MfaToken => "mfa_token",
            Self::NoRuntime => "no_runtime",
            Self::Interrupted => "interrupted",
        }
    }

    pub(crate) fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::ImdsUnreachable
                | Self::Throttled
                | Self::StsUnreachable
                | Self::ExpiredCredentials
                | Self::Interrupted
        )
    }
}
