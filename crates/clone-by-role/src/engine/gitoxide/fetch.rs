//! From what is wanted to objects on disk.

use std::collections::BTreeSet;
use std::path::Path;

use super::advertisement::Remote;
use super::negotiate::{self, Negotiation, Round};
use super::packets::Packets;
use super::request::Fetch;
use super::response::{PackStart, Response};
use super::sideband::PackStream;
use super::{errors, pack, shallow};
use crate::engine::{Context, Received, Want};
use crate::http::Body;
use crate::{Error, ErrorKind, ObjectId, Result, Step};

/// Receives what is wanted into the repository, and notes where its history is cut.
pub(super) fn receive(context: &Context, git_dir: &Path, remote: &Remote, want: &Want) -> Result<Received> {
    check(remote, want)?;
    let repository = super::open(git_dir, Step::Fetch)?;
    let tips = negotiate::tips(&repository)?;
    let cuts = shallow::read(git_dir)?;
    let fetch = Fetch {
        capabilities: &remote.capabilities,
        wants: wanted(want),
        shallow: cuts.iter().copied().collect(),
        depth: want.depth,
        include_tag: want.include_tag,
        thin: !tips.is_empty(),
    };
    let mut answer = if tips.is_empty() {
        ask(context, &fetch, &Round { haves: Vec::new(), done: true })?
    } else {
        let mut negotiation = Negotiation::new(&repository, &tips, &remote.advertisement)?;
        negotiate(context, &fetch, &mut negotiation)?
    };
    let start = answer.response.pack.take().ok_or_else(|| errors::ended(Step::Fetch))?;
    let received = receive_pack(context, git_dir, &repository, fetch.thin, answer.packets, start)?;
    let new_cuts = cut(&cuts, remote, &answer.response);
    if new_cuts != cuts {
        shallow::write(git_dir, &new_cuts)?;
    }
    Ok(received)
}

/// Refuses what the server cannot give before anything is asked of it.
fn check(remote: &Remote, want: &Want) -> Result<()> {
    if want.depth.is_some() && !remote.capabilities.can_cut_history() {
        return Err(Error::new(ErrorKind::Unsupported, Step::Fetch, "the server cannot cut the history at a depth")
            .with_help("ask for the whole history"));
    }
    let advertised = |id: &ObjectId| {
        remote.advertisement.head.as_ref() == Some(id)
            || remote.advertisement.refs.iter().any(|remote_ref| remote_ref.id == *id)
    };
    match want.commits.iter().find(|id| !advertised(id)) {
        Some(id) if !remote.capabilities.gives_any_commit() => {
            let message = format!("the server gives only what its refs name, and none names {id}");
            Err(Error::new(ErrorKind::Unsupported, Step::Fetch, message).with_help("name a branch or a tag"))
        }
        _ => Ok(()),
    }
}

/// The objects to ask for, each once, in the order of the request.
fn wanted(want: &Want) -> Vec<ObjectId> {
    let mut seen = BTreeSet::new();
    let refs = want.refs.iter().map(|remote_ref| remote_ref.id);
    refs.chain(want.commits.iter().copied()).filter(|id| seen.insert(*id)).collect()
}

/// An answer, read up to its pack or its end.
struct Answer {
    response: Response,
    packets: Packets<Body>,
}

fn ask(context: &Context, fetch: &Fetch<'_>, round: &Round) -> Result<Answer> {
    let version = fetch.capabilities.version;
    let body = context.http.upload_pack(version.header(), &fetch.round(&round.haves, round.done))?;
    let mut packets = Packets::new(Step::Fetch, body);
    let response = Response::read(version, &mut packets)?;
    Ok(Answer { response, packets })
}

/// Tells the server what is here until it sends a pack.
fn negotiate(context: &Context, fetch: &Fetch<'_>, negotiation: &mut Negotiation<'_>) -> Result<Answer> {
    loop {
        if context.progress.is_cancelled() {
            return Err(Error::cancelled(Step::Fetch));
        }
        let round = negotiation.round()?;
        let answer = ask(context, fetch, &round)?;
        if answer.response.pack.is_some() {
            return Ok(answer);
        }
        if round.done {
            return Err(errors::ended(Step::Fetch));
        }
        negotiation.learn(&answer.response.common, answer.response.ready)?;
        answer.packets.drain()?;
    }
}

fn receive_pack(
    context: &Context,
    git_dir: &Path,
    repository: &gix::Repository,
    thin: bool,
    packets: Packets<Body>,
    start: PackStart,
) -> Result<Received> {
    let mut stream = PackStream::new(packets, start, context.progress.clone())?;
    let bases = thin.then(|| repository.objects.clone());
    match pack::write(&mut stream, git_dir, bases, context) {
        Ok(written) => {
            let bytes = stream.finish()?;
            Ok(Received { objects: written.objects, deltas: written.deltas, bytes })
        }
        Err(_) if context.progress.is_cancelled() => Err(Error::cancelled(Step::Fetch)),
        Err(error) => Err(error),
    }
}

/// Where the history is cut once the pack is here.
fn cut(before: &BTreeSet<ObjectId>, remote: &Remote, response: &Response) -> BTreeSet<ObjectId> {
    let mut cuts = before.clone();
    cuts.extend(&remote.shallow);
    cuts.extend(&response.shallow);
    for commit in &response.unshallow {
        cuts.remove(commit);
    }
    cuts
}
