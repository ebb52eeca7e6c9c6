//! From a request to its answer, with the faults on the way.

use std::{
    fmt, io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    HeaderMap, Request, Response,
    body::Incoming,
    header::{AUTHORIZATION, DATE, HOST, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT, WWW_AUTHENTICATE},
    http::request::Parts,
    upgrade::OnUpgrade,
};

use crate::{
    Effect, Service, Step, codecommit, containers,
    fault::change_body,
    imds, lfs,
    log::{self, Note},
    proxy,
    server::{Body, Reply, RequestBody, full, listener::Connection},
    sso, sts,
    world::World,
};

/// The longest request that STS reads: the longest one that it accepts is far shorter.
const LONGEST_STS_REQUEST: usize = 256 * 1024;

/// The connection is to end without an answer.
#[derive(Debug)]
pub(crate) struct Aborted;

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault ends the connection without an answer")
    }
}

impl std::error::Error for Aborted {}

pub(crate) async fn answer(
    world: Arc<World>,
    connection: Arc<Connection>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Aborted> {
    let upgrade = proxy::upgrade(&mut request);
    let (parts, incoming) = request.into_parts();
    let mut body = RequestBody::new(&parts.headers, incoming);
    let step = classify(connection.service, &parts, &mut body).await.map_err(|_| Aborted)?;
    let effect = world.faults.take(step);
    let reply = match early_reply(&world, &connection, step, &parts, effect.as_ref()).await {
        Early::Reply(reply) => {
            // A client that is still sending would not read the answer.
            drain(&mut body).await;
            Some(reply)
        }
        Early::None => {
            drain(&mut body).await;
            None
        }
        Early::Continue { clock_off } => Some(serve(&world, clock_off, step, &parts, body, upgrade).await),
    };
    world.log.push(entry(&connection, step, &parts, reply.as_ref()));
    let Some(Reply { mut response, .. }) = reply else { return Err(Aborted) };
    let mut now = world.now();
    match effect {
        Some(Effect::DateOff(seconds)) => now = now.plus(seconds),
        Some(Effect::Body(bytes)) => *response.body_mut() = full(bytes),
        Some(effect) => {
            let body = std::mem::replace(response.body_mut(), full(Bytes::new()));
            *response.body_mut() = change_body(body, effect, connection.reset.clone());
        }
        None => {}
    }
    if let Ok(date) = HeaderValue::from_str(&now.http()) {
        response.headers_mut().insert(DATE, date);
    }
    Ok(response)
}

async fn classify(service: Service, parts: &Parts, body: &mut RequestBody) -> io::Result<Step> {
    match service {
        Service::Imds => Ok(imds::step(parts)),
        Service::Sts => Ok(sts::step(body.peek(LONGEST_STS_REQUEST).await?)),
        Service::CodeCommit => codecommit::step(parts, body).await,
        Service::Containers => Ok(Step::ContainerCredentials),
        Service::Proxy => Ok(proxy::step(parts)),
        Service::Sso => Ok(Step::SsoCredentials),
        Service::Elsewhere if parts.uri.path().starts_with("/lfs/") => Ok(Step::LfsObject),
        Service::Elsewhere => Ok(Step::Elsewhere),
    }
}

async fn serve(
    world: &Arc<World>,
    clock_off: i64,
    step: Step,
    parts: &Parts,
    mut body: RequestBody,
    upgrade: Option<OnUpgrade>,
) -> Reply {
    let now = world.now().plus(clock_off);
    match step.service() {
        Service::Imds => imds::answer(world, now, step, parts),
        Service::Sts => match body.all(LONGEST_STS_REQUEST).await {
            Ok(body) => sts::answer(world, now, step, parts, &body),
            Err(_) => Reply::new(413, "text/plain", "the request is too long\n"),
        },
        Service::CodeCommit => codecommit::answer(world, now, step, parts, body).await,
        Service::Containers => containers::answer(world, now, parts),
        Service::Proxy => proxy::answer(world, step, parts, upgrade),
        Service::Sso => sso::answer(world, now, parts),
        Service::Elsewhere if step == Step::LfsObject => lfs::object(world, now, parts),
        Service::Elsewhere => Reply::new(404, "text/plain", "this host is none of AWS\n"),
    }
}

enum Early {
    /// No fault, or one that strikes later.
    Continue {
        clock_off: i64,
    },
    Reply(Reply),
    /// The connection ends.
    None,
}

/// The faults that keep the service from being asked.
async fn early_reply(
    world: &World,
    connection: &Connection,
    step: Step,
    parts: &Parts,
    effect: Option<&Effect>,
) -> Early {
    let plain = |status| {
        let reply = Reply::new(status, "text/plain", format!("a fault was set: {status}\n"));
        // A 401 without a challenge is none.
        if status == 401 { reply.header(WWW_AUTHENTICATE, "Basic realm=\"AWS CodeCommit\"") } else { reply }
    };
    let reply = match effect {
        Some(Effect::Close) => return Early::None,
        Some(Effect::Reset) => {
            connection.reset.store(true, Ordering::SeqCst);
            return Early::None;
        }
        Some(Effect::Stall) => {
            // It will never be answered, so it is noted now.
            world.log.push(entry(connection, step, parts, None));
            std::future::pending().await
        }
        Some(Effect::Delay(time)) => {
            tokio::time::sleep(*time).await;
            return Early::Continue { clock_off: 0 };
        }
        Some(Effect::ClockOff(seconds)) => return Early::Continue { clock_off: *seconds },
        Some(Effect::Status(status)) => plain(*status),
        Some(Effect::RetryAfter { status, after }) => plain(*status).header(RETRY_AFTER, &after.as_secs().to_string()),
        Some(Effect::Throttle) => match step.service() {
            Service::Sts => sts::error(400, "Throttling", "Rate exceeded"),
            _ => Reply::new(429, "text/plain", "Rate exceeded\n"),
        },
        Some(Effect::AwsError { status, code, message }) => match step.service() {
            Service::Sts => sts::error(*status, code, message),
            _ => Reply::new(*status, "text/plain", format!("{message}\n")),
        },
        Some(Effect::Redirect { status, location }) => {
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            plain(*status).header(LOCATION, &location.replace("{path}", path))
        }
        _ => return Early::Continue { clock_off: 0 },
    };
    tracing::debug!(?step, offset = world.clock.offset(), "a fault strikes");
    Early::Reply(reply.reason("a fault was set"))
}

/// Reads what a client still sends, within bounds.
async fn drain(body: &mut RequestBody) {
    let _ = tokio::time::timeout(Duration::from_secs(5), async {
        let mut left: usize = 64 << 20;
        while let Ok(Some(piece)) = body.next().await {
            left = left.saturating_sub(piece.len());
            if left == 0 {
                break;
            }
        }
    })
    .await;
}

fn entry(connection: &Connection, step: Step, parts: &Parts, reply: Option<&Reply>) -> log::Request {
    let note = reply.map_or_else(Note::default, |reply| reply.note.clone());
    log::Request {
        step,
        method: parts.method.to_string(),
        path: match step.service() {
            // What was asked for is a URL, or a host and port.
            Service::Proxy => parts.uri.to_string(),
            _ => parts.uri.path().to_owned(),
        },
        host: header(&parts.headers, HOST.as_str()).unwrap_or_default().to_owned(),
        tls: connection.tls,
        authorization: parts.headers.contains_key(AUTHORIZATION),
        user_agent: header(&parts.headers, USER_AGENT.as_str()).unwrap_or_default().to_owned(),
        git_protocol: header(&parts.headers, "git-protocol").map(str::to_owned),
        status: reply.map(|reply| reply.response.status().as_u16()),
        note,
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
