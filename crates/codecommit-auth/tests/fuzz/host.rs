//! What must hold of every text that is taken for a host.

use codecommit_auth::{Endpoint, Region};

/// Every suffix of the partition data.
const SUFFIXES: [&str; 7] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// Panics where it does not hold.
pub(crate) fn check(authority: &str) {
    if let Ok(endpoint) = Endpoint::vouched(authority) {
        assert_eq!(Endpoint::vouched(&endpoint.to_string()), Ok(endpoint.clone()));
        assert!(endpoint.is_at(&endpoint.authority()));
    }
    let Some(endpoint) = Endpoint::codecommit(authority) else {
        return;
    };
    assert!(endpoint.is_at(authority));
    let region: &Region = endpoint.region().expect("CodeCommit's hosts hold their region");
    assert!(SUFFIXES.contains(&region.dns_suffix()));

    // Built again from its parts, it is the same to the letter.
    let written = authority.to_ascii_lowercase();
    let host = written.split(':').next().expect("a host");
    let service = if host.contains("git-codecommit-fips.") { "git-codecommit-fips" } else { "git-codecommit" };
    let rebuilt = if host.starts_with("vpce-") {
        let id = host.split('.').next().expect("a label");
        assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        format!("{id}.{service}.{region}.vpce.{}", region.dns_suffix())
    } else {
        format!("{service}.{region}.{}", region.dns_suffix())
    };
    assert_eq!(host, rebuilt);
    assert_eq!(endpoint.host(), rebuilt);
    let port = written.strip_prefix(host).expect("what follows the host");
    assert!(port.is_empty() || port[1..].parse() == Ok(endpoint.port()), "{port}");
}
