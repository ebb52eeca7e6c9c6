use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::arn::RoleArn;
use crate::error::Error;
use crate::error_kind::ErrorKind;
use crate::limits;

/// One `AssumeRole`: the role to become, and what STS is told about the session.
///
/// Nothing is checked here: [`RoleChainBuilder::build`](crate::RoleChainBuilder::build) checks the whole chain at once, and names the hop, the rule and the value.
///
/// ```
/// use std::time::Duration;
/// use role_chain::{Hop, RoleArn};
///
/// let hop = Hop::new(RoleArn::parse("arn:aws:iam::222222222222:role/RoleB")?)
///     .external_id("partner-7f3a")
///     .session_name("deploy-web-1")
///     .duration(Duration::from_secs(900));
/// # Ok::<(), role_chain::Error>(())
/// ```
#[derive(Clone)]
pub struct Hop {
    pub(crate) role: RoleArn,
    pub(crate) external_id: Option<String>,
    pub(crate) session_name: Option<String>,
    pub(crate) duration: Option<Duration>,
    pub(crate) policy: Option<String>,
    pub(crate) policy_arns: Vec<String>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) source_identity: Option<String>,
    pub(crate) mfa: Option<Mfa>,
    /// The profile that the hop was read from, for messages.
    pub(crate) profile: Option<String>,
}

impl Hop {
    /// A hop to `role`.
    pub fn new(role: RoleArn) -> Self {
        Self {
            role,
            external_id: None,
            session_name: None,
            duration: None,
            policy: None,
            policy_arns: Vec::new(),
            tags: Vec::new(),
            source_identity: None,
            mfa: None,
            profile: None,
        }
    }

    /// The external ID that the role's trust policy asks for: 2 to 1,224 of ASCII letters, digits and `+=,.@:/-_`.
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// The session's name, which CloudTrail and the caller's ARN show: 2 to 64 of ASCII letters, digits and `+=,.@-_`.
    ///
    /// Where none is set, one is made of the program's name and the instance's id (the host's name where there is no instance).
    pub fn session_name(mut self, name: impl Into<String>) -> Self {
        self.session_name = Some(name.into());
        self
    }

    /// How long the session lasts: whole seconds, 900 to 43,200, and at most 3,600 where the role is assumed with temporary credentials, as an instance's are.
    ///
    /// STS takes 3,600 seconds where this is not set. The role's own maximum session duration bounds it too, which only STS can tell.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// Narrows the session to one action on one resource: what the role allows beyond that is not allowed to it.
    ///
    /// The inline session policy of one statement; the last of this and [`policy`](Self::policy) holds.
    ///
    /// ```
    /// # use role_chain::{Hop, RoleArn};
    /// # let role = RoleArn::parse("arn:aws:iam::222222222222:role/RoleB")?;
    /// let hop = Hop::new(role)
    ///     .allow_only("codecommit:GitPull", "arn:aws:codecommit:ap-northeast-1:222222222222:app");
    /// # Ok::<(), role_chain::Error>(())
    /// ```
    pub fn allow_only(self, action: impl Into<String>, resource: impl Into<String>) -> Self {
        let statement = serde_json::json!({
            "Effect": "Allow",
            "Action": action.into(),
            "Resource": resource.into(),
        });
        let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [statement] });
        self.policy(policy.to_string())
    }

    /// An inline session policy, as JSON of at most 2,048 characters: the session may do what both it and the role allow.
    pub fn policy(mut self, json: impl Into<String>) -> Self {
        self.policy = Some(json.into());
        self
    }

    /// Adds a managed policy of the role's account as a session policy, by its ARN: at most 10.
    pub fn policy_arn(mut self, arn: impl Into<String>) -> Self {
        self.policy_arns.push(arn.into());
        self
    }

    /// Adds a session tag: at most 50, keys of 1 to 128 characters, values of at most 256.
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.add_tag(key.into(), value.into(), false)
    }

    /// Adds a session tag that the hops after this one inherit.
    pub fn transitive_tag(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.add_tag(key.into(), value.into(), true)
    }

    /// The source identity, which CloudTrail shows for this session and all that are taken from it: 2 to 64 of ASCII letters, digits and `+=,.@-_`.
    pub fn source_identity(mut self, identity: impl Into<String>) -> Self {
        self.source_identity = Some(identity.into());
        self
    }

    /// Presents an MFA device: `serial` is its ARN or number, `token` is asked for its six digits whenever the hop is taken.
    ///
    /// `token` is called with the serial on a thread where it may block, as a prompt does. Such a hop is never taken in the background: nobody wants to be
    /// asked for digits out of the blue.
    pub fn mfa<F>(mut self, serial: impl Into<String>, token: F) -> Self
    where
        F: Fn(&str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> + Send + Sync + 'static,
    {
        self.mfa = Some(Mfa { serial: serial.into(), token: Arc::new(token) });
        self
    }

    /// The role that the hop leads to.
    pub fn role(&self) -> &RoleArn {
        &self.role
    }

    /// Checks what was set against the limits of STS. `chained` is whether the hop is taken with temporary credentials.
    pub(crate) fn check(&self, step: &str, chained: bool) -> Result<(), Error> {
        self.check_parts(chained).map_err(|error| error.at(step.to_owned()))
    }

    /// Checks what only the credentials of the step before decide: whether this is role chaining.
    pub(crate) fn check_chained(&self, duration: Duration) -> Result<(), Error> {
        limits::chained_duration(duration).map_err(|broken| self.refuse(DURATION, broken))
    }

    fn add_tag(mut self, key: String, value: String, transitive: bool) -> Self {
        self.tags.push(Tag { key, value, transitive });
        self
    }

    fn check_parts(&self, chained: bool) -> Result<(), Error> {
        let refuse = |part: Part, broken: String| self.refuse(part, broken);
        if let Some(value) = &self.external_id {
            limits::external_id(value).map_err(|broken| refuse(EXTERNAL_ID, broken))?;
        }
        if let Some(value) = &self.session_name {
            limits::session_name(value).map_err(|broken| refuse(SESSION_NAME, format!("{value:?} {broken}")))?;
        }
        if let Some(value) = self.duration {
            limits::duration(value).map_err(|broken| refuse(DURATION, broken))?;
            if chained {
                self.check_chained(value)?;
            }
        }
        if let Some(value) = &self.policy {
            limits::session_policy(value).map_err(|broken| refuse(POLICY, broken))?;
        }
        limits::session_policy_arns(&self.policy_arns).map_err(|broken| refuse(POLICY_ARNS, broken))?;
        let tags = self.tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
        limits::tags(tags).map_err(|broken| refuse(TAGS, broken))?;
        if let Some(value) = &self.source_identity {
            limits::source_identity(value).map_err(|broken| refuse(SOURCE_IDENTITY, format!("{value:?} {broken}")))?;
        }
        if let Some(mfa) = &self.mfa {
            limits::serial_number(&mfa.serial).map_err(|broken| refuse(MFA, format!("{:?} {broken}", mfa.serial)))?;
        }
        Ok(())
    }

    fn refuse(&self, part: Part, broken: String) -> Error {
        let place = match &self.profile {
            Some(profile) => format!("profile {profile:?}: {}", part.profile_key),
            None => part.name.to_owned(),
        };
        Error::new(ErrorKind::InvalidArgument, format!("{place} {broken}"))
            .with_target(self.role.as_str())
            .with_help(part.help)
    }
}

/// A part of a hop as messages name it.
struct Part {
    name: &'static str,
    profile_key: &'static str,
    help: &'static str,
}

const EXTERNAL_ID: Part = Part {
    name: "the external ID",
    profile_key: "external_id",
    help: "Use the value of the sts:ExternalId condition in the role's trust policy, as its account's owner gave it to you.",
};
const SESSION_NAME: Part = Part {
    name: "the session name",
    profile_key: "role_session_name",
    help: "Choose another session name, or leave it out to have one made.",
};
const DURATION: Part = Part {
    name: "the duration",
    profile_key: "duration_seconds",
    help: "Ask for a shorter session, or leave the duration out: credentials are refreshed as long as they are used.",
};

const POLICY: Part =
    Part { name: "the session policy", profile_key: "", help: "Give an IAM policy document, or use Hop::allow_only." };
const POLICY_ARNS: Part = Part {
    name: "the managed session policies",
    profile_key: "",
    help: "Name policies of the role's own account or of AWS.",
};
const TAGS: Part = Part {
    name: "the session tags",
    profile_key: "",
    help: "See the IAM user guide, page \"Pass session tags in AWS STS\".",
};
const SOURCE_IDENTITY: Part =
    Part { name: "the source identity", profile_key: "", help: "Choose another source identity, or leave it out." };
const MFA: Part = Part {
    name: "the MFA device's serial number",
    profile_key: "mfa_serial",
    help: "Give the device's ARN, as in arn:aws:iam::111111111111:mfa/NAME.",
};

/// A session tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) transitive: bool,
}

/// An MFA device, and where its digits come from.
#[derive(Clone)]
pub(crate) struct Mfa {
    pub(crate) serial: String,
    pub(crate) token: TokenSource,
}

pub(crate) type TokenSource =
    Arc<dyn Fn(&str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> + Send + Sync>;

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hop")
            .field("role", &self.role.as_str())
            .field("external_id", &self.external_id.as_ref().map(|_| "** redacted **"))
            .field("session_name", &self.session_name)
            .field("duration", &self.duration)
            .field("policy", &self.policy)
            .field("policy_arns", &self.policy_arns)
            .field("tags", &self.tags)
            .field("source_identity", &self.source_identity)
            .field("mfa", &self.mfa.as_ref().map(|mfa| &mfa.serial))
            .finish_non_exhaustive()
    }
}
