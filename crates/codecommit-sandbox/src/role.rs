//! Roles and users: who exists in the sandbox's accounts, and what each may do.

use std::time::Duration;

use serde_json::Value;

use crate::{
    Error, Policy,
    policy::{statements, strings},
};

/// An IAM role: whom it trusts, and what it allows.
///
/// ```
/// use codecommit_sandbox::Role;
/// let role = Role::new("222222222222", "RoleB")
///     .trusts("arn:aws:iam::111111111111:role/RoleA")
///     .external_id("an-external-id")
///     .allows("codecommit:GitPull", "arn:aws:codecommit:*:222222222222:app");
/// ```
///
/// Documents that cannot be read are reported by [`SandboxBuilder::start`](crate::SandboxBuilder::start).
#[derive(Debug, Clone)]
pub struct Role {
    pub(crate) account: String,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) trust: Vec<Trust>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) max_session: Duration,
    pub(crate) defect: Option<String>,
}

/// One statement of a role's trust policy.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trust {
    /// ARNs, account numbers, service names or `*`.
    pub(crate) principals: Vec<String>,
    /// Any one of these must be given, where there is one at all.
    pub(crate) external_ids: Vec<String>,
    pub(crate) needs_mfa: bool,
    /// Whether `sts:TagSession` is among the actions.
    pub(crate) tags: bool,
    /// Whether `sts:SetSourceIdentity` is among the actions.
    pub(crate) source_identity: bool,
}

impl Role {
    /// A role that trusts nobody and allows nothing, with sessions of at most one hour, as IAM makes them.
    pub fn new(account: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            name: name.into(),
            path: "/".to_owned(),
            trust: Vec::new(),
            policies: Vec::new(),
            max_session: Duration::from_secs(3_600),
            defect: None,
        }
    }

    /// The role's path, such as `/service-role/`. It is part of the role's ARN and not of its sessions' ARNs.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Trusts a principal: an account (its number, or `arn:aws:iam::111111111111:root`), a role or user or session (its
    /// ARN), a service (`ec2.amazonaws.com`), or `*`. Session tags and source identities are trusted as well.
    pub fn trusts(mut self, principal: impl Into<String>) -> Self {
        self.trust_statement().principals.push(principal.into());
        self
    }

    /// Asks everyone but services for this external ID.
    pub fn external_id(mut self, external_id: impl Into<String>) -> Self {
        self.trust_statement().external_ids.push(external_id.into());
        self
    }

    /// Asks for a session or request that was authenticated by MFA.
    pub fn needs_mfa(mut self) -> Self {
        self.trust_statement().needs_mfa = true;
        self
    }

    /// Trusts no session tags: an `AssumeRole` that brings some is denied, as where the trust policy lacks
    /// `sts:TagSession`.
    pub fn without_session_tags(mut self) -> Self {
        self.trust_statement().tags = false;
        self
    }

    /// Trusts no source identity: an `AssumeRole` that sets one is denied, as where the trust policy lacks
    /// `sts:SetSourceIdentity`.
    pub fn without_source_identity(mut self) -> Self {
        self.trust_statement().source_identity = false;
        self
    }

    /// Adds the statements of a trust policy document. Conditions may be `StringEquals` on `sts:ExternalId` and `Bool` on
    /// `aws:MultiFactorAuthPresent`.
    pub fn trust_policy(mut self, json: &str) -> Self {
        match parse_trust(json) {
            Ok(trust) => self.trust.extend(trust),
            Err(error) => self.defect = Some(error.to_string()),
        }
        self
    }

    /// Allows an action (`codecommit:GitPull`, `sts:AssumeRole`, `*`…) on a resource (an ARN; `*` and `?` are wildcards).
    pub fn allows(mut self, action: impl Into<String>, resource: impl Into<String>) -> Self {
        self.policies.push(Policy::allow(action, resource));
        self
    }

    /// Adds a permission policy document.
    pub fn policy(mut self, json: &str) -> Self {
        match Policy::parse(json) {
            Ok(policy) => self.policies.push(policy),
            Err(error) => self.defect = Some(error.to_string()),
        }
        self
    }

    /// The longest session that the role gives out: 1 to 12 hours in IAM.
    pub fn max_session(mut self, duration: Duration) -> Self {
        self.max_session = duration;
        self
    }

    fn trust_statement(&mut self) -> &mut Trust {
        if self.trust.is_empty() {
            self.trust.push(Trust { tags: true, source_identity: true, ..Trust::default() });
        }
        &mut self.trust[0]
    }

    /// Principals are written for the partition `aws` in examples and tests; the region decides which one it is.
    pub(crate) fn adopt_partition(&mut self, partition: &str) {
        for principal in self.trust.iter_mut().flat_map(|trust| &mut trust.principals) {
            if let Some(rest) = principal.strip_prefix("arn:aws:") {
                *principal = format!("arn:{partition}:{rest}");
            }
        }
    }

    pub(crate) fn arn(&self, partition: &str) -> String {
        format!("arn:{partition}:iam::{}:role{}{}", self.account, self.path, self.name)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        check_account(&self.account)?;
        check_name("role", &self.name)?;
        if !(self.path.starts_with('/') && self.path.ends_with('/')) {
            return Err(Error::invalid(format!("the path of role {} must begin and end with a slash", self.name)));
        }
        match &self.defect {
            Some(defect) => Err(Error::invalid(format!("role {}: {defect}", self.name))),
            None => Ok(()),
        }
    }
}

/// An IAM user with one long-term access key, for chains that do not start on an instance.
#[derive(Debug, Clone)]
pub struct User {
    pub(crate) account: String,
    pub(crate) name: String,
    pub(crate) policies: Vec<Policy>,
    pub(crate) mfa_code: Option<String>,
    pub(crate) defect: Option<String>,
}

impl User {
    /// A user who may do nothing.
    pub fn new(account: impl Into<String>, name: impl Into<String>) -> Self {
        Self { account: account.into(), name: name.into(), policies: Vec::new(), mfa_code: None, defect: None }
    }

    /// Allows an action on a resource, as [`Role::allows`] does.
    pub fn allows(mut self, action: impl Into<String>, resource: impl Into<String>) -> Self {
        self.policies.push(Policy::allow(action, resource));
        self
    }

    /// Adds a permission policy document.
    pub fn policy(mut self, json: &str) -> Self {
        match Policy::parse(json) {
            Ok(policy) => self.policies.push(policy),
            Err(error) => self.defect = Some(error.to_string()),
        }
        self
    }

    /// Gives the user an MFA device, `arn:aws:iam::ACCOUNT:mfa/NAME`, which shows this code of six digits for ever.
    pub fn mfa_code(mut self, code: impl Into<String>) -> Self {
        self.mfa_code = Some(code.into());
        self
    }

    pub(crate) fn arn(&self, partition: &str) -> String {
        format!("arn:{partition}:iam::{}:user/{}", self.account, self.name)
    }

    pub(crate) fn mfa_serial(&self, partition: &str) -> String {
        format!("arn:{partition}:iam::{}:mfa/{}", self.account, self.name)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        check_account(&self.account)?;
        check_name("user", &self.name)?;
        if self.mfa_code.as_ref().is_some_and(|code| code.len() != 6 || !code.bytes().all(|c| c.is_ascii_digit())) {
            return Err(Error::invalid(format!("the MFA code of user {} must be six digits", self.name)));
        }
        match &self.defect {
            Some(defect) => Err(Error::invalid(format!("user {}: {defect}", self.name))),
            None => Ok(()),
        }
    }
}

pub(crate) fn check_account(account: &str) -> Result<(), Error> {
    if account.len() == 12 && account.bytes().all(|c| c.is_ascii_digit()) {
        return Ok(());
    }
    Err(Error::invalid(format!("an account number must be 12 digits, not {account:?}")))
}

/// The rule of IAM for the names of roles and users: 1 to 64 of letters, digits and `+=,.@_-`.
fn check_name(what: &str, name: &str) -> Result<(), Error> {
    let right =
        (1..=64).contains(&name.len()) && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"+=,.@_-".contains(&c));
    if right {
        return Ok(());
    }
    Err(Error::invalid(format!("the name of a {what} must be 1 to 64 letters, digits and +=,.@_-, not {name:?}")))
}

fn parse_trust(json: &str) -> Result<Vec<Trust>, Error> {
    let document: Value =
        serde_json::from_str(json).map_err(|e| Error::invalid("a trust policy must be JSON").caused_by(e))?;
    statements(&document)?.into_iter().map(Trust::parse).collect()
}

impl Trust {
    fn parse(statement: &Value) -> Result<Self, Error> {
        if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
            return Err(Error::invalid("the sandbox evaluates only Allow in a trust policy"));
        }
        let actions = statement.get("Action").and_then(strings).unwrap_or_default();
        let has = |action: &str| actions.iter().any(|a| a.eq_ignore_ascii_case(action) || a == "sts:*" || a == "*");
        if !has("sts:AssumeRole") {
            return Err(Error::invalid("a statement of a trust policy must allow sts:AssumeRole"));
        }
        let mut trust = Trust {
            principals: parse_principals(statement.get("Principal"))?,
            tags: has("sts:TagSession"),
            source_identity: has("sts:SetSourceIdentity"),
            ..Trust::default()
        };
        if let Some(conditions) = statement.get("Condition") {
            trust.read_conditions(conditions)?;
        }
        Ok(trust)
    }

    fn read_conditions(&mut self, conditions: &Value) -> Result<(), Error> {
        let operators = conditions.as_object().ok_or_else(|| Error::invalid("a Condition must be an object"))?;
        for (operator, keys) in operators {
            for (key, value) in keys.as_object().into_iter().flatten() {
                match (operator.as_str(), key.to_ascii_lowercase().as_str()) {
                    ("StringEquals", "sts:externalid") => {
                        self.external_ids =
                            strings(value).ok_or_else(|| Error::invalid("sts:ExternalId must be a string"))?;
                    }
                    ("Bool", "aws:multifactorauthpresent") => {
                        self.needs_mfa = value == "true" || value == &Value::Bool(true);
                    }
                    _ => {
                        return Err(Error::invalid(format!("the sandbox evaluates no {operator} condition on {key}")));
                    }
                }
            }
        }
        Ok(())
    }
}

fn parse_principals(value: Option<&Value>) -> Result<Vec<String>, Error> {
    let missing = || Error::invalid("a statement of a trust policy needs a Principal");
    match value.ok_or_else(missing)? {
        Value::String(all) if all == "*" => Ok(vec!["*".to_owned()]),
        Value::Object(kinds) => {
            let lists = kinds.values().map(strings).collect::<Option<Vec<_>>>().ok_or_else(missing)?;
            Ok(lists.concat())
        }
        _ => Err(missing()),
    }
}
