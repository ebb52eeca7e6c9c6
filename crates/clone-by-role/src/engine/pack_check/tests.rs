use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

/// A zlib stream without compression.
fn stored(content: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = content.chunks(0xffff).peekable();
    if content.is_empty() {
        stream.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for &byte in content {
        a = (a + u32::from(byte)) % 65521;
        b = (b + a) % 65521;
    }
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}

/// An entry that says it is of this kind and size.
fn entry(kind: u8, mut size: u64, rest: &[&[u8]]) -> Vec<u8> {
    let mut head = vec![kind << 4 | (size & 15) as u8];
    size >>= 4;
    while size > 0 {
        *head.last_mut().unwrap() |= 128;
        head.push((size & 127) as u8);
        size >>= 7;
    }
    [head, rest.concat()].concat()
}

pub(super) fn pack(objects: u32, entries: &[Vec<u8>]) -> Vec<u8> {
    [b"PACK\0\0\0\x02".as_slice(), &objects.to_be_bytes(), &entries.concat(), &[0; 20]].concat()
}

pub(super) fn blob(size: u64, content: &[u8]) -> Vec<u8> {
    entry(3, size, &[&stored(content)])
}

/// Feeds the pack in pieces of this length.
fn feed(pack: &[u8], limits: Limits, piece: usize) -> Result<()> {
    let mut check = PackCheck::new(limits);
    pack.chunks(piece).try_for_each(|piece| check.feed(piece))
}

fn small() -> Limits {
    Limits { objects: 10, pack_bytes: 100_000, file_bytes: 1000, unpacked_bytes: 3000, ..Limits::default() }
}

#[test]
fn packs_that_lie_or_are_too_large_are_refused() {
    let delta = |size: u64, content: &[u8]| entry(6, size, &[&[1], &stored(content)]);
    let by_name = |size: u64, content: &[u8]| entry(7, size, &[&[9; 20], &stored(content)]);
    let filled = |size: usize| blob(size as u64, &vec![0; size]);
    // The sizes of base and result are 5 and 2^34; then 5 and 1000, three times.
    let bomb = [5, 0x80, 0x80, 0x80, 0x80, 0x40, 0x90];
    let large = [5, 0xe8, 7, 0x90];
    use ErrorKind::{Corrupt, LimitExceeded};
    let cases: Vec<(&str, Vec<u8>, Option<ErrorKind>)> = vec![
        ("nothing", pack(0, &[]), None),
        ("an empty blob", pack(1, &[blob(0, b"")]), None),
        ("as large as can be", pack(3, &[filled(1000), filled(1000), filled(1000)]), None),
        ("a delta", pack(2, &[filled(5), delta(4, &large)]), None),
        ("a delta by name", pack(2, &[filled(5), by_name(4, &large)]), None),
        ("no pack", b"PACk\0\0\0\x02\0\0\0\0".to_vec(), Some(Corrupt)),
        ("another version", b"PACK\0\0\0\x04\0\0\0\0".to_vec(), Some(Corrupt)),
        ("too many objects", pack(11, &[]), Some(LimitExceeded)),
        ("all objects there can be", pack(u32::MAX, &[]), Some(LimitExceeded)),
        ("a large object", pack(1, &[blob(1001, b"")]), Some(LimitExceeded)),
        ("a size of 64 bits", pack(1, &[blob(u64::MAX, b"")]), Some(LimitExceeded)),
        ("a size of more bits", pack(1, &[[[0xbf].as_slice(), &[0xff; 9], &[1]].concat()]), Some(Corrupt)),
        ("more than is said", pack(1, &[blob(9, &[0; 10])]), Some(Corrupt)),
        ("far more than is said", pack(1, &[blob(9, &[0; 90_000])]), Some(Corrupt)),
        ("less than is said", pack(1, &[blob(11, &[0; 10])]), Some(Corrupt)),
        ("large together", pack(4, &vec![filled(1000); 4]), Some(LimitExceeded)),
        ("a delta that swells", pack(2, &[filled(5), delta(7, &bomb)]), Some(LimitExceeded)),
        ("a delta by name that swells", pack(2, &[filled(5), by_name(7, &bomb)]), Some(LimitExceeded)),
        ("a delta of a large base", pack(1, &[delta(3, &[0xe9, 7, 1])]), Some(LimitExceeded)),
        ("deltas that swell together", pack(5, &vec![delta(4, &large); 5]), Some(LimitExceeded)),
        ("a delta without sizes", pack(1, &[delta(1, &[5])]), Some(Corrupt)),
        ("a delta without an end of its sizes", pack(1, &[delta(30, &[0xff; 30])]), Some(Corrupt)),
        ("kind 0", pack(1, &[entry(0, 0, &[&stored(b"")])]), Some(Corrupt)),
        ("kind 5", pack(1, &[entry(5, 0, &[&stored(b"")])]), Some(Corrupt)),
        ("no zlib stream", pack(1, &[entry(3, 4, &[b"this is no zlib stream"])]), Some(Corrupt)),
        ("something after a pack", [pack(1, &[filled(5)]), vec![0]].concat(), Some(Corrupt)),
        (
            "a long pack",
            pack(1, &[entry(7, 9, &[&[9; 20], &[0x78, 0x01], &[0, 0, 0, 0xff, 0xff].repeat(20_000)])]),
            Some(LimitExceeded),
        ),
    ];
    for (what, pack, expected) in cases {
        for piece in [1, 3, 1000, usize::MAX] {
            let kind = feed(&pack, small(), piece).err().map(|error| error.kind());
            assert_eq!(kind, expected, "{what}, in pieces of {piece}");
        }
    }
}

#[test]
fn a_bomb_is_refused_at_its_first_bytes() {
    // Whatever follows the head of the entry is not looked at: it need not even be there.
    let head = pack(1, &[entry(3, 1 << 40, &[])]);
    let error = feed(&head[..12 + 7], Limits::default(), 1).unwrap_err();
    assert_eq!(error.to_string(), "fetch: the pack holds an object of more than 2147483648 bytes");
    assert!(error.help().unwrap().contains("Limits::file_bytes"));
}

/// Packs of stock git pass, whatever they are cut into.
#[test]
fn packs_of_git_pass() {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str], input: &[u8]| {
        let mut child = Command::new("git")
            .args(arguments)
            .current_dir(folder.path())
            .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the tests need git");
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        output.stdout
    };
    git(&["init", "--quiet", "--bare", "--template=", "."], b"");
    let text: Vec<String> = (0..5000).map(|line| format!("line {line} {}\n", line * 7919 % 10_007)).collect();
    let mut names = String::new();
    for number in 0..40 {
        let content = format!("{}{number}\n{}", text[..number * 100].concat(), text[number * 100..].concat());
        names += &String::from_utf8(git(&["hash-object", "-w", "--stdin"], content.as_bytes())).unwrap();
    }
    for arguments in [["pack-objects", "--stdout", "--delta-base-offset"], ["pack-objects", "--stdout", "--depth=50"]] {
        let pack = git(&arguments, names.as_bytes());
        assert!(pack.len() > 10_000);
        for piece in [1, 7, 4096, usize::MAX] {
            let mut check = PackCheck::new(Limits::default());
            pack.chunks(piece).try_for_each(|piece| check.feed(piece)).unwrap();
            assert!(matches!(check.state, State::Checksum { left: 0 }));
        }
    }
}
