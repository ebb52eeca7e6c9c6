//! Ports, and what is spoken on them.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener as StdListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    net::{TcpListener, TcpStream},
    runtime::Handle,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    Error, Service,
    fault::ConnectionEffect,
    server::{route::answer, socket::Socket},
    tls::Tls,
    world::World,
};

/// One port of the sandbox.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) service: Service,
    pub(crate) tls: bool,
    pub(crate) address: SocketAddr,
    /// False while a fault keeps the port closed.
    open: Arc<AtomicBool>,
}

/// All ports, bound and ready to be served.
pub(crate) struct Listeners {
    bound: Vec<(Endpoint, StdListener)>,
}

/// What the answering side knows of the connection that a request came by.
pub(crate) struct Connection {
    pub(crate) service: Service,
    pub(crate) tls: bool,
    pub(crate) reset: Arc<AtomicBool>,
}

impl Endpoint {
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }
}

impl Listeners {
    /// Binds a port of loopback for each, chosen by the system: clients may connect from this moment on.
    pub(crate) fn bind(ports: &[(Service, bool)]) -> Result<Self, Error> {
        let bind = |&(service, tls): &(Service, bool)| -> io::Result<_> {
            let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((Endpoint { service, tls, address, open: Arc::new(AtomicBool::new(true)) }, listener))
        };
        let bound = ports.iter().map(bind).collect::<io::Result<_>>();
        Ok(Self { bound: bound.map_err(|error| Error::io("no port of loopback could be bound", error))? })
    }

    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        self.bound.iter().map(|(endpoint, _)| endpoint.clone()).collect()
    }

    /// Serves all ports on tasks of `runtime`, until that ends.
    pub(crate) fn serve(self, runtime: &Handle, world: &Arc<World>, tls: &Arc<Tls>) {
        for (endpoint, listener) in self.bound {
            runtime.spawn(listen(endpoint, listener, world.clone(), tls.clone()));
        }
    }
}

/// Accepts connections; while a fault says that the port refuses them, the port is closed for good and bound anew after.
async fn listen(endpoint: Endpoint, listener: StdListener, world: Arc<World>, tls: Arc<Tls>) {
    let mut refusals = world.faults.changes();
    let mut listener = TcpListener::from_std(listener).ok();
    loop {
        let refused = world.faults.refuses(endpoint.service);
        if refused {
            listener = None;
        } else if listener.is_none() {
            match TcpListener::bind(endpoint.address).await {
                Ok(bound) => listener = Some(bound),
                Err(error) => {
                    tracing::warn!(%error, address = %endpoint.address, "the port cannot be bound again yet");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            }
        }
        endpoint.open.store(listener.is_some(), Ordering::SeqCst);
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = refusals.changed() => if changed.is_err() { return },
            accepted = accepted => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(converse(endpoint.clone(), stream, world.clone(), tls.clone()));
                }
                // The process has run out of file descriptors: let others end.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
}

/// Serves one connection, with the faults that come before any request.
async fn converse(endpoint: Endpoint, stream: TcpStream, world: Arc<World>, tls: Arc<Tls>) {
    let effect = world.faults.take_connection(endpoint.service);
    let reset = Arc::new(AtomicBool::new(false));
    let connection = Connection { service: endpoint.service, tls: endpoint.tls, reset: reset.clone() };
    let socket = Socket::new(stream, reset.clone());
    let acceptor: &TlsAcceptor = match effect {
        Some(ConnectionEffect::Reset) => return reset.store(true, Ordering::SeqCst),
        Some(ConnectionEffect::Close) => return,
        Some(ConnectionEffect::Stall) => return hold(socket).await,
        Some(ConnectionEffect::PlainHttp) => return serve(socket, connection, world).await,
        Some(ConnectionEffect::OtherName) => &tls.other_name,
        Some(ConnectionEffect::Untrusted) => &tls.untrusted,
        Some(ConnectionEffect::Expired) => &tls.expired,
        None => &tls.right,
    };
    if !endpoint.tls {
        return serve(socket, connection, world).await;
    }
    match acceptor.accept(socket).await {
        Ok(stream) => serve(stream, connection, world).await,
        Err(error) => tracing::debug!(%error, service = %endpoint.service, "TLS failed"),
    }
}

/// Takes all that the client says and never answers.
async fn hold(mut socket: Socket) {
    let mut ignored = [0; 4096];
    while socket.read(&mut ignored).await.is_ok_and(|length| length > 0) {}
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: Connection,
    world: Arc<World>,
) {
    let connection = Arc::new(connection);
    let service = service_fn(|request| answer(world.clone(), connection.clone(), request));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, service = %connection.service, "the connection ended early");
    }
}
