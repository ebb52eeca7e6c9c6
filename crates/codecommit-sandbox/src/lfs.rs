//! Git LFS: the batch API, and a store for the objects on another host.
//!
//! <https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md>

use std::{collections::HashMap, path::PathBuf, sync::Mutex};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::{Method, http::request::Parts};
use serde_json::{Value, json};

use crate::{
    Service,
    clock::Timestamp,
    server::Reply,
    session::random,
    world::{Repository, World},
};

const TYPE: &str = "application/vnd.git-lfs+json";

/// How long a link to an object is good for.
const LINK_SECONDS: i64 = 900;

/// The links that were given out: whoever has one may fetch its object, without a login.
#[derive(Default)]
pub(crate) struct Links {
    by_token: Mutex<HashMap<String, (PathBuf, Timestamp)>>,
}

/// Answers the batch request of somebody who may pull the repository.
pub(crate) fn batch(world: &World, now: Timestamp, repository: &Repository, body: &[u8]) -> Reply {
    let refuse = |status: u16, message: &str| Reply::new(status, TYPE, json!({ "message": message }).to_string());
    let Ok(request) = serde_json::from_slice::<Value>(body) else { return refuse(422, "the request is no JSON") };
    if request["operation"] != "download" {
        return refuse(403, "objects can only be downloaded");
    }
    let Some(objects) = request["objects"].as_array() else { return refuse(422, "the request names no objects") };
    let objects: Vec<Value> = objects.iter().map(|object| answer_object(world, now, repository, object)).collect();
    let answer = json!({ "transfer": "basic", "objects": objects, "hash_algo": "sha256" });
    Reply::new(200, TYPE, answer.to_string())
}

fn answer_object(world: &World, now: Timestamp, repository: &Repository, object: &Value) -> Value {
    let (oid, size) = (object["oid"].as_str().unwrap_or_default(), &object["size"]);
    let error =
        |code: u16, message: &str| json!({ "oid": oid, "size": size, "error": { "code": code, "message": message }});
    if oid.len() != 64 || !oid.bytes().all(|c| c.is_ascii_hexdigit()) {
        return error(422, "the object ID is no SHA-256");
    }
    let path = repository.git_dir.join("lfs/objects").join(&oid[..2]).join(&oid[2..4]).join(oid);
    if !path.is_file() {
        return error(404, "Object does not exist");
    }
    let token = URL_SAFE_NO_PAD.encode(random::<24>());
    let expires = now.plus(LINK_SECONDS);
    world.lfs.lock().insert(token.clone(), (path, expires));
    let store = world.endpoint(Service::Elsewhere);
    json!({ "oid": oid, "size": size, "actions": { "download": {
        "href": format!("{store}/lfs/{oid}?signature={token}"),
        "header": { "x-lfs-store": "sandbox" },
        "expires_in": LINK_SECONDS,
        "expires_at": expires.iso(),
    }}})
}

/// Answers a request for an object by the link of a batch answer.
pub(crate) fn object(world: &World, now: Timestamp, request: &Parts) -> Reply {
    let refuse = |reason: &'static str| Reply::new(403, "text/plain", "Forbidden\n").reason(reason);
    let token = request.uri.query().and_then(|query| query.strip_prefix("signature="));
    if request.method != Method::GET || request.headers.get("x-lfs-store").is_none_or(|header| header != "sandbox") {
        return refuse("the headers of the link were not sent");
    }
    let link = token.and_then(|token| world.lfs.lock().get(token).cloned());
    match link {
        Some((path, expires)) if expires > now => match std::fs::read(path) {
            Ok(content) => Reply::new(200, "application/octet-stream", content),
            Err(_) => Reply::new(404, "text/plain", "Not Found\n"),
        },
        _ => refuse("the link is unknown or has expired"),
    }
}

impl Links {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (PathBuf, Timestamp)>> {
        self.by_token.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
