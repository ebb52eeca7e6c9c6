//! What came in, for tests to look at.

use std::{collections::BTreeSet, sync::Mutex};

use crate::{Service, Step};

/// One request that the sandbox answered, or cut short by a fault. It holds no key, token, signature or password.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) step: Step,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) tls: bool,
    pub(crate) authorization: bool,
    pub(crate) user_agent: String,
    pub(crate) git_protocol: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) note: Note,
}

/// What the services know beyond the request's head.
#[derive(Debug, Clone, Default)]
pub(crate) struct Note {
    pub(crate) caller: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) parameters: Vec<(String, String)>,
}

impl Request {
    /// The server that it came to.
    pub fn service(&self) -> Service {
        self.step.service()
    }

    /// What it was about.
    pub fn step(&self) -> Step {
        self.step
    }

    /// The HTTP method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The `Host` header as it came, with a port where one was named.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// True where it came over TLS.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// True where it carried an `Authorization` header, of any kind.
    pub fn has_authorization(&self) -> bool {
        self.authorization
    }

    /// The `User-Agent` header, empty where there was none.
    pub fn user_agent(&self) -> &str {
        &self.user_agent
    }

    /// The `Git-Protocol` header.
    pub fn git_protocol(&self) -> Option<&str> {
        self.git_protocol.as_deref()
    }

    /// The status that was answered; `None` where a fault kept the request without an answer.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// The ARN of the caller, where the signature or login was good.
    pub fn caller(&self) -> Option<&str> {
        self.note.caller.as_deref()
    }

    /// Why it was refused, in more words than AWS gives its clients.
    pub fn reason(&self) -> Option<&str> {
        self.note.reason.as_deref()
    }

    /// A parameter of an STS action, such as `RoleSessionName`, `DurationSeconds` or `Tags.member.1.Key`. MFA codes are
    /// not kept.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.note.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    requests: Mutex<Vec<Request>>,
}

impl Log {
    pub(crate) fn push(&self, request: Request) {
        tracing::debug!(
            step = ?request.step,
            method = request.method,
            path = request.path,
            status = request.status,
            caller = request.caller(),
            reason = request.reason(),
            "request"
        );
        self.lock().push(request);
    }

    pub(crate) fn all(&self) -> Vec<Request> {
        self.lock().clone()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn count(&self, step: Step) -> usize {
        self.lock().iter().filter(|request| request.step == step).count()
    }

    pub(crate) fn hosts_with_authorization(&self) -> BTreeSet<String> {
        self.lock().iter().filter(|request| request.authorization).map(|request| request.host.clone()).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Request>> {
        self.requests.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
