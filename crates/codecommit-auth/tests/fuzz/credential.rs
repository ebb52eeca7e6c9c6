//! What must hold of everything that git, or somebody in its name, may write to a helper; it is fed in two pieces, cut at `cut`.

use codecommit_auth::Endpoint;
use codecommit_auth::credential::{Reader, Request};

/// Panics where it does not hold.
pub(crate) fn check(bytes: &[u8], cut: usize) {
    let whole = Request::parse(bytes);

    let (first, second) = bytes.split_at(cut.min(bytes.len()));
    let mut reader = Reader::new();
    let pieces = reader.feed(first).and_then(|_| reader.feed(second)).and_then(|_| reader.finish());
    assert_eq!(pieces, whole);

    let vouched = Endpoint::vouched("127.0.0.1:8443").expect("an endpoint");
    let region = "eu-west-1".parse().expect("a region");
    let Ok(request) = whole else { return };
    let Ok(Some(repository)) = request.repository(Some(&region), Some(&vouched)) else { return };

    // Read a second time by the plainest reader there can be.
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").map_or(bytes.len(), |at| at + 1);
    let text = if bytes.starts_with(b"\n") { &[] } else { &bytes[..end] };
    assert!(!text.contains(&b'\r') && !text.contains(&0));
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let hosts: Vec<&[u8]> = lines.iter().filter_map(|line| line.strip_prefix(b"host=")).collect();
    let [host] = hosts[..] else { panic!("{} hosts", hosts.len()) };
    let host = std::str::from_utf8(host).expect("UTF-8");
    assert!(lines.contains(&b"protocol=https".as_slice()));
    assert!(Endpoint::codecommit(host).is_some() || host == "127.0.0.1:8443");
    assert!(repository.endpoint().is_at(host));
}
