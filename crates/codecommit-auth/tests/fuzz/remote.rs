//! What must hold of every text that is taken for the name of a remote.

use codecommit_auth::{Endpoint, Region, Remote};

/// Panics where it does not hold.
pub(crate) fn check(name: &str) {
    let remote = match Remote::parse(name) {
        Ok(remote) => remote,
        Err(error) => {
            assert!(!error.to_string().contains(['\n', '\r', '\0', '\u{1b}']));
            return;
        }
    };
    let shown = remote.to_string();
    assert_eq!(Remote::parse(&shown).as_ref(), Ok(&remote), "{shown:?}");
    assert!(!shown.contains(['\n', '\r', '\0']));

    let default: Region = "us-east-1".parse().expect("a region");
    let repository = remote.locate(Some(&default), None).expect("a region is known");
    let url = repository.https_url();
    let (authority, path) = url["https://".len()..].split_once('/').expect("a path");
    assert!(Endpoint::codecommit(authority).is_some(), "{url}");
    assert_eq!(path, format!("v1/repos/{}", repository.name()));
    assert!(url.bytes().all(|b| b.is_ascii_alphanumeric() || b"/:._-".contains(&b)), "{url}");
    assert!(!path.ends_with(".git") && !path.contains("//") && !path.split('/').any(|part| part == ".."));
}
