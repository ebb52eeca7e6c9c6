//! The portal of IAM Identity Center, which gives those who are logged in the credentials of a role.
//!
//! <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html>

use std::time::Duration;

use hyper::{Method, header::HeaderName, http::request::Parts};
use serde_json::json;

use crate::{clock::Timestamp, server::Reply, sts::Form, world::World};

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const SESSION: Duration = Duration::from_secs(3_600);

pub(crate) fn answer(world: &World, now: Timestamp, request: &Parts) -> Reply {
    let refuse = |status: u16, code: &str, message: &str| {
        let body = json!({ "__type": code, "message": message }).to_string();
        Reply::new(status, "application/json", body).header(ERROR_TYPE, code).reason(message)
    };
    if request.method != Method::GET || request.uri.path() != "/federation/credentials" {
        return refuse(404, "ResourceNotFoundException", "Only GetRoleCredentials is served");
    }
    let token = request.headers.get("x-amz-sso_bearer_token").and_then(|token| token.to_str().ok());
    if token != Some(world.sso_token.as_str()) {
        return refuse(401, "UnauthorizedException", "Session token not found or invalid");
    }
    let query = Form::parse(request.uri.query().unwrap_or_default().as_bytes());
    let (account, name) = (query.get("account_id").unwrap_or_default(), query.get("role_name").unwrap_or_default());
    let Some(role) = world.roles().into_iter().find(|role| role.account == account && role.name == name) else {
        return refuse(403, "ForbiddenException", "No access");
    };
    let duration = world.longest_sessions.map_or(SESSION, |longest| longest.min(SESSION));
    let session = world.open_session(&role, "sso-user", now, duration, |_| {});
    let body = json!({ "roleCredentials": {
        "accessKeyId": session.access_key_id,
        "secretAccessKey": session.secret_access_key,
        "sessionToken": session.token,
        "expiration": session.expires.map(|end| end.0 * 1_000),
    }});
    Reply::new(200, "application/json", body.to_string())
}
