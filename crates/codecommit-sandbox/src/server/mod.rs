//! The listeners: sockets, TLS, and HTTP/1.1 on top.

mod body;
mod listener;
mod request_body;
mod route;
mod socket;

pub(crate) use body::{Body, BodyError, Reply, channel, full};
pub(crate) use listener::{Endpoint, Listeners};
pub(crate) use request_body::RequestBody;
