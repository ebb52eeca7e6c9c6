use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use crate::error::Shown;
use crate::region::is_region;
use crate::{Error, ErrorKind, Region};

/// Where git speaks to CodeCommit: a host and a port, always over TLS.
///
/// An endpoint is either one of CodeCommit's own hosts ([`standard`](Self::standard), [`fips`](Self::fips), or any that [`codecommit`](Self::codecommit) recognises, VPC endpoints among them), or one that the caller vouches for ([`vouched`](Self::vouched)): a proxy, a private DNS name, a test server.
///
/// Two endpoints are equal when a login for one may go to the other: same host, same port.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: Arc<str>,
    /// `None` is 443, so that `host` and `host:443` are equal.
    port: Option<u16>,
    /// Of CodeCommit's own hosts, which hold it; follows from `host`.
    region: Option<Region>,
}

impl Endpoint {
    /// CodeCommit's public endpoint in `region`: `git-codecommit.REGION.SUFFIX`, where the suffix is the partition's.
    #[must_use]
    pub fn standard(region: &Region) -> Self {
        Self::named("git-codecommit", region)
    }

    /// CodeCommit's FIPS 140 endpoint in `region`: `git-codecommit-fips.REGION.SUFFIX`.
    ///
    /// Whether the region has one is for DNS to say: AWS [lists](https://docs.aws.amazon.com/codecommit/latest/userguide/regions.html) North America and the US government regions today, and a list kept here would only age.
    #[must_use]
    pub fn fips(region: &Region) -> Self {
        Self::named("git-codecommit-fips", region)
    }

    fn named(service: &str, region: &Region) -> Self {
        Self {
            host: format!("{service}.{region}.{}", region.dns_suffix()).into(),
            port: None,
            region: Some(region.clone()),
        }
    }

    /// The endpoint of `authority`, which is `HOST` or `HOST:PORT`, where the host is one of CodeCommit's, and `None` for every other.
    ///
    /// The host is matched whole, without regard to case, against these forms, with a well-formed region and the DNS suffix of that region's partition:
    ///
    /// - `git-codecommit.REGION.SUFFIX`
    /// - `git-codecommit-fips.REGION.SUFFIX`
    /// - `vpce-ID[-ZONE].git-codecommit[-fips].REGION.vpce.SUFFIX`
    ///
    /// ```
    /// use codecommit_auth::Endpoint;
    ///
    /// assert!(Endpoint::codecommit("git-codecommit.cn-north-1.amazonaws.com.cn").is_some());
    /// assert!(Endpoint::codecommit("git-codecommit.us-east-1.amazonaws.com.evil.test").is_none());
    /// ```
    #[must_use]
    pub fn codecommit(authority: &str) -> Option<Self> {
        let (host, port) = split(authority).ok()?;
        let region = region_of(&host)?;
        Some(Self { host: host.into(), port, region: Some(region) })
    }

    /// An endpoint that the caller vouches for: `https://HOST[:PORT]`, or `HOST[:PORT]` alone.
    ///
    /// Logins will be signed for this host and sent to it, whatever it is. It is what the variable `CODE_COMMIT_ENDPOINT` of git-remote-codecommit holds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Transport`] for any scheme but `https`, on loopback too: a login is good for 15 minutes for whoever reads it on its way. [`ErrorKind::Malformed`] where the host or port is not one, and for a user name, path, query or fragment.
    pub fn vouched(endpoint: &str) -> Result<Self, Error> {
        const HELP: &str = "name the endpoint as https://HOST:PORT, such as https://127.0.0.1:8443";
        if endpoint.contains('@') {
            // Not shown: what stands before the @ may be a password.
            return Err(Error::malformed("an endpoint holds no user name or password", HELP));
        }
        let authority = match endpoint.split_once("://") {
            None => endpoint,
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest,
            Some((scheme, _)) => {
                return Err(Error::new(
                    ErrorKind::Transport,
                    format!(
                        "an endpoint is reached over https only, not over {}: a login in the clear could be used by whoever reads it",
                        Shown(scheme)
                    ),
                    HELP,
                ));
            }
        };
        let (host, port) = split(authority.strip_suffix('/').unwrap_or(authority))
            .map_err(|rule| Error::malformed(format!("{} is not an endpoint: {rule}", Shown(endpoint)), HELP))?;
        Ok(Self { region: region_of(&host), host: host.into(), port })
    }

    /// The host, in lower case; an IPv6 address stands in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port, 443 unless another was named.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(443)
    }

    /// The host as the signature holds it, which is without the port, as the AWS CLI signs it.
    #[must_use]
    pub fn signing_host(&self) -> &str {
        &self.host
    }

    /// `HOST`, or `HOST:PORT` where the port is not 443: what stands in a URL and in a `Host` header.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.port {
            None => self.host.as_ref().to_owned(),
            Some(port) => format!("{}:{port}", self.host),
        }
    }

    /// The region that the host's name holds: of CodeCommit's own hosts, none of others.
    #[must_use]
    pub fn region(&self) -> Option<&Region> {
        self.region.as_ref()
    }

    /// Whether `authority`, which is `HOST` or `HOST:PORT` as in a URL, is this endpoint.
    #[must_use]
    pub fn is_at(&self, authority: &str) -> bool {
        split(authority).is_ok_and(|(host, port)| host == *self.host && port == self.port)
    }
}

/// The region in the name of one of CodeCommit's hosts, given in lower case.
fn region_of(host: &str) -> Option<Region> {
    let (is_vpc, service) = match host.strip_prefix("vpce-") {
        None => (false, host),
        Some(endpoint) => {
            let (id, service) = endpoint.split_once('.')?;
            if id.is_empty() {
                return None;
            }
            (true, service)
        }
    };
    let place = service.strip_prefix("git-codecommit.").or_else(|| service.strip_prefix("git-codecommit-fips."))?;
    let (region, mut suffix) = place.split_once('.')?;
    if is_vpc {
        suffix = suffix.strip_prefix("vpce.")?;
    }
    if !is_region(region) {
        return None;
    }
    let region: Region = region.parse().ok()?;
    (suffix == region.dns_suffix()).then_some(region)
}

/// `HOST[:PORT]` as host in lower case and port, with 443 as `None`; or the rule it breaks.
pub(crate) fn split(authority: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = match authority.rfind(':') {
        // The last colon inside an address's brackets is none that a port follows.
        Some(at) if !authority[at..].contains(']') => (&authority[..at], Some(&authority[at + 1..])),
        _ => (authority, None),
    };
    let port = match port {
        None => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => match digits.parse::<u16>() {
            Ok(443) => None,
            Ok(port) if port > 0 => Some(port),
            _ => return Err("a port is a number from 1 to 65535"),
        },
        Some(_) => return Err("a port is a number from 1 to 65535"),
    };
    let host = host.to_ascii_lowercase();
    check_host(&host)?;
    Ok((host, port))
}

/// A DNS name without a final dot (RFC 1123, and underscores, which internal names have), an IPv4 address in four parts, or an IPv6 address in brackets.
fn check_host(host: &str) -> Result<(), &'static str> {
    if let Some(address) = host.strip_prefix('[') {
        return match address.strip_suffix(']').map(str::parse::<Ipv6Addr>) {
            Some(Ok(_)) => Ok(()),
            _ => Err("brackets hold an IPv6 address"),
        };
    }
    if host.is_empty() {
        return Err("it names no host");
    }
    if host.ends_with('.') {
        return Err("a host does not end in a dot here");
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
    };
    if host.len() > 253 || !host.split('.').all(is_label) {
        return Err(
            "a host is labels of letters, digits and hyphens joined by dots (an international name in its xn-- form)",
        );
    }
    // Resolvers read 127.1 and 0x7f000001 as addresses, each in its own way.
    let last = host.rsplit('.').next().unwrap_or(host);
    let is_numeric = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    if is_numeric && host.parse::<Ipv4Addr>().is_err() {
        return Err("an IPv4 address is four numbers joined by dots");
    }
    Ok(())
}

impl FromStr for Endpoint {
    type Err = Error;

    /// As [`Endpoint::vouched`].
    fn from_str(endpoint: &str) -> Result<Self, Error> {
        Self::vouched(endpoint)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.host)?;
        match self.port {
            None => Ok(()),
            Some(port) => write!(f, ":{port}"),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}
