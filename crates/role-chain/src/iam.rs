use serde_json::{Value, json};

use crate::arn::{RoleArn, assumed_role};
use crate::claims::Claims;
use crate::hop::Hop;

/// A statement of an IAM policy that would allow what was refused, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement {
    /// The account whose owner must act, where it is known.
    pub account: Option<String>,
    /// The policy that the statement goes into, in words: `the trust policy of role RoleB`.
    pub policy: String,
    /// The statement: JSON, indented, to be put into the policy's list `Statement`.
    pub json: String,
}

const ASSUME: &str = "sts:AssumeRole";
/// What stands in a statement for an external ID, which is nobody's to print.
const EXTERNAL_ID: &str = "THE-EXTERNAL-ID";

impl Statement {
    /// The statement by which `role` trusts whoever has `principal`'s ARN: a role, a user, a role's session, or an account's root.
    ///
    /// With `external_id`, it asks for one; the statement has `THE-EXTERNAL-ID` in its place.
    pub fn trust(role: &RoleArn, principal: &str, external_id: bool) -> Self {
        let principal = role_of_session(principal).unwrap_or_else(|| principal.to_owned());
        let mut statement = json!({
            "Effect": "Allow",
            "Principal": { "AWS": principal },
            "Action": ASSUME,
        });
        if external_id {
            statement["Condition"] = json!({ "StringEquals": { "sts:ExternalId": EXTERNAL_ID } });
        }
        Self::new(Some(role.account_id().to_owned()), format!("the trust policy of role {}", role.name()), &statement)
    }

    /// The statement by which `principal` may assume `role`.
    pub fn assume(role: &RoleArn, principal: Option<&str>) -> Self {
        Self::allow(ASSUME, role.as_str(), principal)
    }

    /// The statement by which `role` trusts whoever bears a token of these claims.
    pub(crate) fn trust_bearer(role: &RoleArn, claims: &Claims) -> Self {
        let Claims { provider, audience, subject } = claims;
        let principal = format!("arn:{}:iam::{}:oidc-provider/{provider}", role.partition(), role.account_id());
        let statement = json!({
            "Effect": "Allow",
            "Principal": { "Federated": principal },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "StringEquals": { format!("{provider}:aud"): audience, format!("{provider}:sub"): subject } },
        });
        Self::new(Some(role.account_id().to_owned()), format!("the trust policy of role {}", role.name()), &statement)
    }

    /// The statements of which a hop that is refused may lack one or more: they allow its tags and source identity as well.
    pub(crate) fn of_hop(hop: &Hop, principal: &str) -> Vec<Self> {
        let trust = Self::trust(&hop.role, principal, hop.external_id.is_some());
        let assume = Self::assume(&hop.role, Some(principal));
        [trust, assume].into_iter().map(|statement| statement.with_actions(actions(hop))).collect()
    }

    /// The statement by which `principal` may do `action` on `resource`.
    pub fn allow(action: &str, resource: &str, principal: Option<&str>) -> Self {
        let (account, policy) = holder(principal);
        let statement = json!({ "Effect": "Allow", "Action": action, "Resource": resource });
        Self::new(account, policy, &statement)
    }

    fn new(account: Option<String>, policy: String, statement: &Value) -> Self {
        Self { account, policy, json: format!("{statement:#}") }
    }

    fn with_actions(mut self, actions: Value) -> Self {
        let mut statement: Value = serde_json::from_str(&self.json).unwrap_or_default();
        statement["Action"] = actions;
        self.json = format!("{statement:#}");
        self
    }

    /// The statement with its place, as an object for scripts: `{"account", "policy", "statement"}`.
    pub(crate) fn to_json(&self) -> Value {
        let statement: Value = serde_json::from_str(&self.json).unwrap_or_default();
        json!({ "account": self.account, "policy": self.policy, "statement": statement })
    }
}

/// What a hop asks of STS, as IAM's actions.
fn actions(hop: &Hop) -> Value {
    let mut actions = vec![ASSUME];
    if !hop.tags.is_empty() {
        actions.push("sts:TagSession");
    }
    if hop.source_identity.is_some() {
        actions.push("sts:SetSourceIdentity");
    }
    match actions.as_slice() {
        [one] => json!(one),
        several => json!(several),
    }
}

/// Whose policy allows a principal what it does: its account, and the policy in words.
fn holder(principal: Option<&str>) -> (Option<String>, String) {
    match principal.map(|arn| (arn, assumed_role(arn))) {
        Some((_, Some((_, account, name)))) => (Some(account.to_owned()), format!("a policy of role {name}")),
        Some((arn, None)) => (arn.split(':').nth(4).map(str::to_owned), format!("a policy of {arn}")),
        None => (None, "a policy of the caller".to_owned()),
    }
}

/// The ARN of the role that a session's ARN tells of. A role's path is not part of its sessions' ARNs, so a role with a path has another.
pub(crate) fn role_of_session(arn: &str) -> Option<String> {
    let (partition, account, name) = assumed_role(arn)?;
    Some(format!("arn:{partition}:iam::{account}:role/{name}"))
}
