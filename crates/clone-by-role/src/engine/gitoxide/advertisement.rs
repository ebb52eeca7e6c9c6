//! The server's refs: its first answer in versions 0 and 1 of the protocol, an answer to `ls-refs` in version 2.

use std::io::Read;

use super::capabilities::{Capabilities, Version};
use super::packets::{Packet, Packets};
use super::{errors, request};
use crate::engine::{Advertisement, Context, RemoteRef};
use crate::{Error, ErrorKind, ObjectId, Result, Step};

/// The server as it describes itself.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) capabilities: Capabilities,
    pub(super) advertisement: Advertisement,
    /// Where the server's own history is cut, as far as it says so by now.
    pub(super) shallow: Vec<ObjectId>,
}

/// Asks the server for its refs: with one request, or with two in version 2.
pub(super) fn request(context: &Context) -> Result<Remote> {
    let mut packets = Packets::new(Step::Connect, context.http.info_refs(Version::V2.header())?);
    let mut remote = first_answer(&mut packets)?;
    packets.drain()?;
    if remote.capabilities.version == Version::V2 {
        let body = request::ls_refs(&remote.capabilities);
        let mut packets = Packets::new(Step::Connect, context.http.upload_pack(Version::V2.header(), &body)?);
        remote.advertisement = listed_refs(&mut packets)?;
        packets.drain()?;
    }
    Ok(remote)
}

/// Reads the answer to `info/refs`.
fn first_answer<R: Read>(packets: &mut Packets<R>) -> Result<Remote> {
    let mut first = packets.line()?;
    if let Packet::Data(range) = &first
        && packets.content(range).starts_with(b"# service=")
    {
        if packets.content(range) != b"# service=git-upload-pack" {
            return Err(errors::protocol(Step::Connect, "it answers for another service"));
        }
        if packets.line()? != Packet::Flush {
            return Err(errors::protocol(Step::Connect, "its announcement of the service has no end"));
        }
        first = packets.line()?;
    }
    let mut version = Version::V0;
    if let Packet::Data(range) = &first {
        match packets.content(range) {
            b"version 2" => return capabilities_of_v2(packets),
            b"version 1" => {
                version = Version::V1;
                first = packets.line()?;
            }
            line if line.starts_with(b"version ") => {
                return Err(errors::protocol(Step::Connect, "it chose a version that was not offered"));
            }
            _ => {}
        }
    }
    refs_of_v0(packets, first, version)
}

fn capabilities_of_v2<R: Read>(packets: &mut Packets<R>) -> Result<Remote> {
    let mut capabilities = Capabilities::new(Version::V2);
    while let Some(range) = data_until_flush(packets.line()?)? {
        capabilities.push(packets.content(&range));
    }
    capabilities.check_object_format()?;
    capabilities.check_commands()?;
    Ok(Remote { capabilities, advertisement: Advertisement::default(), shallow: Vec::new() })
}

fn refs_of_v0<R: Read>(packets: &mut Packets<R>, first: Packet, version: Version) -> Result<Remote> {
    let mut remote = Remote {
        capabilities: Capabilities::new(version),
        advertisement: Advertisement::default(),
        shallow: Vec::new(),
    };
    let mut packet = first;
    let mut is_first = true;
    while let Some(range) = data_until_flush(packet)? {
        let mut line = packets.content(&range);
        if is_first {
            is_first = false;
            if let Some(nul) = line.iter().position(|&byte| byte == 0) {
                remote.capabilities = Capabilities::of_first_ref(version, &line[nul + 1..]);
                remote.capabilities.check_object_format()?;
                line = &line[..nul];
            }
        }
        add_line_of_v0(&mut remote, line)?;
        packet = packets.line()?;
    }
    for symref in remote.capabilities.values("symref") {
        if let Some(target) = symref.strip_prefix("HEAD:")
            && target.starts_with("refs/")
        {
            remote.advertisement.head_target = Some(target.to_owned());
        }
    }
    Ok(remote)
}

fn add_line_of_v0(remote: &mut Remote, line: &[u8]) -> Result<()> {
    if let Some(id) = line.strip_prefix(b"shallow ") {
        remote.shallow.push(object_id(id)?);
        return Ok(());
    }
    let (id, name) = split(line)?;
    let id = object_id(id)?;
    // A null id carries the capabilities of an empty repository; `.have` names what the server's alternates hold.
    if id.is_null() || name == b".have" {
        return Ok(());
    }
    if let Some(name) = name.strip_suffix(b"^{}") {
        match remote.advertisement.refs.last_mut() {
            Some(tag) if tag.name.as_bytes() == name => tag.peeled = Some(id),
            _ if name == b"HEAD" => remote.advertisement.head = Some(id),
            _ => return Err(errors::protocol(Step::Connect, "it lists what a tag leads to without the tag")),
        }
    } else if name == b"HEAD" {
        remote.advertisement.head = Some(id);
    } else {
        remote.advertisement.refs.push(RemoteRef { name: utf8(name)?, id, peeled: None });
    }
    Ok(())
}

/// Reads the answer to `ls-refs`.
fn listed_refs<R: Read>(packets: &mut Packets<R>) -> Result<Advertisement> {
    let mut advertisement = Advertisement::default();
    while let Some(range) = data_until_flush(packets.line()?)? {
        add_line_of_v2(&mut advertisement, packets.content(&range))?;
    }
    Ok(advertisement)
}

fn add_line_of_v2(advertisement: &mut Advertisement, line: &[u8]) -> Result<()> {
    let (id, rest) = split(line)?;
    let mut words = rest.split(|&byte| byte == b' ');
    let name = words.next().unwrap_or_default();
    let (mut peeled, mut target) = (None, None);
    // What else a server may say about a ref is left alone, as the protocol asks for.
    for word in words {
        if let Some(id) = word.strip_prefix(b"peeled:") {
            peeled = Some(object_id(id)?);
        } else if let Some(name) = word.strip_prefix(b"symref-target:") {
            target = Some(utf8(name)?);
        }
    }
    let id = if id == b"unborn" { None } else { Some(object_id(id)?) };
    match id {
        _ if name == b"HEAD" => {
            advertisement.head = peeled.or(id);
            advertisement.head_target = target.filter(|target| target.starts_with("refs/"));
        }
        Some(id) => advertisement.refs.push(RemoteRef { name: utf8(name)?, id, peeled }),
        None => {}
    }
    Ok(())
}

fn data_until_flush(packet: Packet) -> Result<Option<std::ops::Range<usize>>> {
    match packet {
        Packet::Data(range) => Ok(Some(range)),
        Packet::Flush => Ok(None),
        Packet::End => Err(errors::ended(Step::Connect)),
        Packet::Delimiter | Packet::ResponseEnd | Packet::Pack => {
            Err(errors::protocol(Step::Connect, "something else stands where a ref should"))
        }
    }
}

fn split(line: &[u8]) -> Result<(&[u8], &[u8])> {
    match line.iter().position(|&byte| byte == b' ') {
        Some(at) if at + 1 < line.len() => Ok((&line[..at], &line[at + 1..])),
        _ => Err(errors::protocol(Step::Connect, "a ref has no name")),
    }
}

/// The object that 40 hexadecimal digits name.
pub(super) fn object_id(digits: &[u8]) -> Result<ObjectId> {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| errors::protocol(Step::Connect, "an object's name is not 40 hexadecimal digits"))
}

fn utf8(name: &[u8]) -> Result<String> {
    String::from_utf8(name.to_owned()).map_err(|_| {
        let name: String = String::from_utf8_lossy(name).chars().filter(|c| !c.is_control()).take(200).collect();
        Error::new(ErrorKind::Unsupported, Step::Connect, format!("the name of the ref {name} is not UTF-8"))
            .with_help("rename that ref on the server")
    })
}

#[cfg(test)]
mod tests;
