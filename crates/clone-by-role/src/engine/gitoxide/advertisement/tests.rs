use proptest::prelude::*;

use super::*;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const NULL: &str = "0000000000000000000000000000000000000000";
const CODECOMMIT: &str =
    "multi_ack_detailed shallow side-band-64k thin-pack allow-tip-sha1-in-want allow-reachable-sha1-in-want";

/// Packets of these lines; an empty one is a flush.
fn packets(lines: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        match line {
            [] => bytes.extend_from_slice(b"0000"),
            line => {
                bytes.extend_from_slice(format!("{:04x}", line.len() + 4).as_bytes());
                bytes.extend_from_slice(line);
            }
        }
    }
    bytes
}

fn first(lines: &[&[u8]]) -> Result<Remote> {
    first_answer(&mut Packets::new(Step::Connect, packets(lines).as_slice()))
}

fn listed(lines: &[&str]) -> Result<Advertisement> {
    let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).chain([&b""[..]]).collect();
    listed_refs(&mut Packets::new(Step::Connect, packets(&lines).as_slice()))
}

fn id(text: &str) -> ObjectId {
    text.parse().unwrap()
}

#[test]
fn a_server_like_codecommit_names_no_branch_for_head() {
    let head = format!("{A} HEAD\0{CODECOMMIT}\n");
    let main = format!("{A} refs/heads/main\n");
    let tag = format!("{B} refs/tags/v1\n");
    let peeled = format!("{A} refs/tags/v1^{{}}\n");
    let lines: &[&[u8]] = &[
        b"# service=git-upload-pack\n",
        b"",
        head.as_bytes(),
        main.as_bytes(),
        tag.as_bytes(),
        peeled.as_bytes(),
        b"",
    ];
    let remote = first(lines).unwrap();
    assert_eq!(remote.capabilities.version, Version::V0);
    assert!(remote.capabilities.can_cut_history() && remote.capabilities.gives_any_commit());
    let expected = Advertisement {
        refs: vec![
            RemoteRef { name: "refs/heads/main".into(), id: id(A), peeled: None },
            RemoteRef { name: "refs/tags/v1".into(), id: id(B), peeled: Some(id(A)) },
        ],
        head: Some(id(A)),
        head_target: None,
    };
    assert_eq!(remote.advertisement, expected);
}

#[test]
fn symref_shallow_and_have_lines_are_understood() {
    let head = format!("{A} HEAD\0symref=HEAD:refs/heads/x symref=refs/remotes/o/HEAD:refs/heads/y agent=g\n");
    let have = format!("{B} .have\n");
    let shallow = format!("shallow {B}\n");
    let remote = first(&[b"version 1\n", head.as_bytes(), have.as_bytes(), shallow.as_bytes(), b""]).unwrap();
    assert_eq!(remote.capabilities.version, Version::V1);
    assert_eq!(remote.advertisement.head_target.as_deref(), Some("refs/heads/x"));
    assert_eq!(remote.advertisement.refs, []);
    assert_eq!(remote.shallow, [id(B)]);
}

#[test]
fn an_empty_repository_has_no_refs() {
    let line = format!("{NULL} capabilities^{{}}\0{CODECOMMIT}");
    for lines in [&[line.as_bytes(), b""][..], &[b""]] {
        let remote = first(lines).unwrap();
        assert_eq!(remote.advertisement, Advertisement::default());
    }
    let unborn = listed(&["unborn HEAD symref-target:refs/heads/trunk\n"]).unwrap();
    let expected = Advertisement { head_target: Some("refs/heads/trunk".into()), ..Advertisement::default() };
    assert_eq!(unborn, expected);
}

#[test]
fn refs_of_version_2_carry_their_attributes() {
    let advertisement = listed(&[
        &format!("{A} HEAD symref-target:refs/heads/main\n"),
        &format!("{A} refs/heads/main some-day:more\n"),
        &format!("{B} refs/tags/v1 peeled:{A}\n"),
    ])
    .unwrap();
    assert_eq!(advertisement.head, Some(id(A)));
    assert_eq!(advertisement.head_target.as_deref(), Some("refs/heads/main"));
    assert_eq!(advertisement.find("refs/heads/main").unwrap().id, id(A));
    assert_eq!(advertisement.find("refs/tags/v1").unwrap().peeled, Some(id(A)));
}

#[test]
fn what_is_not_understood_is_a_typed_error() {
    let short = format!("{} refs/heads/main\0x\n", &A[1..]);
    let nameless = format!("{A} \0x\n");
    let peeled = format!("{A} refs/tags/v1^{{}}\0x\n");
    let sha256 = format!("{A}{A} HEAD\0object-format=sha256\n");
    let latin = [format!("{A} refs/heads/").as_bytes(), b"caf\xe9\0x\n"].concat();
    let cases: &[(&[&[u8]], ErrorKind)] = &[
        (&[short.as_bytes(), b""], ErrorKind::Protocol),
        (&[nameless.as_bytes(), b""], ErrorKind::Protocol),
        (&[peeled.as_bytes(), b""], ErrorKind::Protocol),
        (&[sha256.as_bytes(), b""], ErrorKind::Unsupported),
        (&[b"version 2\n", b"object-format=sha256\n", b"ls-refs\n", b"fetch\n", b""], ErrorKind::Unsupported),
        (&[b"version 2\n", b"ls-refs\n", b""], ErrorKind::Protocol),
        (&[b"version 3\n", b""], ErrorKind::Protocol),
        (&[&latin, b""], ErrorKind::Unsupported),
        (&[b"# service=git-receive-pack\n", b"", b""], ErrorKind::Protocol),
        (&[b"ERR access denied\n"], ErrorKind::Server),
        (&[b"version 2\n", b"ls-refs\n"], ErrorKind::Network),
        (&[], ErrorKind::Network),
    ];
    for (lines, kind) in cases {
        let error = first(lines).unwrap_err();
        assert_eq!(error.kind(), *kind, "{lines:?}: {error}");
    }
    let error = first(&[&latin, b""]).unwrap_err();
    assert!(error.message().contains("refs/heads/caf\u{fffd}"), "{error}");
}

#[test]
fn an_endless_list_of_refs_ends_in_an_error() {
    struct Endless(usize);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let line = format!("00f5{A} .have {}", " ".repeat(0xf5 - 4 - 40 - 7));
            for byte in buffer.iter_mut() {
                *byte = line.as_bytes()[self.0 % line.len()];
                self.0 += 1;
            }
            Ok(buffer.len())
        }
    }
    let error = first_answer(&mut Packets::new(Step::Connect, Endless(0))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = first_answer(&mut Packets::new(Step::Connect, bytes.as_slice()));
    }

    #[test]
    fn no_line_makes_it_panic(lines in proptest::collection::vec("(unborn|shallow|version|[0-9a-f]{40}) (HEAD|refs/[a-z^{}]{0,6})( |\0)?(peeled:|symref=)?.{0,20}", 0..5)) {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).chain([&b""[..]]).collect();
        let _ = first(&lines);
        let _ = listed_refs(&mut Packets::new(Step::Connect, packets(&lines).as_slice()));
    }
}
