//! The one connection to the git server, shared by both engines.
//!
//! It sends the two requests of git's smart HTTP protocol and nothing else, so that the rules about logins, redirects,
//! certificates and time limits stand in one place.

mod failure;
mod roots;

use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ureq::http::{HeaderValue, Request, Response};
use ureq::tls::{TlsConfig, TlsProvider};
use zeroize::Zeroizing;

use crate::login::{Authenticate, Login, Verdict};
use crate::progress::CancelToken;
use crate::{Error, ErrorKind, Result, Step};

/// How long to wait for the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// For the name look-up, the TCP connection and the TLS handshake together. Default: 10 s.
    pub connect: Duration,
    /// For the next byte, once connected: a transfer that stalls for longer fails. It bounds a server's time to prepare
    /// a pack as well, during which git servers send a sign of life every 5 s. Default: 60 s.
    pub stall: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), stall: Duration::from_secs(60) }
    }
}

/// A connection to one repository over git's smart HTTP protocol.
///
/// The login goes with the first request, to the repository's own host alone. Redirects are refused.
pub struct GitHttp {
    agent: ureq::Agent,
    url: String,
    authenticate: Arc<dyn Authenticate>,
    shared: Arc<Shared>,
    timeouts: Timeouts,
}

/// What the response bodies share with their connection.
struct Shared {
    received: AtomicU64,
    failure: Mutex<Option<Error>>,
    cancel: CancelToken,
    timeouts: Timeouts,
}

impl Shared {
    fn transport_error(&self, step: Step, url: &str, error: ureq::Error) -> Error {
        if self.cancel.is_cancelled() {
            return Error::cancelled(step);
        }
        failure::transport(step, url, &self.timeouts, error)
    }

    fn failure(&self) -> MutexGuard<'_, Option<Error>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GitHttp {
    pub(crate) fn new(
        url: &str,
        authenticate: Arc<dyn Authenticate>,
        ca_bundle: Option<&Path>,
        timeouts: Timeouts,
        cancel: CancelToken,
    ) -> Result<Self> {
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(roots::load(ca_bundle)?)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = ureq::Agent::config_builder()
            .https_only(true)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(timeouts.connect))
            .timeout_resolve(Some(timeouts.connect))
            .timeout_per_read(Some(timeouts.stall))
            .timeout_per_write(Some(timeouts.stall))
            .user_agent(concat!("git/2.0 (clone-by-role ", env!("CARGO_PKG_VERSION"), ")"))
            .tls_config(tls)
            .build();
        Ok(Self {
            agent: config.new_agent(),
            url: url.trim_end_matches('/').to_owned(),
            authenticate,
            shared: Arc::new(Shared { received: AtomicU64::new(0), failure: Mutex::new(None), cancel, timeouts }),
            timeouts,
        })
    }

    /// The repository's URL, without a login and without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `GET info/refs?service=git-upload-pack`: the server's refs or, with protocol v2, its capabilities.
    ///
    /// `git_protocol` is the value of the `Git-Protocol` header, such as `version=2`.
    pub fn info_refs(&self, git_protocol: Option<&str>) -> Result<Body> {
        let url = format!("{}/info/refs?service=git-upload-pack", self.url);
        self.send(
            Step::Connect,
            "application/x-git-upload-pack-advertisement",
            || {
                let mut request = Request::get(&url).header("Accept", "*/*").header("Pragma", "no-cache");
                if let Some(value) = git_protocol {
                    request = request.header("Git-Protocol", value);
                }
                request
            },
            &[],
        )
    }

    /// `POST git-upload-pack` with `body`: one round of a fetch.
    pub fn upload_pack(&self, git_protocol: Option<&str>, body: &[u8]) -> Result<Body> {
        let url = format!("{}/git-upload-pack", self.url);
        self.send(
            Step::Fetch,
            "application/x-git-upload-pack-result",
            || {
                let mut request = Request::post(&url)
                    .header("Content-Type", "application/x-git-upload-pack-request")
                    .header("Accept", "application/x-git-upload-pack-result");
                if let Some(value) = git_protocol {
                    request = request.header("Git-Protocol", value);
                }
                request
            },
            body,
        )
    }

    /// Bytes of response bodies that have come so far.
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Relaxed)
    }

    /// The error behind a request or a body that failed last, once.
    ///
    /// Libraries under an engine flatten errors to text; this is the one to report.
    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.shared.failure().take()
    }

    /// Breaks all connections, so that a thread that waits for one of them goes on at once.
    pub(crate) fn shutdown(&self) -> impl FnOnce() + use<> {
        let agent = self.agent.clone();
        move || agent.shutdown()
    }

    fn send(
        &self,
        step: Step,
        content_type: &str,
        request: impl Fn() -> ureq::http::request::Builder,
        body: &[u8],
    ) -> Result<Body> {
        let result = self.attempt(step, content_type, &request, body);
        if let Err(error) = &result {
            *self.shared.failure() = Some(error.clone());
        }
        result
    }

    fn attempt(
        &self,
        step: Step,
        content_type: &str,
        request: &dyn Fn() -> ureq::http::request::Builder,
        body: &[u8],
    ) -> Result<Body> {
        let mut tried = false;
        loop {
            if self.shared.cancel.is_cancelled() {
                return Err(Error::cancelled(step));
            }
            let login = self.authenticate.login()?;
            let mut request = request();
            if let Some(login) = &login {
                request = request.header("Authorization", authorization(login)?);
            }
            let sent = request.body(body).map_err(ureq::Error::from);
            let response = sent.and_then(|request| self.agent.run(request));
            let response = response.map_err(|error| self.shared.transport_error(step, &self.url, error))?;
            let status = response.status().as_u16();
            if status == 200 {
                return self.body(step, content_type, response);
            }
            let answer = failure::Answer::read(response);
            let verdict = match status {
                401 | 403 | 404 | 429 => self.authenticate.refused(answer.refusal()),
                _ => Verdict::Unexplained,
            };
            match verdict {
                Verdict::Retry if !tried => tried = true,
                Verdict::Fail(error) => return Err(error),
                Verdict::Retry | Verdict::Unexplained => {
                    return Err(answer.into_error(step, &self.url, login.is_some()));
                }
            }
        }
    }

    fn body(&self, step: Step, content_type: &str, response: Response<ureq::Body>) -> Result<Body> {
        let got = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("");
        if got.split(';').next().map(str::trim) != Some(content_type) {
            return Err(failure::not_git(step, &self.url, got));
        }
        Ok(Body {
            reader: response.into_body().into_reader(),
            step,
            url: self.url.clone(),
            shared: self.shared.clone(),
        })
    }
}

/// The `Authorization` header of a login, marked so that no log shows its value.
fn authorization(login: &Login) -> Result<HeaderValue> {
    let pair = Zeroizing::new(format!("{}:{}", login.username(), login.password()));
    let text = Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes())));
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| Error::new(ErrorKind::Credentials, Step::Login, "the login does not fit into an HTTP header"))?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for GitHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHttp").field("url", &self.url).field("timeouts", &self.timeouts).finish_non_exhaustive()
    }
}

/// The body of an answer, as it comes.
///
/// A read that fails keeps the typed error aside for the clone to report.
pub struct Body {
    reader: ureq::BodyReader<'static>,
    step: Step,
    url: String,
    shared: Arc<Shared>,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.shared.cancel.is_cancelled() {
            *self.shared.failure() = Some(Error::cancelled(self.step));
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cancelled"));
        }
        match self.reader.read(buffer) {
            Ok(count) => {
                self.shared.received.fetch_add(count as u64, Ordering::Relaxed);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                let error = self.shared.transport_error(self.step, &self.url, error.into());
                let text = error.to_string();
                *self.shared.failure() = Some(error);
                Err(io::Error::new(kind, text))
            }
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("url", &self.url).finish_non_exhaustive()
    }
}
