//! Finds out who signed a request.

use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, DATE},
    http::request::Parts,
};

use crate::{clock::Timestamp, session::Session, sigv4::Authorization, sts::Refusal, world::World};

/// How far a request's time may be from the server's, on either side.
const WINDOW_SECONDS: i64 = 15 * 60;

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. \
    Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

pub(crate) fn caller(world: &World, now: Timestamp, request: &Parts, body: &[u8]) -> Result<Session, Refusal> {
    let header = text(&request.headers, AUTHORIZATION.as_str())
        .ok_or_else(|| Refusal::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token"))?;
    let authorization =
        Authorization::parse(header).map_err(|message| Refusal::new(400, "IncompleteSignature", message))?;
    let stamp = stamp(&request.headers)?;
    check_window(now, stamp)?;
    check_scope(&authorization, stamp)?;
    let invalid = |reason| {
        Refusal::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
            .because(reason)
    };
    let session =
        world.sessions.find(&authorization.access_key_id).ok_or_else(|| invalid("the access key is unknown"))?;
    if text(&request.headers, "x-amz-security-token") != session.token.as_deref() {
        return Err(invalid("the session token does not belong to the access key"));
    }
    let unsigned = authorization.unsigned(&request.headers);
    if !unsigned.is_empty() {
        let message =
            format!("There were headers present in the request which were not signed: {}", unsigned.join(", "));
        return Err(Refusal::new(403, "SignatureDoesNotMatch", message));
    }
    if authorization.signature != authorization.expected(&session.secret_access_key, &stamp.basic(), request, body) {
        return Err(Refusal::new(403, "SignatureDoesNotMatch", MISMATCH).because("the signature does not match"));
    }
    if session.expired(now) {
        return Err(Refusal::new(403, "ExpiredToken", "The security token included in the request is expired"));
    }
    Ok(session)
}

fn stamp(headers: &HeaderMap) -> Result<Timestamp, Refusal> {
    let incomplete = |message: &str| Refusal::new(400, "IncompleteSignature", message);
    let date = text(headers, "x-amz-date").or_else(|| text(headers, DATE.as_str())).ok_or_else(|| {
        incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    })?;
    Timestamp::parse_basic(date).ok_or_else(|| incomplete("Date must be in ISO-8601 'basic format'."))
}

fn check_window(now: Timestamp, stamp: Timestamp) -> Result<(), Refusal> {
    let (signed, server) = (stamp.basic(), now.basic());
    let message = if stamp < now.plus(-WINDOW_SECONDS) {
        let limit = now.plus(-WINDOW_SECONDS).basic();
        format!("Signature expired: {signed} is now earlier than {limit} ({server} - 15 min.)")
    } else if stamp > now.plus(WINDOW_SECONDS) {
        let limit = now.plus(WINDOW_SECONDS).basic();
        format!("Signature not yet current: {signed} is still later than {limit} ({server} + 15 min.)")
    } else {
        return Ok(());
    };
    Err(Refusal::new(403, "SignatureDoesNotMatch", message))
}

/// Any region will do: this one endpoint stands for those of all regions.
fn check_scope(authorization: &Authorization, stamp: Timestamp) -> Result<(), Refusal> {
    let mismatch = |message: String| Err(Refusal::new(403, "SignatureDoesNotMatch", message));
    if authorization.service != "sts" {
        return mismatch("Credential should be scoped to correct service: 'sts'. ".to_owned());
    }
    if crate::region::check(&authorization.region).is_err() {
        return mismatch("Credential should be scoped to a valid region. ".to_owned());
    }
    let date = &stamp.basic()[..8];
    if authorization.date != date {
        let message = format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{date}', \
             from '{}'.",
            authorization.date,
            stamp.basic()
        );
        return mismatch(message);
    }
    Ok(())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
