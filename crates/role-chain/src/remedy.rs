//! From the failure of a call to an error that says who must act, and how.

use crate::arn::assumed_role;
use crate::base::WebIdentity;
use crate::claims::Claims;
use crate::clock::Clock;
use crate::error::Error;
use crate::error_kind::ErrorKind;
use crate::hop::Hop;
use crate::iam::{Statement, role_of_session};
use crate::sts_failure::{Failure, What};
use crate::time::stamp;

/// Where a call failed.
pub(crate) struct Scene<'a> {
    pub(crate) clock: &'a Clock,
    /// Which STS was asked, as [`Sts::place`](crate::sts::Sts::place) has it.
    pub(crate) place: &'a str,
}

/// The error of a hop that failed. `principal` is who tried to take it, as far as that is known.
pub(crate) fn of_hop(failure: Failure, principal: Option<String>, hop: &Hop, scene: &Scene<'_>) -> Error {
    let role = hop.role.as_str();
    let who = principal.as_deref().unwrap_or("the caller");
    let denied = failure.what == What::AccessDenied;
    let (kind, message, help) = match denied {
        true => (
            ErrorKind::AccessDenied,
            format!("STS does not let {who} assume {role}"),
            access_denied(principal.as_deref(), hop),
        ),
        false => common(&failure, scene, &format!("assume {role}")),
    };
    let statements = match &principal {
        Some(arn) if denied => Statement::of_hop(hop, arn),
        _ => Vec::new(),
    };
    finish(failure, kind, message, help).with_principal(principal).with_target(role).with_statements(statements)
}

/// The error of a role that could not be taken by web identity.
pub(crate) fn of_web_identity(failure: Failure, identity: &WebIdentity, token: &str, scene: &Scene<'_>) -> Error {
    let role = identity.role.as_str();
    let claims = Claims::of(token).filter(|_| failure.what == What::AccessDenied);
    let statements = claims.iter().map(|claims| Statement::trust_bearer(&identity.role, claims)).collect();
    let (kind, message, help) = match failure.what {
        What::AccessDenied => (
            ErrorKind::AccessDenied,
            format!("STS does not let the bearer of the web identity token assume {role}"),
            format!(
                "The trust policy of role {} in account {} must name the token's issuer as a federated principal, and its conditions must fit the token's audience (aud) and subject (sub).",
                identity.role.name(),
                identity.role.account_id()
            ),
        ),
        What::Expired | What::Refused => (
            ErrorKind::Refused,
            format!("STS refuses the web identity token to assume {role}"),
            "The token has expired, or its issuer is no identity provider of the role's account: whoever puts the token file there must renew it.".to_owned(),
        ),
        _ => common(&failure, scene, &format!("assume {role}")),
    };
    finish(failure, kind, message, help).with_target(role).with_statements(statements)
}

/// The error of a `GetCallerIdentity` that failed.
pub(crate) fn of_caller(failure: Failure, scene: &Scene<'_>) -> Error {
    let (kind, message, help) = match failure.what {
        What::AccessDenied => (
            ErrorKind::AccessDenied,
            "STS does not tell the caller who it is".to_owned(),
            "A policy of the network (a VPC endpoint's, a proxy's) forbids sts:GetCallerIdentity, since no IAM policy can.".to_owned(),
        ),
        _ => common(&failure, scene, "say who the caller is"),
    };
    finish(failure, kind, message, help)
}

fn finish(failure: Failure, kind: ErrorKind, message: String, help: String) -> Error {
    let message = match &failure.code {
        Some(code) => format!("{message} ({code})"),
        None => message,
    };
    Error::new(kind, message)
        .with_help(help)
        .with_code(failure.code.as_deref(), failure.request_id.as_deref())
        .with_source(failure.cause)
}

fn common(failure: &Failure, scene: &Scene<'_>, errand: &str) -> (ErrorKind, String, String) {
    let sts = format!("STS{}", scene.place);
    match failure.what {
        What::AccessDenied | What::Refused => (
            ErrorKind::Refused,
            format!("STS refuses to {errand}"),
            refused(failure.code.as_deref()).to_owned(),
        ),
        What::Expired => (
            ErrorKind::ExpiredCredentials,
            format!("STS was asked to {errand} with expired credentials"),
            "They were fetched once more, and had expired too: whoever issues them must renew them, or this host's clock is behind.".to_owned(),
        ),
        What::UnknownKey => (
            ErrorKind::InvalidCredentials,
            format!("STS was asked to {errand} with an access key that it does not know"),
            "The key was deleted, belongs to another partition, or its session token is missing or another key's: whoever issued it must replace it.".to_owned(),
        ),
        What::Throttled => (
            ErrorKind::Throttled,
            format!("STS is throttling, and did not {errand}"),
            "Too many calls of this account at once: try again later, and let hosts that start together start apart.".to_owned(),
        ),
        What::Signature => signature(scene.clock, errand),
        What::ServerError => (
            ErrorKind::StsUnreachable,
            format!("{sts} failed to {errand}"),
            "It fails for now: try again.".to_owned(),
        ),
        What::TimedOut => (
            ErrorKind::StsUnreachable,
            format!("{sts} did not answer in time, asked to {errand}"),
            unreachable().to_owned(),
        ),
        What::Unreachable => (
            ErrorKind::StsUnreachable,
            format!("{sts} cannot be reached to {errand}"),
            unreachable().to_owned(),
        ),
        What::Untrusted => (
            ErrorKind::Untrusted,
            format!("the certificate that {sts} shows is not trusted here"),
            "Where a proxy inspects TLS, or the endpoint has a private CA, let AWS_CA_BUNDLE name a PEM file with that CA. Else, someone stands between.".to_owned(),
        ),
        What::Answer => (
            ErrorKind::StsAnswer,
            format!("what answered for {sts} the request to {errand} is not STS"),
            "Check AWS_ENDPOINT_URL_STS and the proxy settings, if they are set.".to_owned(),
        ),
    }
}

fn unreachable() -> &'static str {
    "Check the region's name, name resolution, the route to the internet or the VPC endpoint of STS, HTTPS_PROXY and NO_PROXY."
}

fn refused(code: Option<&str>) -> &'static str {
    match code {
        Some("RegionDisabledException") => {
            "The account has not enabled this region for STS: enable it, or name another region."
        }
        Some("MalformedPolicyDocument") => "Correct the session policy: it is JSON, but no IAM policy.",
        Some("PackedPolicyTooLarge") => {
            "Make the session policies and tags smaller: together they are above what a session can carry."
        }
        _ => {
            "The cause below is STS's own word. A duration may be above the role's maximum session duration (its account's owner can raise it)."
        }
    }
}

fn signature(clock: &Clock, errand: &str) -> (ErrorKind, String, String) {
    let clocks = match clock.of_service() {
        Some(service) => format!("This host's clock says {}, the service's {}.", stamp(clock.local()), stamp(service)),
        None => format!("This host's clock says {}.", stamp(clock.local())),
    };
    match clock.is_skewed() {
        true => (
            ErrorKind::ClockSkew,
            format!("STS refuses the signature of the request to {errand}, for the clocks differ"),
            format!("{clocks} Set this host's clock, and keep it set by NTP (on EC2: chrony with 169.254.169.123)."),
        ),
        false => (
            ErrorKind::SignatureRefused,
            format!("STS refuses the signature of the request to {errand}"),
            format!(
                "{clocks} If that is the time (compare with NTP), the secret key is not the access key's, or a proxy altered the request."
            ),
        ),
    }
}

/// STS answers AccessDenied whichever side does not allow: the candidates, likeliest first, and none asserted.
fn access_denied(principal: Option<&str>, hop: &Hop) -> String {
    let role = &hop.role;
    let (who, whose) = match principal.and_then(|arn| Some((role_of_session(arn)?, assumed_role(arn)?))) {
        Some((who, (_, account, name))) => (who, format!("role {name} in account {account}")),
        None => (principal.unwrap_or("the caller's role").to_owned(), principal.unwrap_or("the caller").to_owned()),
    };
    let trust = format!("The trust policy of role {} in account {}", role.name(), role.account_id());
    let mut candidates = vec![format!("{trust} does not name {who} (or its account).")];
    candidates.push(match &hop.external_id {
        Some(_) => "That trust policy asks for another external ID than the one that was sent.".to_owned(),
        None => "That trust policy asks for an external ID, and none was sent.".to_owned(),
    });
    candidates.push(format!("The policy of {whose} does not allow sts:AssumeRole on {role}."));
    candidates.push(match &hop.mfa {
        Some(_) => "The MFA code was wrong, used before, or another device's.".to_owned(),
        None => "That trust policy asks for MFA, and none was presented.".to_owned(),
    });
    if !hop.tags.is_empty() {
        candidates
            .push("One of the two policies does not allow sts:TagSession, which the session tags need.".to_owned());
    }
    if hop.source_identity.is_some() {
        candidates.push(
            "One of the two policies does not allow sts:SetSourceIdentity, or the session before has another one."
                .to_owned(),
        );
    }
    candidates.push("There is no such role: a wrong account or name in the ARN.".to_owned());
    candidates.push(
        "A permissions boundary, a session policy or a service control policy of either account forbids it.".to_owned(),
    );
    let mut help = "STS gives the same answer for each of these; look in this order:".to_owned();
    for (position, candidate) in candidates.iter().enumerate() {
        help.push_str(&format!("\n{}. {candidate}", position + 1));
    }
    help
}
