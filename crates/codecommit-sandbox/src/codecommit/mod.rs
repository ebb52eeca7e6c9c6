//! CodeCommit's git server: the login, the permission, and then stock git.

mod advertisement;
mod capabilities;
mod git;
pub(crate) mod pkt;
mod replay;

use std::sync::Arc;

use hyper::{
    Method,
    header::{AUTHORIZATION, CACHE_CONTROL, HOST, HeaderName, WWW_AUTHENTICATE},
    http::request::Parts,
};

pub(crate) use git::Git;
pub(crate) use replay::Replay;

use crate::{
    Protocol, Step,
    clock::Timestamp,
    codecommit::git::Service,
    lfs,
    login::{Expected, Login},
    server::{Reply, RequestBody},
    session::{Session, request_id},
    world::{Repository, World},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const GIT_PROTOCOL: &str = "git-protocol";
const REPOSITORIES: &str = "/v1/repos/";
const LFS_BATCH: &str = "info/lfs/objects/batch";
const LONGEST_LFS_REQUEST: usize = 1 << 20;

/// Tells what a request is about; it looks into the body of a fetch, for protocol v2 lists refs by the same path.
pub(crate) async fn step(request: &Parts, body: &mut RequestBody) -> std::io::Result<Step> {
    let Some((_, rest)) = split_path(request.uri.path()) else { return Ok(Step::CodeCommitOther) };
    Ok(match (&request.method, rest) {
        (&Method::GET, "info/refs") => match service(request) {
            Some(Service::UploadPack) => Step::FetchRefs,
            Some(Service::ReceivePack) => Step::PushRefs,
            None => Step::CodeCommitOther,
        },
        (&Method::POST, "git-receive-pack") => Step::Push,
        (&Method::POST, LFS_BATCH) => Step::LfsBatch,
        (&Method::POST, "git-upload-pack") => {
            const LIST: &[u8] = b"command=ls-refs";
            let start = body.peek(4 + LIST.len()).await?;
            if start.get(4..4 + LIST.len()) == Some(LIST) { Step::ListRefs } else { Step::Fetch }
        }
        _ => Step::CodeCommitOther,
    })
}

pub(crate) async fn answer(
    world: &Arc<World>,
    now: Timestamp,
    step: Step,
    request: &Parts,
    mut body: RequestBody,
) -> Reply {
    let service = match step {
        Step::LfsBatch if !world.serves_lfs => return decorate(Reply::new(404, "text/plain", "Not Found\n")),
        Step::FetchRefs | Step::ListRefs | Step::Fetch | Step::LfsBatch => Service::UploadPack,
        Step::PushRefs | Step::Push => Service::ReceivePack,
        _ => return decorate(Reply::new(404, "text/plain", "Not Found\n").reason("git asks for no such path")),
    };
    let (session, repository) = match authorize(world, now, service, request) {
        Ok(found) => found,
        Err(refusal) => return decorate(*refusal),
    };
    // Only a modern server heeds the version that a client asks for.
    let version = match (world.protocol, service) {
        (Protocol::Modern, Service::UploadPack) => header(request, GIT_PROTOCOL).unwrap_or_default(),
        _ => "",
    };
    let served = match step {
        Step::LfsBatch => body.all(LONGEST_LFS_REQUEST).await.map(|body| lfs::batch(world, now, &repository, &body)),
        Step::FetchRefs | Step::PushRefs => advertisement::answer(world, &repository, service, version).await,
        _ => capabilities::answer(world, &repository, service, version, body).await,
    };
    let reply = served.unwrap_or_else(|error| {
        Reply::new(500, "text/plain", "Internal Server Error\n").reason(format!("git could not be run: {error}"))
    });
    decorate(reply.caller(&session.arn))
}

/// The caller and the repository, or what to answer instead: 401 without a login, 403 for a bad one or one that lacks the
/// permission, 404 where there is no such repository in the caller's account.
fn authorize(
    world: &World,
    now: Timestamp,
    service: Service,
    request: &Parts,
) -> Result<(Session, Repository), Box<Reply>> {
    let forbidden = |reason: String| Box::new(Reply::new(403, "text/plain", "Forbidden\n").reason(reason));
    let (name, _) = split_path(request.uri.path()).unwrap_or_default();
    let Some(authorization) = header(request, AUTHORIZATION.as_str()) else {
        let reply = Reply::new(401, "text/plain", "Unauthorized\n").reason("there is no login");
        return Err(Box::new(reply.header(WWW_AUTHENTICATE, "Basic realm=\"AWS CodeCommit\"")));
    };
    let regions = world.regions();
    let expected = Expected {
        path: &format!("{REPOSITORIES}{name}"),
        host: header(request, HOST.as_str()).unwrap_or_default(),
        regions: &regions,
        now,
        lifetime_seconds: world.login_lifetime.as_secs() as i64,
    };
    let (session, region) = Login::parse(authorization)
        .and_then(|login| login.check(&world.sessions, &expected))
        .map_err(|reason| forbidden(reason.to_owned()))?;
    let arn = format!("arn:{}:codecommit:{region}:{}:{name}", world.partition, session.account);
    let action = match service {
        Service::UploadPack => "codecommit:GitPull",
        Service::ReceivePack => "codecommit:GitPush",
    };
    if !world.may(&session, action, &arn) {
        let mut refusal = forbidden(format!("{} may not {action} on {arn}", session.arn));
        refusal.note.caller = Some(session.arn);
        return Err(refusal);
    }
    let repository = world
        .repositories
        .iter()
        .find(|r| (&*r.account, &*r.region, &*r.name) == (&*session.account, &*region, name))
        .cloned();
    match repository {
        Some(Repository { kms_key: Some(key), .. }) if !world.may(&session, "kms:Decrypt", &key) => {
            let mut refusal = forbidden(format!("{} may not kms:Decrypt with {key}", session.arn));
            refusal.note.caller = Some(session.arn);
            Err(refusal)
        }
        Some(repository) => Ok((session, repository)),
        None => {
            let reply = Reply::new(404, "text/plain", "Repository not found\n").caller(&session.arn);
            Err(Box::new(reply.reason(format!("there is no repository {arn}"))))
        }
    }
}

fn decorate(reply: Reply) -> Reply {
    reply.header(REQUEST_ID, &request_id()).header(CACHE_CONTROL, "no-cache, max-age=0, must-revalidate")
}

/// The repository's name, and what git appends to its URL. git-lfs puts `.git` between the two.
fn split_path(path: &str) -> Option<(&str, &str)> {
    let (name, rest) = path.strip_prefix(REPOSITORIES)?.split_once('/')?;
    Some(if rest == LFS_BATCH { (name.strip_suffix(".git").unwrap_or(name), rest) } else { (name, rest) })
}

fn service(request: &Parts) -> Option<Service> {
    let query = request.uri.query()?;
    query.split('&').find_map(|pair| Service::by_name(pair.strip_prefix("service=")?))
}

fn header<'a>(request: &'a Parts, name: &str) -> Option<&'a str> {
    request.headers.get(name)?.to_str().ok()
}
