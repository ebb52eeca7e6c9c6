//! Receiving objects: one request, and libgit2's indexer for the pack that answers it.

use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use git2::Indexer;

use super::advertisement::{self, object_id};
use super::local::Local;
use super::pkt_line::{self, Packet, Packets};
use super::request::{self, Wrapping};
use super::{errors, local};
use crate::engine::pack_check::{PackCheck, Sink, ahead};
use crate::engine::{Advertisement, Context, Received, Want};
use crate::progress::Progress;
use crate::{Error, ObjectId, Result, Step};

/// No more is read before the pack begins: history cuts and acknowledgements.
const PREAMBLE_LIMIT: u64 = 64 << 20;
/// No more is read of a server's messages beside the pack.
const MESSAGES_LIMIT: u64 = 16 << 20;

/// What libgit2 gets at once. It writes through a memory map, after making sure of the last page's place on the disk: with
/// more than a page at a time, a full disk would end the process with a signal.
const PIECE: usize = 4096;

/// What fails when the pack does, at the head of a message.
const WHAT: &str = "the pack cannot be taken in";

pub(super) fn fetch(
    context: &Context,
    git_dir: &Path,
    choose: &mut dyn FnMut(&Advertisement) -> Result<Want>,
) -> Result<Received> {
    let advertised = advertisement::request(&context.http)?;
    let want = choose(&advertised.refs)?;
    if want.is_empty() {
        return Ok(Received::default());
    }
    let local = Local::open(git_dir, Step::Fetch)?;
    let ids = missing(&want, &local);
    if ids.is_empty() {
        return Ok(Received::default());
    }
    let (body, wrapping) = request::encode(&ids, &want, &local, &advertised.capabilities)?;
    let answer = context.http.upload_pack(None, &body)?;
    let mut packets = Packets::new(&context.http, Step::Fetch, answer, PREAMBLE_LIMIT);
    let mut shallow = local.shallow().clone();
    preamble(&mut packets, &mut shallow)?;
    let received = receive(context, git_dir, &local, packets, wrapping)?;
    if !advertised.shallow.is_empty() {
        let odb = local::open_objects(git_dir, Step::Fetch)?;
        shallow.extend(advertised.shallow.into_iter().filter(|id| odb.exists(local::oid(*id))));
    }
    if shallow != *local.shallow() {
        local.write_shallow(&shallow)?;
    }
    Ok(received)
}

/// The objects to ask for: with a depth all that are wanted, since their histories may have to grow.
fn missing(want: &Want, local: &Local) -> Vec<ObjectId> {
    let mut seen = HashSet::new();
    let wanted = want.refs.iter().map(|wanted| wanted.id).chain(want.commits.iter().copied());
    wanted.filter(|&id| (want.depth.is_some() || !local.has(id)) && seen.insert(id)).collect()
}

/// What comes before the pack: where the history is cut, and which commits both sides have.
fn preamble<R: Read>(packets: &mut Packets<'_, R>, shallow: &mut BTreeSet<ObjectId>) -> Result<()> {
    loop {
        let Packet::Data(line) = packets.next()? else { continue };
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let (word, rest) = line.split_at(line.iter().position(|&byte| byte == b' ').unwrap_or(line.len()));
        let id = rest.get(1..41).and_then(object_id);
        match (word, id) {
            (b"shallow", Some(id)) => drop(shallow.insert(id)),
            (b"unshallow", Some(id)) => drop(shallow.remove(&id)),
            // `ACK id common` and the like: more of them follow.
            (b"ACK", Some(_)) if rest.len() > 41 => {}
            (b"ACK", Some(_)) | (b"NAK", None) => break,
            _ => return Err(packets.protocol("an answer to a fetch that cannot be read")),
        }
    }
    packets.unlimited();
    Ok(())
}

fn receive<R: Read + Send>(
    context: &Context,
    git_dir: &Path,
    local: &Local,
    packets: Packets<'_, R>,
    wrapping: Wrapping,
) -> Result<Received> {
    let counts = Counts::default();
    let mut pack = Pack::new(git_dir, local, &context.progress, &counts)?;
    ahead(
        PackCheck::new(context.limits),
        |sink| match wrapping {
            Wrapping::Sideband => unwrap(context, packets, sink),
            Wrapping::None => take(packets, sink),
        },
        |mut pieces| {
            pieces.try_for_each(|piece| pack.write(&piece))?;
            pack.finish()
        },
    )
}

/// Takes an answer that is nothing but a pack.
fn take<R: Read>(mut packets: Packets<'_, R>, sink: &mut Sink) -> Result<()> {
    loop {
        match packets.raw()? {
            [] => return Ok(()),
            piece if sink.put(piece)? => {}
            _ => return Ok(()),
        }
    }
}

/// Takes the pack out of the sideband that carries it beside the server's messages.
fn unwrap<R: Read>(context: &Context, mut packets: Packets<'_, R>, sink: &mut Sink) -> Result<()> {
    let mut messages = 0;
    loop {
        match packets.next()? {
            Packet::Flush => return packets.finish(),
            Packet::Data([1, piece @ ..]) if piece.is_empty() || sink.put(piece)? => {}
            // Nobody wants the rest.
            Packet::Data([1, ..]) => return Ok(()),
            Packet::Data([2, text @ ..]) => {
                context.progress.remote(text);
                messages += text.len() as u64;
                if messages > MESSAGES_LIMIT {
                    return Err(packets.protocol("far more messages than a fetch has"));
                }
            }
            Packet::Data([3, text @ ..]) => return Err(pkt_line::said(Step::Fetch, &context.http, text)),
            // Some servers send an empty packet as a sign of life.
            Packet::Data([]) => {}
            Packet::Data(_) => return Err(packets.protocol("a packet of an unknown sideband")),
        }
        if context.progress.is_cancelled() {
            return Err(Error::cancelled(Step::Fetch));
        }
    }
}

/// The numbers that libgit2's callback sees last.
#[derive(Default)]
struct Counts {
    bytes: Cell<u64>,
    objects: Cell<u64>,
    deltas: Cell<u64>,
}

/// A pack on its way into the repository.
struct Pack<'a> {
    indexer: Indexer<'a>,
    progress: &'a Progress,
    counts: &'a Counts,
}

impl<'a> Pack<'a> {
    fn new(git_dir: &Path, local: &'a Local, progress: &'a Progress, counts: &'a Counts) -> Result<Self> {
        let folder = git_dir.join("objects/pack");
        fs::create_dir_all(&folder).map_err(|error| Error::io(Step::Fetch, "cannot make the pack folder", error))?;
        // A pack for an empty repository stands on its own.
        let bases = (!local.is_empty()).then(|| local.odb());
        let mut indexer = Indexer::new(bases, &folder, 0, false)
            .map_err(|error| errors::from_git2(Step::Fetch, "cannot write a pack", error))?;
        let mut reported = None;
        indexer.progress(move |stats| {
            let (received, total) = (stats.received_objects() as u64, stats.total_objects() as u64);
            let (indexed, deltas) = (stats.indexed_deltas() as u64, stats.total_deltas() as u64);
            counts.objects.set(total);
            if received < total || indexed == 0 {
                if reported != Some(received) {
                    progress.receiving(received, total, counts.bytes.get());
                    reported = Some(received);
                }
            } else {
                counts.deltas.set(deltas);
                progress.resolving(indexed, deltas);
            }
            !progress.is_cancelled()
        });
        Ok(Self { indexer, progress, counts })
    }

    fn write(&mut self, data: &[u8]) -> Result<()> {
        self.counts.bytes.set(self.counts.bytes.get() + data.len() as u64);
        let mut pieces = data.chunks(PIECE);
        match pieces.try_for_each(|piece| self.indexer.write_all(piece)) {
            Err(_) if self.progress.is_cancelled() => Err(Error::cancelled(Step::Fetch)),
            written => written.map_err(|error| errors::from_write(Step::Fetch, WHAT, error)),
        }
    }

    fn finish(self) -> Result<Received> {
        let Counts { bytes, objects, deltas } = self.counts;
        // A pack of nothing is how a server says that all is here already.
        if objects.get() > 0 || bytes.get() == 0 {
            match self.indexer.commit() {
                Err(_) if self.progress.is_cancelled() => return Err(Error::cancelled(Step::Fetch)),
                committed => committed.map_err(|error| errors::from_git2(Step::Fetch, WHAT, error))?,
            };
        }
        Ok(Received { objects: objects.get(), deltas: deltas.get(), bytes: bytes.get() })
    }
}
