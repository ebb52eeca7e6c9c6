//! The server's refs and capabilities, as protocol v0 lists them (gitprotocol-pack(5), gitprotocol-http(5)).

use std::io::Read;

use super::pkt_line::{Packet, Packets};
use crate::engine::{Advertisement, RemoteRef};
use crate::http::GitHttp;
use crate::{Error, ErrorKind, ObjectId, Result, Step};

/// No more of a list of refs is read: about a million of them.
const LIMIT: u64 = 128 << 20;

/// What a server says of itself before anything is asked of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Advertised {
    pub(super) refs: Advertisement,
    pub(super) capabilities: Capabilities,
    /// Where the server's own history is cut.
    pub(super) shallow: Vec<ObjectId>,
}

/// What the server can do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities(Vec<String>);

impl Capabilities {
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|capability| capability == name)
    }

    /// Whether clients may name themselves.
    pub(super) fn agent(&self) -> bool {
        self.value("agent").is_some()
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|capability| capability.strip_prefix(name)?.strip_prefix('='))
    }
}

/// Asks the server for its refs.
pub(super) fn request(http: &GitHttp) -> Result<Advertised> {
    let mut packets = Packets::new(http, Step::Connect, http.info_refs(None)?, LIMIT);
    let advertised = read(&mut packets)?;
    packets.finish()?;
    Ok(advertised)
}

fn read<R: Read>(packets: &mut Packets<'_, R>) -> Result<Advertised> {
    let mut advertised = Advertised::default();
    let mut state = State::Start;
    loop {
        let line = match packets.next()? {
            Packet::Flush if state == State::Service => {
                state = State::First;
                continue;
            }
            Packet::Flush => break,
            Packet::Data(line) => line.strip_suffix(b"\n").unwrap_or(line),
        };
        if state == State::Start && line.starts_with(b"# service=") {
            if line != b"# service=git-upload-pack" {
                return Err(packets.protocol("the refs of another service"));
            }
            state = State::Service;
        } else if state != State::Service && line != b"version 1" {
            let first = state != State::Refs;
            state = State::Refs;
            match advertised.add(line, first) {
                Ok(()) => {}
                Err(Malformed::Line) => return Err(packets.protocol("a list of refs that cannot be read")),
                Err(Malformed::Error(error)) => return Err(error),
            }
        }
    }
    Ok(advertised)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// After the line that names the service, before its flush.
    Service,
    First,
    Refs,
}

enum Malformed {
    Line,
    Error(Error),
}

impl Advertised {
    fn add(&mut self, line: &[u8], first: bool) -> Result<(), Malformed> {
        if let Some(id) = line.strip_prefix(b"shallow ") {
            self.shallow.push(object_id(id).ok_or(Malformed::Line)?);
            return Ok(());
        }
        let mut line = line;
        if first && let Some(end) = line.iter().position(|&byte| byte == 0) {
            let capabilities = String::from_utf8_lossy(&line[end + 1..]);
            self.capabilities = Capabilities(capabilities.split_ascii_whitespace().map(str::to_owned).collect());
            self.check_format().map_err(Malformed::Error)?;
            self.refs.head_target = self.head_target();
            line = &line[..end];
        }
        let (id, name) = line.split_at_checked(40).ok_or(Malformed::Line)?;
        let id = object_id(id).ok_or(Malformed::Line)?;
        let name = name.strip_prefix(b" ").filter(|name| !name.is_empty()).ok_or(Malformed::Line)?;
        let name = std::str::from_utf8(name).map_err(|_| Malformed::Error(not_utf8(name)))?;
        match (name, name.strip_suffix("^{}")) {
            ("capabilities^{}", _) => {}
            ("HEAD", _) | (_, Some("HEAD")) => self.refs.head = Some(id),
            (_, None) => self.refs.refs.push(RemoteRef { name: name.to_owned(), id, peeled: None }),
            (_, Some(tag)) => match self.refs.refs.last_mut() {
                Some(last) if last.name == tag => last.peeled = Some(id),
                _ => return Err(Malformed::Line),
            },
        }
        Ok(())
    }

    fn check_format(&self) -> Result<()> {
        match self.capabilities.value("object-format") {
            None | Some("sha1") => Ok(()),
            Some(format) => Err(Error::new(
                ErrorKind::Unsupported,
                Step::Connect,
                format!("the repository names its objects by {format:?}; only sha1 is supported"),
            )),
        }
    }

    fn head_target(&self) -> Option<String> {
        let symrefs = self.capabilities.0.iter().filter_map(|capability| capability.strip_prefix("symref="));
        symrefs.filter_map(|symref| symref.split_once(':')).find(|(name, _)| *name == "HEAD").map(|(_, to)| to.into())
    }
}

fn not_utf8(name: &[u8]) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        Step::Connect,
        format!("the name of the ref {:?} is not UTF-8", String::from_utf8_lossy(name)),
    )
    .with_help("rename that ref on the server")
}

/// The object that 40 hexadecimal digits name.
pub(super) fn object_id(digits: &[u8]) -> Option<ObjectId> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
