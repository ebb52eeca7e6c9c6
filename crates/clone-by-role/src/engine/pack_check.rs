//! A look at a pack while it comes, before a git library sees it.
//!
//! Both libraries believe what a pack says of its sizes: they reserve that much memory, and inflate without an end. So
//! each byte passes here first. The format is that of gitformat-pack(5): a header, entries of a kind, a size and a zlib
//! stream, a checksum. Checksums, names and bases are left to the libraries.

mod ahead;

use gix_zlib::{Decompress, FlushDecompress, Status};

use crate::limits::Limits;
use crate::{Error, ErrorKind, Result, Step};

/// Inflated bytes that are looked at and thrown away at a time.
const SCRATCH: usize = 16 << 10;

/// Two sizes of up to ten bytes each stand at the head of a delta.
const DELTA_HEAD: usize = 20;

pub(super) use ahead::{Sink, ahead};

/// Follows a pack, and fails where it breaks its format or a limit.
pub(super) struct PackCheck {
    limits: Limits,
    state: State,
    /// Bytes of the pack so far.
    bytes: u64,
    objects_left: u64,
    /// What all objects so far unpack to.
    unpacked: u64,
    inflate: Decompress,
    scratch: Box<[u8; SCRATCH]>,
}

/// What comes next.
enum State {
    /// The twelve bytes of the pack's header, of which some have come.
    Header { bytes: [u8; 12], have: usize },
    /// A byte of an entry's kind and size.
    EntryHead { kind: u8, size: u64, shift: u32 },
    /// A byte of the distance to a delta's base.
    BaseOffset { size: u64 },
    /// The rest of the name of a delta's base.
    BaseName { size: u64, left: usize },
    /// A zlib stream, of which `size` bytes are to come out.
    Content { size: u64, out: u64, delta: Option<DeltaHead> },
    /// So many bytes of the checksum.
    Checksum { left: usize },
}

/// The first bytes of a delta.
#[derive(Default)]
struct DeltaHead {
    bytes: [u8; DELTA_HEAD],
    have: usize,
    /// Whether the sizes in it have been looked at.
    read: bool,
}

impl PackCheck {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Header { bytes: [0; 12], have: 0 },
            bytes: 0,
            objects_left: 0,
            unpacked: 0,
            inflate: Decompress::new(),
            scratch: Box::new([0; SCRATCH]),
        }
    }

    /// Looks at the next bytes.
    pub(super) fn feed(&mut self, mut data: &[u8]) -> Result<()> {
        self.bytes += data.len() as u64;
        self.limit(self.bytes, self.limits.pack_bytes, "the pack has more than {} bytes", "pack_bytes")?;
        while !data.is_empty() {
            let used = self.step(data)?;
            data = &data[used..];
        }
        Ok(())
    }

    /// Takes some bytes, at least one unless the state changes, and says how many.
    fn step(&mut self, data: &[u8]) -> Result<usize> {
        let first = data[0];
        match &mut self.state {
            State::Header { bytes, have } => {
                let used = data.len().min(bytes.len() - *have);
                bytes[*have..*have + used].copy_from_slice(&data[..used]);
                *have += used;
                if *have == bytes.len() {
                    let bytes = *bytes;
                    self.header(bytes)?;
                }
                Ok(used)
            }
            State::EntryHead { kind, size, shift } => {
                if *shift == 0 {
                    *kind = first >> 4 & 7;
                    *size = u64::from(first & 15);
                    *shift = 4;
                } else {
                    let bits = u64::from(first & 127);
                    if *shift > 60 || bits.leading_zeros() < *shift {
                        return Err(corrupt("an object in the pack says that it is larger than anything can be"));
                    }
                    *size |= bits << *shift;
                    *shift += 7;
                }
                if first & 128 == 0 {
                    let (kind, size) = (*kind, *size);
                    self.entry(kind, size)?;
                }
                Ok(1)
            }
            State::BaseOffset { size } => {
                if first & 128 == 0 {
                    self.state = State::Content { size: *size, out: 0, delta: Some(DeltaHead::default()) };
                }
                Ok(1)
            }
            State::BaseName { size, left } => {
                let used = data.len().min(*left);
                *left -= used;
                if *left == 0 {
                    self.state = State::Content { size: *size, out: 0, delta: Some(DeltaHead::default()) };
                }
                Ok(used)
            }
            State::Content { .. } => self.content(data),
            State::Checksum { left: 0 } => Err(corrupt("something follows the pack")),
            State::Checksum { left } => {
                let used = data.len().min(*left);
                *left -= used;
                Ok(used)
            }
        }
    }

    fn header(&mut self, bytes: [u8; 12]) -> Result<()> {
        let number = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if &bytes[..4] != b"PACK" || !matches!(number(4), 2 | 3) {
            return Err(corrupt("what the server sent is not a pack"));
        }
        self.objects_left = number(8).into();
        self.limit(self.objects_left, self.limits.objects, "the pack has more than {} objects", "objects")?;
        self.next_entry();
        Ok(())
    }

    fn next_entry(&mut self) {
        self.state = match self.objects_left {
            0 => State::Checksum { left: 20 },
            _ => State::EntryHead { kind: 0, size: 0, shift: 0 },
        };
    }

    fn entry(&mut self, kind: u8, size: u64) -> Result<()> {
        self.object(size, matches!(kind, 6 | 7))?;
        self.objects_left -= 1;
        self.inflate.reset();
        self.state = match kind {
            1..=4 => State::Content { size, out: 0, delta: None },
            6 => State::BaseOffset { size },
            7 => State::BaseName { size, left: 20 },
            _ => return Err(corrupt(&format!("the pack holds an object of the kind {kind}, which does not exist"))),
        };
        Ok(())
    }

    /// An object, or a delta, of this size is announced.
    fn object(&mut self, size: u64, delta: bool) -> Result<()> {
        let what = "the pack holds an object of more than {} bytes";
        self.limit(size, self.limits.file_bytes, what, "file_bytes")?;
        if !delta {
            self.unpacked = self.unpacked.saturating_add(size);
            let what = "the pack unpacks to more than {} bytes";
            self.limit(self.unpacked, self.limits.unpacked_bytes, what, "unpacked_bytes")?;
        }
        Ok(())
    }

    fn content(&mut self, data: &[u8]) -> Result<usize> {
        let State::Content { size, out, delta } = &mut self.state else { return Ok(0) };
        let (in_before, out_before) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(data, &mut self.scratch[..], FlushDecompress::None);
        let status = status.map_err(|error| corrupt("an object in the pack is damaged").with_source(error))?;
        let used = (self.inflate.total_in() - in_before) as usize;
        let made = (self.inflate.total_out() - out_before) as usize;
        *out += made as u64;
        let mut sizes = None;
        if let Some(head) = delta.as_mut().filter(|head| !head.read) {
            sizes = head.read(&self.scratch[..made], *out == *size)?;
        }
        let ended = matches!(status, Status::StreamEnd);
        if *out > *size || ended && *out < *size {
            return Err(corrupt("an object in the pack has another size than it says"));
        }
        if !ended && used == 0 && made == 0 {
            return Err(corrupt("an object in the pack is damaged"));
        }
        if let Some((base, result)) = sizes {
            self.object(base, true)?;
            self.object(result, false)?;
        }
        if ended {
            self.next_entry();
        }
        Ok(used)
    }

    fn limit(&self, value: u64, limit: u64, what: &str, name: &str) -> Result<()> {
        match value <= limit {
            true => Ok(()),
            false => Err(crate::limits::exceeded(Step::Fetch, what.replace("{}", &limit.to_string()), name)),
        }
    }
}

impl DeltaHead {
    /// Takes in what was inflated. The sizes of the base and of the result, once they are there; `whole` says that
    /// nothing more of the delta comes.
    fn read(&mut self, inflated: &[u8], whole: bool) -> Result<Option<(u64, u64)>> {
        let used = inflated.len().min(DELTA_HEAD - self.have);
        self.bytes[self.have..self.have + used].copy_from_slice(&inflated[..used]);
        self.have += used;
        let mut bytes = &self.bytes[..self.have];
        let sizes = size(&mut bytes).and_then(|base| Some((base, size(&mut bytes)?)));
        if sizes.is_none() && (whole || self.have == DELTA_HEAD) {
            return Err(corrupt("a delta in the pack cannot be read"));
        }
        self.read = sizes.is_some();
        Ok(sizes)
    }
}

/// A number of seven bits a byte, the lowest first.
fn size(bytes: &mut &[u8]) -> Option<u64> {
    let mut size = 0_u64;
    for (at, &byte) in bytes.iter().enumerate().take(DELTA_HEAD / 2) {
        let bits = u64::from(byte & 127);
        size |= bits.checked_shl(7 * at as u32).filter(|shifted| shifted >> (7 * at) == bits)?;
        if byte & 128 == 0 {
            *bytes = &bytes[at + 1..];
            return Some(size);
        }
    }
    None
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, Step::Fetch, what).with_help("run git fsck on the server's repository")
}

#[cfg(test)]
mod tests;
