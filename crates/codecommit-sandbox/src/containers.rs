//! The credentials endpoint that containers have in place of the metadata service.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>

use std::time::Duration;

use hyper::{Method, header::AUTHORIZATION, http::request::Parts};
use serde_json::json;

use crate::{Role, clock::Timestamp, server::Reply, world::World};

/// How long a task role's credentials are good for.
const SESSION: Duration = Duration::from_secs(6 * 3_600);

/// What a container must present, and whose credentials it gets.
pub(crate) struct Containers {
    pub(crate) token: String,
    /// The ARN of the task's role.
    pub(crate) role: Option<String>,
}

pub(crate) fn answer(world: &World, now: Timestamp, request: &Parts) -> Reply {
    let refuse = |status, code: &str, reason: &str| {
        let body = json!({ "code": code, "message": reason }).to_string();
        Reply::new(status, "application/json", body).reason(reason)
    };
    if request.method != Method::GET || request.uri.path() != "/v2/credentials" {
        return refuse(404, "NotFound", "containers ask for /v2/credentials");
    }
    let token = request.headers.get(AUTHORIZATION).and_then(|token| token.to_str().ok());
    if token != Some(world.containers.token.as_str()) {
        return refuse(401, "AccessDenied", "the container's authorization token is missing or wrong");
    }
    match world.containers.role.as_ref().and_then(|arn| world.role_by_arn(arn)) {
        Some(role) => Reply::new(200, "application/json", credentials(world, now, &role)),
        None => refuse(404, "NotFound", "the task has no role"),
    }
}

fn credentials(world: &World, now: Timestamp, role: &Role) -> String {
    let duration = world.longest_sessions.map_or(SESSION, |longest| longest.min(SESSION));
    let session = world.open_session(role, "0123456789abcdef0123456789abcdef", now, duration, |_| {});
    json!({
        "RoleArn": role.arn(world.partition),
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "Token": session.token,
        "Expiration": session.expires.map(Timestamp::iso),
    })
    .to_string()
}
