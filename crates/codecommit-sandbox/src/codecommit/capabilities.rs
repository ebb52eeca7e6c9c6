//! What CodeCommit's server can do, and the answer to a client that asks within that, or for more.

use std::{io, sync::Arc};

use tokio::io::AsyncWriteExt as _;

use crate::{
    Protocol,
    codecommit::{
        git::{self, Service},
        pkt,
        replay::{self, Key},
    },
    server::{Reply, RequestBody},
    world::{Repository, World},
};

/// The capabilities that CodeCommit was seen to list, all of them.
pub(crate) const CODECOMMIT: &[&str] = &[
    "multi_ack_detailed",
    "shallow",
    "side-band-64k",
    "thin-pack",
    "allow-tip-sha1-in-want",
    "allow-reachable-sha1-in-want",
];

/// Hands the request to git and streams what it answers.
pub(crate) async fn answer(
    world: &Arc<World>,
    repository: &Repository,
    service: Service,
    version: &str,
    mut body: RequestBody,
) -> io::Result<Reply> {
    let modern = world.protocol == Protocol::Modern;
    if !modern
        && service == Service::UploadPack
        && let Some(capability) = first_foreign(&first_line(&mut body).await?)
    {
        let message = format!("the client asks for {capability:?}, which was not offered");
        let error = pkt::line(format!("ERR upload-pack: {message}\n").as_bytes());
        return Ok(Reply::new(200, service.result_type(), error).reason(message));
    }
    let key = match &world.replay {
        Some(_) if service == Service::UploadPack => {
            Some(Key::new(repository, service.name(), version, body.peek(replay::LONGEST_REQUEST).await?))
        }
        _ => None,
    };
    if let Some((replay, key)) = world.replay.as_ref().zip(key.as_ref())
        && let Some(body) = replay.find(key)
    {
        return Ok(Reply::streaming(200, service.result_type(), body));
    }
    let mut child = world.git.start(service, repository, version, modern, &[])?;
    let mut input = child.stdin.take().ok_or_else(|| io::Error::other("git has no input"))?;
    tokio::spawn(async move {
        // git may have heard enough and gone; what it said is the answer all the same.
        while let Ok(Some(piece)) = body.next().await {
            if input.write_all(&piece).await.is_err() {
                break;
            }
        }
    });
    let mut answer = git::body(Vec::new(), child).await?;
    if let Some(replay) = &world.replay {
        match key {
            Some(key) => answer = replay.keep(key, answer).await?,
            None => replay.forget(),
        }
    }
    Ok(Reply::streaming(200, service.result_type(), answer))
}

async fn first_line(body: &mut RequestBody) -> io::Result<Vec<u8>> {
    let length = pkt::length(body.peek(4).await?).unwrap_or(0);
    let line = body.peek(length).await?;
    Ok(line.get(4..length).unwrap_or_default().to_vec())
}

/// The first capability in `want ID capability…` that was not offered. A client must not ask for it, and a server must
/// refuse it, says <https://git-scm.com/docs/gitprotocol-capabilities>. `agent` does no harm and is let pass.
fn first_foreign(line: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(line);
    let asked = text.trim_end().strip_prefix("want ")?.split(' ').skip(1).filter(|capability| !capability.is_empty());
    asked
        .filter(|capability| !capability.starts_with("agent="))
        .find(|capability| !CODECOMMIT.contains(capability))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::first_foreign;

    #[test]
    fn what_was_not_offered_is_found() {
        let id = "0123456789012345678901234567890123456789";
        for (capabilities, foreign) in [
            ("", None),
            (" multi_ack_detailed side-band-64k thin-pack agent=git/2.47", None),
            (" thin-pack ofs-delta", Some("ofs-delta")),
            (" deepen-relative", Some("deepen-relative")),
        ] {
            assert_eq!(first_foreign(format!("want {id}{capabilities}\n").as_bytes()).as_deref(), foreign);
        }
        assert_eq!(first_foreign(b""), None);
    }
}
