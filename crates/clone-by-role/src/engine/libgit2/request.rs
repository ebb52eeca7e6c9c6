//! What is asked of the server: one request, with all that it must know to answer with a pack.

use super::advertisement::Capabilities;
use super::local::Local;
use crate::engine::Want;
use crate::{Error, ErrorKind, ObjectId, Result, Step};

/// How the answer's pack is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapping {
    /// In packets of a sideband, beside messages.
    Sideband,
    /// As it is.
    None,
}

/// The body of a request for `ids`, and how its answer is wrapped.
///
/// Stock git asks in rounds until both sides know what they share. Here one request carries everything: the wants, the
/// cuts of the history, a choice of the commits that are here, and the word that this is all. The rules allow it, it
/// saves round trips, and a worst choice of commits only makes the pack larger than it had to be.
pub(super) fn encode(
    ids: &[ObjectId],
    want: &Want,
    local: &Local,
    capabilities: &Capabilities,
) -> Result<(Vec<u8>, Wrapping)> {
    if want.depth.is_some() && !capabilities.has("shallow") {
        return Err(Error::new(ErrorKind::Unsupported, Step::Fetch, "the server has no shallow clones")
            .with_help("ask for the whole history"));
    }
    let haves = local.haves();
    let mut chosen: Vec<&str> = Vec::new();
    let mut choose = |names: &[&'static str]| {
        let name = names.iter().find(|name| capabilities.has(name));
        chosen.extend(name);
        name.is_some()
    };
    let sideband = choose(&["side-band-64k", "side-band"]);
    choose(&["multi_ack_detailed", "multi_ack"]);
    choose(&["ofs-delta"]);
    if !haves.is_empty() {
        choose(&["thin-pack"]);
    }
    if want.depth.is_some() || !local.shallow().is_empty() {
        choose(&["shallow"]);
    }
    if want.include_tag {
        choose(&["include-tag"]);
    }
    if capabilities.agent() {
        chosen.push(concat!("agent=git/2.0-clone-by-role/", env!("CARGO_PKG_VERSION")));
    }

    let mut body = Vec::with_capacity(50 * (ids.len() + haves.len() + local.shallow().len() + 8));
    for (nth, id) in ids.iter().enumerate() {
        match nth {
            0 => line(&mut body, &format!("want {id} {}", chosen.join(" "))),
            _ => line(&mut body, &format!("want {id}")),
        }
    }
    for id in local.shallow() {
        line(&mut body, &format!("shallow {id}"));
    }
    if let Some(depth) = want.depth {
        line(&mut body, &format!("deepen {depth}"));
    }
    body.extend_from_slice(b"0000");
    for id in haves {
        line(&mut body, &format!("have {id}"));
    }
    line(&mut body, "done");
    Ok((body, if sideband { Wrapping::Sideband } else { Wrapping::None }))
}

fn line(body: &mut Vec<u8>, text: &str) {
    body.extend_from_slice(format!("{:04x}{text}\n", text.len() + 5).as_bytes());
}
