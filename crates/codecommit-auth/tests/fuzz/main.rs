//! The checks of the fuzzers in `fuzz/`, over their seeds and what becomes of those by chance: on any compiler, in every run of the tests.

mod credential;
mod host;
mod remote;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What tends to matter to a reader of names, hosts and lines.
const WORDS: [&[u8]; 30] = [
    b"\n",
    b"\r",
    b"\0",
    b"\r\n",
    b"\n\n",
    b"=",
    b"@",
    b":",
    b"/",
    b"//",
    b"://",
    b"::",
    b"?",
    b"#",
    b"%2e",
    b".",
    b"..",
    b".git",
    b"\xff",
    b"\xd0\xb0",
    b"\xe3\x80\x82",
    b".evil.test",
    b"host=evil.test\n",
    b"path=v1/repos/x\n",
    b"protocol=https\n",
    b"cn-north-1",
    b"git-codecommit-fips.",
    b"vpce.",
    b":443",
    b"codecommit::",
];

/// One change: what to do, where, with what.
#[derive(Debug, Clone)]
enum Change {
    Insert(Index, Vec<u8>),
    Replace(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize),
    UpperCase(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        3 => (at(), select(&WORDS[..])).prop_map(|(at, word)| Change::Insert(at, word.to_vec())),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, vec![byte])),
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        2 => (at(), 1..12usize).prop_map(|(at, length)| Change::Remove(at, length)),
        1 => (at(), 1..80usize).prop_map(|(at, length)| Change::Repeat(at, length)),
        1 => at().prop_map(Change::UpperCase),
    ]
}

impl Change {
    fn apply(&self, text: &mut Vec<u8>) {
        let length = text.len();
        match self {
            Self::Insert(at, word) => {
                let at = at.index(length + 1);
                text.splice(at..at, word.iter().copied());
            }
            Self::Replace(..) | Self::Remove(..) | Self::Repeat(..) | Self::UpperCase(_) if length == 0 => {}
            Self::Replace(at, byte) => text[at.index(length)] = *byte,
            Self::UpperCase(at) => text[at.index(length)].make_ascii_uppercase(),
            Self::Remove(at, count) => {
                let at = at.index(length);
                text.drain(at..(at + count).min(length));
            }
            Self::Repeat(at, count) => {
                let at = at.index(length);
                let piece = text[at..(at + count).min(length)].to_vec();
                text.splice(at..at, piece);
            }
        }
    }
}

/// The seeds of a target.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/seeds").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "{files:?}");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// What becomes of a target's seeds by up to five changes.
fn grown(target: &str) -> impl Strategy<Value = Vec<u8>> {
    (select(seeds(target)), prop::collection::vec(change(), 0..6)).prop_map(|(mut text, changes)| {
        for change in changes {
            change.apply(&mut text);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn names_of_remotes(text in grown("remote")) {
        remote::check(&String::from_utf8_lossy(&text));
    }

    #[test]
    fn hosts(text in grown("host")) {
        host::check(&String::from_utf8_lossy(&text));
    }

    #[test]
    fn requests_for_a_login(text in grown("credential"), cut in 0..300usize) {
        credential::check(&text, cut);
    }
}
