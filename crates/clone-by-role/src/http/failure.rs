//! What a failed request means, and what mends it.

use std::error::Error as StdError;
use std::io::{self, Read};
use std::time::SystemTime;

use ureq::Timeout;
use ureq::http::Response;

use super::Timeouts;
use crate::login::Refusal;
use crate::{Error, ErrorKind, Step};

/// How much of an answer's text is read to learn its reason.
const TEXT_LIMIT: u64 = 4096;

/// An answer with another status than 200.
pub(super) struct Answer {
    refusal: Refusal,
    location: Option<String>,
}

impl Answer {
    pub(super) fn read(response: Response<ureq::Body>) -> Self {
        let received = SystemTime::now();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (date, location) = (header("date"), header("location"));
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        // A text that does not come whole is as good as none: the status says what matters.
        let _ = response.into_body().into_reader().take(TEXT_LIMIT).read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        Self { refusal: Refusal { status, date, received, text }, location }
    }

    pub(super) fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    pub(super) fn into_error(self, step: Step, url: &str, with_login: bool) -> Error {
        let host = host(url);
        let Refusal { status, date, text, .. } = self.refusal;
        match status {
            300..=399 => {
                let to = self.location.as_deref().map(host_of_location).unwrap_or_else(|| "an unnamed place".into());
                Error::new(ErrorKind::Redirect, step, format!("{host} redirects to {to} (HTTP {status})"))
                    .with_help("redirects are refused so that a login reaches only the host it was made for; use the repository's own URL")
            }
            401 if !with_login => Error::new(ErrorKind::Denied, step, format!("{host} asks for a login (HTTP 401)"))
                .with_help("give the request credentials"),
            401 | 403 => {
                Error::new(ErrorKind::Denied, step, format!("{host} refused the login (HTTP {status}{})", said(&text)))
                    .with_help(match date {
                        Some(date) => format!(
                            "check the permissions behind the login, and this host's clock: the server's says {date}"
                        ),
                        None => "check the permissions behind the login, and this host's clock".into(),
                    })
            }
            404 => Error::new(
                ErrorKind::RepositoryNotFound,
                step,
                format!("{host} has no repository at {} (HTTP 404{})", path(url), said(&text)),
            )
            .with_help("check the repository's name, its region and the account of the role"),
            429 => {
                Error::new(ErrorKind::Throttled, step, format!("{host} asks to slow down (HTTP 429{})", said(&text)))
                    .with_help("try again later, and spread out hosts that start together")
            }
            500..=599 => Error::new(ErrorKind::Server, step, format!("{host} failed (HTTP {status}{})", said(&text)))
                .with_help("try again"),
            _ => Error::new(ErrorKind::Protocol, step, format!("{host} answered HTTP {status}{}", said(&text))),
        }
    }
}

/// The failure of a connection, before or after the answer's head.
pub(super) fn transport(step: Step, url: &str, timeouts: &Timeouts, error: ureq::Error) -> Error {
    let host = host(url);
    let network = |reason: String| Error::new(ErrorKind::Network, step, reason);
    match error {
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
            let seconds = timeouts.connect.as_secs_f32();
            Error::new(ErrorKind::Timeout, step, format!("no connection to {host} within {seconds} s"))
                .with_help("check the route to it: security groups, VPC endpoint, HTTPS_PROXY and NO_PROXY")
        }
        ureq::Error::Timeout(_) => {
            let seconds = timeouts.stall.as_secs_f32();
            Error::new(ErrorKind::Timeout, step, format!("{host} sent nothing for {seconds} s")).with_help("try again")
        }
        ureq::Error::HostNotFound => network(format!("the name {host} cannot be resolved"))
            .with_help("check the region in the remote's name, and this host's DNS"),
        ureq::Error::ConnectProxyFailed(reason) => {
            network(format!("the proxy refused a connection to {host}: {reason}"))
                .with_help("check HTTPS_PROXY and NO_PROXY")
        }
        ureq::Error::InvalidProxyUrl => {
            Error::new(ErrorKind::InvalidRequest, step, "the proxy's URL is not valid").with_help("check HTTPS_PROXY")
        }
        ureq::Error::Rustls(error) => tls(step, host, error),
        ureq::Error::Io(error) => match rustls_error(&error) {
            Some(cause) => {
                let cause = cause.clone();
                tls(step, host, cause)
            }
            None => {
                let reason = match error.kind() {
                    io::ErrorKind::ConnectionRefused => format!("{host} refused the connection"),
                    io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::ConnectionAborted => {
                        format!("{host} closed the connection before its answer was complete")
                    }
                    _ => format!("the connection to {host} failed"),
                };
                network(reason)
                    .with_source(error)
                    .with_help("try again; if it stays, check the route to it: security groups, VPC endpoint, proxy")
            }
        },
        ureq::Error::Protocol(error) => {
            Error::new(ErrorKind::Protocol, step, format!("{host} broke the rules of HTTP")).with_source(error)
        }
        ureq::Error::RequireHttpsOnly(_) => {
            Error::new(ErrorKind::InvalidRequest, step, format!("{url} is not an https URL"))
        }
        error => network(format!("the request to {host} failed")).with_source(error),
    }
}

/// An answer that is not of git's protocol.
pub(super) fn not_git(step: Step, url: &str, content_type: &str) -> Error {
    let what =
        if content_type.is_empty() { "something without a type".to_owned() } else { format!("{content_type:?}") };
    Error::new(
        ErrorKind::Protocol,
        step,
        format!("{} answered {what} where git's smart HTTP protocol was expected", host(url)),
    )
    .with_help("check that the URL is that of a repository, and that no proxy answers in the server's place")
}

fn tls(step: Step, host: &str, error: rustls::Error) -> Error {
    let help = match &error {
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
            "its certificate is of an unknown authority: where a proxy inspects TLS, AWS_CA_BUNDLE must name a PEM file with that proxy's CA"
        }
        rustls::Error::InvalidCertificate(
            rustls::CertificateError::Expired
            | rustls::CertificateError::ExpiredContext { .. }
            | rustls::CertificateError::NotValidYet
            | rustls::CertificateError::NotValidYetContext { .. },
        ) => "its certificate is not valid at this host's time: check the clock (NTP)",
        rustls::Error::InvalidCertificate(_) => {
            "its certificate is not for this host: something else answers at its address"
        }
        _ => "check that the address is that of a TLS server, and what stands between",
    };
    Error::new(ErrorKind::Tls, step, format!("no trusted TLS connection to {host}: {error}"))
        .with_source(error)
        .with_help(help)
}

/// The rustls error inside an IO error, however deep.
fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    let mut cause: Option<&(dyn StdError + 'static)> = error.get_ref().map(|inner| inner as _);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            cause = io.get_ref().map(|inner| inner as _);
            continue;
        }
        cause = error.source();
    }
    None
}

/// The first line of a server's text, if it is short plain text.
fn said(text: &str) -> String {
    match text.lines().next() {
        Some(line) if line.len() <= 200 && !line.starts_with('<') && !line.chars().any(char::is_control) => {
            format!(": {line}")
        }
        _ => String::new(),
    }
}

fn host(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or(url)
}

fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..])
}

/// Where a redirect points, without userinfo, path and query: those can carry secrets.
fn host_of_location(location: &str) -> String {
    match location.split_once("://") {
        Some((scheme, rest)) => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
            format!("{scheme}://{}", authority.rsplit('@').next().unwrap_or(""))
        }
        None => "another path".into(),
    }
}
