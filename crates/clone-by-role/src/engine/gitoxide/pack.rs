//! A pack from the server, written and indexed.

use std::io::{BufReader, Read};
use std::path::Path;

use gix::odb::pack;

use super::errors;
use super::sideband::PackStream;
use crate::engine::Context;
use crate::engine::pack_check::{PackCheck, Sink, ahead};
use crate::progress::Progress;
use crate::{Error, Result, Step};

/// What is read of the stream at once: a packet.
const BUFFER: usize = 64 << 10;

/// What was written.
pub(super) struct Written {
    pub(super) objects: u64,
    pub(super) deltas: u64,
}

/// Writes the pack and its index into `objects/pack`.
///
/// `bases` are the objects that are here already, on which a thin pack leans.
pub(super) fn write<R: Read + Send>(
    stream: &mut PackStream<R>,
    git_dir: &Path,
    bases: Option<impl gix::prelude::Find>,
    context: &Context,
) -> Result<Written> {
    let progress = &context.progress;
    let folder = git_dir.join("objects").join("pack");
    std::fs::create_dir_all(&folder)
        .map_err(|error| Error::io(Step::Fetch, format!("cannot make {}", folder.display()), error))?;
    let outcome = ahead(
        PackCheck::new(context.limits),
        |sink| receive(stream, sink, progress),
        |pieces| {
            pack::Bundle::write_to_directory(
                &mut BufReader::with_capacity(BUFFER, pieces),
                Some(&folder),
                &mut gix::progress::Discard,
                progress.cancel_flag(),
                bases,
                gix::hash::Kind::Sha1,
                pack::bundle::write::Options::default(),
            )
            .map_err(|error| errors::gix(Step::Fetch, "the pack cannot be indexed", error))
        },
    )?;
    if let Some(keep) = &outcome.keep_path {
        std::fs::remove_file(keep)
            .map_err(|error| Error::io(Step::Fetch, format!("cannot remove {}", keep.display()), error))?;
    }
    let objects = u64::from(outcome.index.num_objects);
    let deltas = deltas(&outcome).map_err(|error| errors::gix(Step::Fetch, "the pack cannot be read", error))?;
    progress.receiving(objects, objects, stream.received());
    progress.resolving(deltas, deltas);
    Ok(Written { objects, deltas })
}

fn deltas(outcome: &pack::bundle::write::Outcome) -> gix::Result<u64> {
    let Some(bundle) = outcome.to_bundle().transpose()? else { return Ok(0) };
    let mut deltas = 0;
    for entry in bundle.index.iter() {
        deltas += u64::from(bundle.pack.entry(entry.pack_offset)?.header.is_delta());
    }
    Ok(deltas)
}

/// Takes the pack from the connection.
fn receive<R: Read>(stream: &mut PackStream<R>, sink: &mut Sink, progress: &Progress) -> Result<()> {
    loop {
        let piece = stream.piece()?;
        let length = piece.len();
        if length == 0 || !sink.put(piece)? {
            return Ok(());
        }
        stream.consume(length);
        progress.receiving(0, 1, stream.received());
    }
}
