//! Endpoints and proxies as data: what is accepted as one, and who stands behind it.

use std::fmt;
use std::net::IpAddr;

use crate::arn::abbreviate;
use crate::environment::Environment;
use crate::error::Error;
use crate::error_kind::ErrorKind;

/// Checks an endpoint that was named by `origin`, and takes off a trailing slash.
pub(crate) fn check(origin: &str, value: &str, schemes: &[&str]) -> Result<String, Error> {
    let refuse = |rule: &str| {
        Error::new(ErrorKind::InvalidArgument, format!("{origin} {:?} {rule}", abbreviate(value)))
            .with_help("Give scheme, host and port, as in http://127.0.0.1:1338.")
    };
    let Some((scheme, rest)) = value.split_once("://") else {
        return Err(refuse("is not a URL"));
    };
    if !schemes.contains(&scheme) {
        return Err(refuse(&format!("must start with {}://", schemes.join(":// or "))));
    }
    if rest.contains(['@', '?', '#']) {
        return Err(refuse("must hold neither a user, nor a query, nor a fragment"));
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = split_port(authority);
    let host_ok =
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    let path_ok = rest.bytes().all(|byte| byte.is_ascii_graphic());
    if !host_ok || !path_ok {
        return Err(refuse("names no host"));
    }
    if let Some(port) = port
        && port.parse::<u16>().is_err()
    {
        return Err(refuse("has a port that is not a number from 0 to 65535"));
    }
    Ok(value.trim_end_matches('/').to_owned())
}

/// Whether an endpoint is this machine itself, which no proxy can stand for.
pub(crate) fn is_loopback(endpoint: &str) -> bool {
    let authority = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let host = split_port(authority).0.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    // A colon inside brackets is part of an IPv6 address.
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// The proxy that calls to STS go through. Its URL may hold a password.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) url: String,
    pub(crate) bypass: Option<String>,
}

impl Proxy {
    /// What `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say, in capitals or not, for an endpoint of STS.
    ///
    /// Only an `http://` endpoint, which is a test's, looks at `http_proxy`. A loopback endpoint has no proxy.
    pub(crate) fn for_sts(environment: &Environment, endpoint: Option<&str>) -> Result<Option<Self>, Error> {
        if endpoint.is_some_and(is_loopback) {
            return Ok(None);
        }
        let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        let names: [&str; 4] = match plain {
            true => ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
            false => ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        };
        let Some((name, url)) = names.iter().find_map(|name| Some((*name, environment.get(name)?))) else {
            return Ok(None);
        };
        // A proxy may be named without a scheme. The value is not repeated: it may hold a password.
        let url = match url.contains("://") {
            true => url,
            false => format!("http://{url}"),
        };
        let known = ["http://", "https://"].iter().any(|scheme| {
            url.strip_prefix(scheme).is_some_and(|rest| {
                let authority = rest.split('/').next().unwrap_or_default();
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                let (host, port) = split_port(host);
                !host.is_empty()
                    && url.bytes().all(|byte| byte.is_ascii_graphic())
                    && port.is_none_or(|port| port.parse::<u16>().is_ok())
            })
        });
        if !known {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{name} is not an http:// or https:// URL of a proxy"),
            )
            .with_help("Set it to http://HOST:PORT, or unset it."));
        }
        Ok(Some(Self { url, bypass: environment.first(&["no_proxy", "NO_PROXY"]) }))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proxy(..)")
    }
}
