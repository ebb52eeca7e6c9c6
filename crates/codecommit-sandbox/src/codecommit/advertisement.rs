//! The answer to `info/refs`: git's own, with CodeCommit's capabilities in place of its.

use std::io;

use tokio::{io::AsyncReadExt as _, process::ChildStdout};

use crate::{
    Protocol,
    codecommit::{
        capabilities::CODECOMMIT,
        git::{self, Service},
        pkt,
        replay::Key,
    },
    server::Reply,
    world::{Repository, World},
};

pub(crate) async fn answer(
    world: &World,
    repository: &Repository,
    service: Service,
    version: &str,
) -> io::Result<Reply> {
    let key = Key::new(repository, service.name(), version, b"refs");
    if let Some(body) = world.replay.as_ref().and_then(|replay| replay.find(&key)) {
        return Ok(Reply::streaming(200, service.advertisement_type(), body));
    }
    let modern = world.protocol == Protocol::Modern;
    let mut child = world.git.start(service, repository, version, modern, &["--http-backend-info-refs"])?;
    drop(child.stdin.take());
    let mut start = Vec::new();
    if !version.split(':').any(|part| part == "version=2") {
        start.extend(pkt::line(format!("# service={}\n", service.name()).as_bytes()));
        start.extend_from_slice(pkt::FLUSH);
    }
    if !modern && service == Service::UploadPack {
        let output = child.stdout.as_mut().ok_or_else(|| io::Error::other("git has no output"))?;
        start.extend(with_capabilities(&first_line(output).await?, CODECOMMIT));
    }
    let mut body = git::body(start, child).await?;
    if let Some(replay) = &world.replay {
        body = replay.keep(key, body).await?;
    }
    Ok(Reply::streaming(200, service.advertisement_type(), body))
}

/// Reads one line, head included.
async fn first_line(output: &mut ChildStdout) -> io::Result<Vec<u8>> {
    let mut line = vec![0; 4];
    output.read_exact(&mut line).await?;
    let length = pkt::length(&line).ok_or_else(|| io::Error::other("git's answer starts with no pkt-line"))?;
    line.resize(length.max(4), 0);
    output.read_exact(&mut line[4..]).await?;
    Ok(line)
}

/// The first ref's line, with these capabilities instead of its own. A flush stays what it is.
fn with_capabilities(line: &[u8], capabilities: &[&str]) -> Vec<u8> {
    let payload = line[4..].split(|byte| *byte == 0).next().unwrap_or_default();
    if payload.is_empty() {
        return line.to_vec();
    }
    pkt::line(&[payload, b"\0", capabilities.join(" ").as_bytes(), b"\n"].concat())
}

#[cfg(test)]
mod tests {
    use super::with_capabilities;
    use crate::codecommit::pkt;

    #[test]
    fn only_the_capabilities_change() {
        let id = "0123456789012345678901234567890123456789";
        let line = pkt::line(format!("{id} HEAD\0multi_ack symref=HEAD:refs/heads/main agent=git/2\n").as_bytes());
        let changed = with_capabilities(&line, &["shallow", "thin-pack"]);
        assert_eq!(changed, pkt::line(format!("{id} HEAD\0shallow thin-pack\n").as_bytes()));
        assert_eq!(with_capabilities(b"0000", &["shallow"]), b"0000");
    }
}
