//! `AssumeRole`: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use std::time::Duration;

use crate::{
    Policy, Role,
    clock::Timestamp,
    session::{Session, unique_id},
    sts::{
        Refusal,
        form::Form,
        trust::{self, Presented},
        xml::Element,
    },
    world::World,
};

const DEFAULT_DURATION: i64 = 3_600;
const CHAINED_LIMIT: i64 = 3_600;

pub(crate) fn assume_role(world: &World, now: Timestamp, caller: &Session, form: &Form) -> Result<Element, Refusal> {
    let request = Request::read(form)?;
    let tags = request.tags(caller)?;
    let mfa = request.check_mfa(world, caller)?;
    let source_identity = request.source_identity(caller)?;
    let presented = Presented {
        external_id: request.external_id,
        mfa,
        tags: !request.tags.is_empty(),
        source_identity: request.source_identity.is_some(),
    };
    let role = trust::check(world, caller, request.role_arn, &presented)?;
    if caller.is_role() && request.seconds() > CHAINED_LIMIT {
        let message =
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        return Err(validation(message));
    }
    let policies = request.session_policies(world)?;
    let duration = request.duration(world, &role)?;
    let session = world.open_session(&role, request.session_name, now, duration, |session| {
        session.session_policies = policies;
        session.transitive_tags = tags;
        session.source_identity = source_identity;
    });
    Ok(result("AssumeRoleResult", &session, &request, Vec::new()))
}

/// `AssumeRoleWithWebIdentity`:
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>
pub(crate) fn with_web_identity(world: &World, now: Timestamp, form: &Form) -> Result<Element, Refusal> {
    let request = Request::read(form)?;
    let invalid = |message: &str| Refusal::new(400, "InvalidIdentityToken", message);
    let token = form.get("WebIdentityToken").ok_or_else(|| validation("WebIdentityToken must not be null"))?;
    let identity = world.identities.find(token).ok_or_else(|| {
        invalid(
            "Couldn't retrieve verification key from your \
        identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements",
        )
    })?;
    if identity.expires <= now {
        let message = format!(
            "Token expired: current date/time {} must be before the expiration date/time {}",
            now.0, identity.expires.0
        );
        return Err(Refusal::new(400, "ExpiredTokenException", message));
    }
    let role = trust::check_federated(world, request.role_arn, &identity)?;
    let policies = request.session_policies(world)?;
    let duration = request.duration(world, &role)?;
    let session = world.open_session(&role, request.session_name, now, duration, |session| {
        session.session_policies = policies;
    });
    let more = vec![
        Element::new("SubjectFromWebIdentityToken").text(&identity.subject),
        Element::new("Audience").text("sts.amazonaws.com"),
        Element::new("Provider").text(&identity.provider),
    ];
    Ok(result("AssumeRoleWithWebIdentityResult", &session, &request, more))
}

fn result(name: &str, session: &Session, request: &Request<'_>, mut children: Vec<Element>) -> Element {
    let text = |name: &str, value: &str| Element::new(name).text(value);
    let role_id = unique_id("AROA", &session.principal);
    children.extend([
        Element::new("AssumedRoleUser").children([
            text("AssumedRoleId", &format!("{role_id}:{}", request.session_name)),
            text("Arn", &session.arn),
        ]),
        Element::new("Credentials").children([
            text("AccessKeyId", &session.access_key_id),
            text("SecretAccessKey", &session.secret_access_key),
            text("SessionToken", session.token.as_deref().unwrap_or_default()),
            text("Expiration", &session.expires.map(Timestamp::iso).unwrap_or_default()),
        ]),
    ]);
    if let Some(identity) = &session.source_identity {
        children.insert(0, text("SourceIdentity", identity));
    }
    // AWS packs policies and tags into 2,048 bytes, by a way it does not tell; this is their share unpacked.
    let packed =
        request.policy.map_or(0, str::len) + request.tags.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>();
    if packed > 0 {
        children.push(text("PackedPolicySize", &(packed * 100).div_ceil(2_048).min(100).to_string()));
    }
    Element::new(name).children(children)
}

struct Request<'a> {
    role_arn: &'a str,
    session_name: &'a str,
    external_id: Option<&'a str>,
    source_identity: Option<&'a str>,
    serial_number: Option<&'a str>,
    token_code: Option<&'a str>,
    duration: Option<i64>,
    policy: Option<&'a str>,
    policy_arns: Vec<&'a str>,
    tags: Vec<(&'a str, &'a str)>,
    transitive: Vec<&'a str>,
}

impl<'a> Request<'a> {
    /// Reads the parameters and checks them against the limits of the API.
    fn read(form: &'a Form) -> Result<Self, Refusal> {
        let tag_keys = form.list("Tags", ".Key");
        let tag_values = form.list("Tags", ".Value");
        if tag_keys.len() != tag_values.len() {
            return Err(validation("1 validation error detected: each of the tags must have a key and a value"));
        }
        let mut limits = Limits::default();
        let request = Self {
            role_arn: limits.required("roleArn", form.get("RoleArn"), 20, 2_048, |_| true, ""),
            session_name: limits.required("roleSessionName", form.get("RoleSessionName"), 2, 64, name, r"[\w+=,.@-]*"),
            external_id: limits.text("externalId", form.get("ExternalId"), 2, 1_224, external_id, r"[\w+=,.@:\/-]*"),
            source_identity: limits.text("sourceIdentity", form.get("SourceIdentity"), 2, 64, name, r"[\w+=,.@-]*"),
            serial_number: limits.text("serialNumber", form.get("SerialNumber"), 9, 256, external_id, r"[\w+=/:,.@-]*"),
            token_code: limits.text("tokenCode", form.get("TokenCode"), 6, 6, |c| c.is_ascii_digit(), r"[\d]*"),
            duration: limits.duration(form.get("DurationSeconds")),
            policy: form.get("Policy"),
            policy_arns: form.list("PolicyArns", ".arn"),
            tags: tag_keys.into_iter().zip(tag_values).collect(),
            transitive: form.list("TransitiveTagKeys", ""),
        };
        if request.tags.len() > 50 {
            limits.add("tags", "Member must have length less than or equal to 50");
        }
        for (key, value) in &request.tags {
            limits.text("tags.member.key", Some(key), 1, 128, tag, r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+");
            limits.text("tags.member.value", Some(value), 0, 256, tag, r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*");
        }
        limits.finish()?;
        if !request.role_arn.starts_with("arn:") || request.role_arn.split(':').count() < 6 {
            return Err(validation(format!("{} is invalid", request.role_arn)));
        }
        Ok(request)
    }

    fn seconds(&self) -> i64 {
        self.duration.unwrap_or(DEFAULT_DURATION)
    }

    /// How long the session is to be: what was asked for, if the role gives out as long ones.
    fn duration(&self, world: &World, role: &Role) -> Result<Duration, Refusal> {
        let duration = Duration::from_secs(self.seconds() as u64);
        if duration > role.max_session {
            return Err(validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
        }
        Ok(world.longest_sessions.map_or(duration, |longest| longest.min(duration)))
    }

    /// The tags that the session passes on; those that came with the caller cannot be set anew.
    fn tags(&self, caller: &Session) -> Result<Vec<(String, String)>, Refusal> {
        let mut transitive = caller.transitive_tags.clone();
        for (position, (key, value)) in self.tags.iter().enumerate() {
            let same = |other: &str| other.eq_ignore_ascii_case(key);
            if self.tags[..position].iter().any(|(other, _)| same(other)) {
                return Err(Refusal::new(
                    400,
                    "InvalidParameterValue",
                    "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
                ));
            }
            if caller.transitive_tags.iter().any(|(other, _)| same(other)) {
                let message = "One of the specified transitive tag keys can't be set because it conflicts with a \
                    transitive tag key from the calling session.";
                return Err(Refusal::new(400, "InvalidParameterValue", message));
            }
            if self.transitive.iter().any(|other| same(other)) {
                transitive.push(((*key).to_owned(), (*value).to_owned()));
            }
        }
        if self.transitive.iter().any(|key| !self.tags.iter().any(|(other, _)| other.eq_ignore_ascii_case(key))) {
            let message = "The specified transitive tag key must be included in the requested tags.";
            return Err(Refusal::new(400, "InvalidParameterValue", message));
        }
        Ok(transitive)
    }

    /// A source identity stays for the whole chain.
    fn source_identity(&self, caller: &Session) -> Result<Option<String>, Refusal> {
        match (&caller.source_identity, self.source_identity) {
            (Some(set), Some(wanted)) if set != wanted => {
                let message = "SourceIdentity is already set in the calling session and cannot be changed.";
                Err(Refusal::new(403, "AccessDenied", message))
            }
            (Some(set), _) => Ok(Some(set.clone())),
            (None, wanted) => Ok(wanted.map(str::to_owned)),
        }
    }

    fn check_mfa(&self, world: &World, caller: &Session) -> Result<bool, Refusal> {
        let (serial, code) = match (self.serial_number, self.token_code) {
            (None, None) => return Ok(false),
            (Some(serial), Some(code)) => (serial, code),
            _ => return Err(validation("MFA SerialNumber and TokenCode must be given together")),
        };
        let user = world.user(&caller.principal).filter(|user| user.mfa_serial(world.partition) == serial);
        match user.and_then(|user| user.mfa_code.as_deref()) {
            None => Err(Refusal::new(
                403,
                "AccessDenied",
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number \
                 is valid and associated with this user.",
            )),
            Some(wanted) if wanted == code => Ok(true),
            Some(_) => Err(Refusal::new(
                403,
                "AccessDenied",
                "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
            )),
        }
    }

    fn session_policies(&self, world: &World) -> Result<Option<Vec<Policy>>, Refusal> {
        let mut policies = Vec::new();
        if let Some(json) = self.policy {
            if json.len() > 2_048 {
                let message = "Packed size of session tags and policies exceeds the limit".to_owned();
                return Err(Refusal::new(400, "PackedPolicyTooLarge", message));
            }
            let policy = Policy::parse(json).map_err(|error| {
                Refusal::new(400, "MalformedPolicyDocument", format!("Syntax errors in policy: {error}"))
            })?;
            policies.push(policy);
        }
        if self.policy_arns.len() > 10 {
            return Err(validation("The number of managed policy ARNs is limited to 10"));
        }
        for arn in &self.policy_arns {
            let policy =
                world.managed_policies.iter().find(|(known, _)| known == arn).map(|(_, policy)| policy.clone());
            policies
                .push(policy.ok_or_else(|| validation(format!("Policy {arn} does not exist or is not attachable")))?);
        }
        Ok((!policies.is_empty()).then_some(policies))
    }
}

/// `\w` and `+=,.@-`.
fn name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

fn external_id(c: char) -> bool {
    name(c) || c == ':' || c == '/'
}

fn tag(c: char) -> bool {
    c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c)
}

fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationError", message)
}

/// Gathers what breaks a limit: AWS tells all at once.
#[derive(Default)]
struct Limits {
    broken: Vec<String>,
}

impl Limits {
    fn required<'a>(
        &mut self,
        name: &str,
        value: Option<&'a str>,
        shortest: usize,
        longest: usize,
        allowed: fn(char) -> bool,
        pattern: &str,
    ) -> &'a str {
        if value.is_none() {
            self.broken.push(format!("Value null at '{name}' failed to satisfy constraint: Member must not be null"));
        }
        self.text(name, value, shortest, longest, allowed, pattern).unwrap_or_default()
    }

    fn text<'a>(
        &mut self,
        name: &str,
        value: Option<&'a str>,
        shortest: usize,
        longest: usize,
        allowed: fn(char) -> bool,
        pattern: &str,
    ) -> Option<&'a str> {
        let text = value?;
        let length = text.chars().count();
        // A code is for one use; it is not to be repeated in answers and logs.
        let shown = if name == "tokenCode" { "***" } else { text };
        let mut broken = |rule: String| {
            self.broken.push(format!("Value '{shown}' at '{name}' failed to satisfy constraint: {rule}"));
        };
        if length < shortest {
            broken(format!("Member must have length greater than or equal to {shortest}"));
        }
        if length > longest {
            broken(format!("Member must have length less than or equal to {longest}"));
        }
        if !text.chars().all(allowed) {
            broken(format!("Member must satisfy regular expression pattern: {pattern}"));
        }
        Some(text)
    }

    fn duration(&mut self, value: Option<&str>) -> Option<i64> {
        let text = value?;
        let mut broken = |rule: &str| {
            self.broken.push(format!("Value '{text}' at 'durationSeconds' failed to satisfy constraint: {rule}"));
        };
        match text.parse::<i64>() {
            Err(_) => broken("Member must be an integer"),
            Ok(seconds) if seconds < 900 => broken("Member must have value greater than or equal to 900"),
            Ok(seconds) if seconds > 43_200 => broken("Member must have value less than or equal to 43200"),
            Ok(seconds) => return Some(seconds),
        }
        None
    }

    fn add(&mut self, name: &str, rule: &str) {
        self.broken.push(format!("Value at '{name}' failed to satisfy constraint: {rule}"));
    }

    fn finish(self) -> Result<(), Refusal> {
        let count = self.broken.len();
        if count == 0 {
            return Ok(());
        }
        let errors = if count == 1 { "error" } else { "errors" };
        Err(validation(format!("{count} validation {errors} detected: {}", self.broken.join("; "))))
    }
}
