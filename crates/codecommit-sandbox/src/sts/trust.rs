//! Whether a role may be assumed: both sides must allow it.

use crate::{Role, role::Trust, session::Session, sts::Refusal, web_identity::Identity, world::World};

/// What a caller brings to be trusted.
pub(crate) struct Presented<'a> {
    pub(crate) external_id: Option<&'a str>,
    pub(crate) mfa: bool,
    pub(crate) tags: bool,
    pub(crate) source_identity: bool,
}

/// How closely a trust policy names a caller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    /// By its account, which leaves the decision to the policies there.
    Account,
    /// Itself.
    Principal,
}

/// The same text whichever side is missing, as from AWS; the reason goes to the log.
pub(crate) fn check(
    world: &World,
    caller: &Session,
    role_arn: &str,
    presented: &Presented<'_>,
) -> Result<Role, Refusal> {
    let denied = |action: &str, reason: String| {
        let message = format!("User: {} is not authorized to perform: {action} on resource: {role_arn}", caller.arn);
        Refusal::new(403, "AccessDenied", message).because(reason)
    };
    let assume = |reason: String| denied("sts:AssumeRole", reason);
    let role = world.role_by_arn(role_arn).ok_or_else(|| assume("there is no such role".to_owned()))?;
    let (trust, named) = role
        .trust
        .iter()
        .filter_map(|trust| Some((trust, named_by(world, trust, caller)?)))
        .max_by_key(|(trust, named)| (unmet(trust, presented).is_none(), *named))
        .ok_or_else(|| assume("the trust policy does not name the caller".to_owned()))?;
    if let Some(condition) = unmet(trust, presented) {
        return Err(assume(condition.to_owned()));
    }
    // Within one account, a trust policy that names the caller itself is enough.
    let granted_by_trust = caller.account == role.account && named == Named::Principal;
    let allows = |action: &str| granted_by_trust || world.may(caller, action, role_arn);
    if !allows("sts:AssumeRole") {
        return Err(assume("the caller's policies do not allow sts:AssumeRole on the role".to_owned()));
    }
    if presented.tags && !trust.tags {
        return Err(denied("sts:TagSession", "the trust policy does not allow session tags".to_owned()));
    }
    if presented.source_identity && !trust.source_identity {
        return Err(denied("sts:SetSourceIdentity", "the trust policy does not allow a source identity".to_owned()));
    }
    Ok(role)
}

/// A role that an identity provider's users may assume names the provider, and no policy of theirs is asked.
pub(crate) fn check_federated(world: &World, role_arn: &str, identity: &Identity) -> Result<Role, Refusal> {
    let denied = |reason: &str| {
        let message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
        Refusal::new(403, "AccessDenied", message).because(reason)
    };
    let role = world.role_by_arn(role_arn).ok_or_else(|| denied("there is no such role"))?;
    let provider = format!("arn:{}:iam::{}:oidc-provider/{}", world.partition, role.account, identity.provider);
    if role.trust.iter().any(|trust| trust.principals.contains(&provider)) {
        return Ok(role);
    }
    Err(denied("the trust policy does not name the identity provider"))
}

fn named_by(world: &World, trust: &Trust, caller: &Session) -> Option<Named> {
    let root = format!("arn:{}:iam::{}:root", world.partition, caller.account);
    let by = |principal: &String| {
        if principal == "*" || *principal == caller.principal || *principal == caller.arn {
            Some(Named::Principal)
        } else if *principal == root || *principal == caller.account {
            Some(Named::Account)
        } else {
            None
        }
    };
    trust.principals.iter().filter_map(by).max()
}

fn unmet(trust: &Trust, presented: &Presented<'_>) -> Option<&'static str> {
    let external_id = match presented.external_id {
        _ if trust.external_ids.is_empty() => None,
        None => Some("the trust policy asks for an external ID and none was given"),
        Some(id) if trust.external_ids.iter().any(|wanted| wanted == id) => None,
        Some(_) => Some("the external ID is not the one that the trust policy asks for"),
    };
    external_id.or_else(|| (trust.needs_mfa && !presented.mfa).then_some("the trust policy asks for MFA"))
}
