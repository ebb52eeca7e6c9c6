//! What can go wrong on purpose.

mod body;
mod pack;
mod registry;

use std::time::Duration;

use bytes::Bytes;

pub(crate) use body::change_body;
pub(crate) use registry::{ConnectionEffect, Faults};

use crate::{Service, Step};

/// Something that goes wrong on purpose, at a step and for a number of times.
///
/// ```
/// use codecommit_sandbox::{Effect, Fault, Service, Step};
/// let cut_once = Fault::new(Step::Fetch, Effect::CutAfter(10_000)).times(1);
/// let sts_is_down = Fault::new(Service::Sts, Effect::RefuseConnections);
/// let second_call_fails = Fault::new(Step::AssumeRole, Effect::Throttle).after(1).times(1);
/// ```
#[derive(Debug, Clone)]
pub struct Fault {
    target: Target,
    effect: Effect,
    skip: u32,
    left: Option<u32>,
}

/// Where a [`Fault`] strikes: at one step, or at all of a server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// Requests of one kind.
    Step(Step),
    /// All requests to one server.
    Service(Service),
}

/// What a [`Fault`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// The server's port is closed: connections are refused by the system. It lasts until
    /// [`clear_faults`](crate::Sandbox::clear_faults), whatever number of times was set.
    RefuseConnections,
    /// A new connection is reset before anything is said.
    ResetConnection,
    /// A new connection is closed before anything is said.
    CloseConnection,
    /// A new connection is accepted, and nothing is ever said on it: not even TLS.
    StallConnection,
    /// The server speaks plain HTTP where TLS is expected.
    PlainHttp,
    /// The certificate was issued for another host, by the authority that clients trust.
    CertificateForOtherHost,
    /// The certificate was issued for this host, by an authority that clients do not trust.
    UntrustedCertificate,
    /// The certificate was right, nine years ago.
    ExpiredCertificate,

    /// The request is read and the connection closed without an answer.
    Close,
    /// The request is read and the connection reset.
    Reset,
    /// The request is read and never answered; the connection stays open.
    Stall,
    /// The answer comes late.
    Delay(Duration),
    /// An HTTP status with a short text instead of the answer.
    Status(u16),
    /// As [`Effect::Status`], with a `Retry-After` header.
    RetryAfter {
        /// The HTTP status, 429 or 503.
        status: u16,
        /// The time to wait; whole seconds.
        after: Duration,
    },
    /// The service's own way to say that it was called too often: `Throttling` from STS, 429 from the others.
    Throttle,
    /// STS answers with this error; the others with the status and the message.
    AwsError {
        /// The HTTP status.
        status: u16,
        /// The code, such as `ExpiredToken`.
        code: String,
        /// The text for people.
        message: String,
    },
    /// A redirect to another URL; [`Sandbox::elsewhere_endpoint`](crate::Sandbox::elsewhere_endpoint) is one that notes who comes.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// The URL. A `{path}` in it becomes the path and query of the request.
        location: String,
    },
    /// The right status, type and headers, with this body instead of the true one.
    Body(Bytes),
    /// The `Date` header is wrong by this many seconds, ahead where positive.
    DateOff(i64),
    /// The service checks signatures, logins and expiry by a clock that is wrong by this many seconds, ahead where positive.
    ClockOff(i64),

    /// The body breaks off after so many bytes: the connection closes, the body's end is missing.
    CutAfter(u64),
    /// The body breaks off after so many bytes, with a reset.
    ResetAfter(u64),
    /// The body stops after so many bytes, and the connection stays open.
    StallAfter(u64),
    /// The body ends in good order after so many bytes, as if that were all.
    EndAfter(u64),
    /// The body is followed by spaces, for ever.
    EndlessBody,
    /// The body comes at this rate.
    BytesPerSecond(u32),

    /// One bit of the pack is wrong: the lowest of the byte at this offset.
    FlipPackBit(u64),
    /// The pack ends after so many bytes, within a well-formed answer.
    TruncatePack(u64),
    /// Another pack, or whatever these bytes are, comes in place of the true one and of all messages.
    ReplacePack(Bytes),
    /// In place of the pack, messages of progress come for ever.
    EndlessProgress,
    /// The list of refs never ends.
    EndlessRefs,
    /// One more ref is listed, whatever its name is.
    ExtraRef {
        /// The full name, which need not be a good one.
        name: String,
        /// The object ID, in hex; without one it is that of the ref listed first.
        id: Option<String>,
    },
}

impl Fault {
    /// A fault that strikes every time, at a [`Step`] or [`Service`], until it is cleared.
    ///
    /// Effects on the connection come before any step: they strike at all of the step's service.
    pub fn new(target: impl Into<Target>, effect: Effect) -> Self {
        Self { target: target.into(), effect, skip: 0, left: None }
    }

    /// Strikes so many times, and no more.
    pub fn times(mut self, times: u32) -> Self {
        self.left = Some(times);
        self
    }

    /// Lets so many requests (or connections) pass first.
    pub fn after(mut self, passed: u32) -> Self {
        self.skip = passed;
        self
    }
}

impl Target {
    fn service(self) -> Service {
        match self {
            Target::Step(step) => step.service(),
            Target::Service(service) => service,
        }
    }

    fn includes(self, step: Step) -> bool {
        match self {
            Target::Step(only) => only == step,
            Target::Service(service) => service == step.service(),
        }
    }
}

impl From<Step> for Target {
    fn from(step: Step) -> Self {
        Target::Step(step)
    }
}

impl From<Service> for Target {
    fn from(service: Service) -> Self {
        Target::Service(service)
    }
}
