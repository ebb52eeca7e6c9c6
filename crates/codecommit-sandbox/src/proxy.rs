//! A forward proxy that leads to the servers here by the names of AWS's own, and never out.

use hyper::{
    Method, Request,
    body::Incoming,
    http::{request::Parts, uri::Authority},
    upgrade::OnUpgrade,
};
use hyper_util::rt::TokioIo;
use tokio::{io::copy_bidirectional, net::TcpStream};

use crate::{
    Service, Step,
    server::{Endpoint, Reply},
    world::World,
};

pub(crate) fn step(request: &Parts) -> Step {
    if request.method == Method::CONNECT { Step::ProxyConnect } else { Step::ProxyOther }
}

/// What is left of a request for a tunnel until the answer has left.
pub(crate) fn upgrade(request: &mut Request<Incoming>) -> Option<OnUpgrade> {
    (request.method() == Method::CONNECT).then(|| hyper::upgrade::on(request))
}

pub(crate) fn answer(world: &World, step: Step, request: &Parts, upgrade: Option<OnUpgrade>) -> Reply {
    let (Step::ProxyConnect, Some(authority), Some(upgrade)) = (step, request.uri.authority(), upgrade) else {
        let reason = "plain HTTP is not to go through a proxy";
        return Reply::new(403, "text/plain", format!("{reason}\n")).reason(reason);
    };
    let Some(endpoint) = target(world, authority) else {
        return Reply::new(502, "text/plain", "the servers are not up\n").reason("the servers are not up");
    };
    tokio::spawn(async move {
        let (Ok(client), Ok(mut server)) = (upgrade.await, TcpStream::connect(endpoint.address).await) else { return };
        // However it ends, both sides know.
        let _ = copy_bidirectional(&mut TokioIo::new(client), &mut server).await;
    });
    Reply::new(200, "text/plain", "")
}

/// Hosts of STS and CodeCommit lead to the servers here, ports of these to themselves, and all else to [`Service::Elsewhere`].
fn target(world: &World, authority: &Authority) -> Option<Endpoint> {
    let endpoints = world.endpoints.get()?;
    let named = endpoints.iter().find(|endpoint| endpoint.address.to_string() == authority.as_str());
    let host = authority.host();
    let service = if host.starts_with("sts.") || host.starts_with("sts-fips.") {
        Service::Sts
    } else if host.contains("git-codecommit") {
        Service::CodeCommit
    } else {
        Service::Elsewhere
    };
    named.or_else(|| endpoints.iter().find(|endpoint| endpoint.service == service && endpoint.tls)).cloned()
}
