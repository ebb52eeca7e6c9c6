//! Stock git as a child process, kept apart from the user's settings.

use std::{
    fs, io,
    path::Path,
    process::{self, Stdio},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
};

use bytes::{Bytes, BytesMut};

use crate::{
    Error, ErrorKind,
    server::{Body, channel, full},
    world::Repository,
};

/// Answers up to this size leave whole, in one write.
const WHOLE: usize = 64 * 1024;

/// Settings that a served repository's own configuration must not change.
const SETTINGS: [(&str, &str); 7] = [
    ("uploadpack.allowTipSHA1InWant", "true"),
    ("uploadpack.allowReachableSHA1InWant", "true"),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("receive.denyCurrentBranch", "ignore"),
    ("receive.autogc", "false"),
    ("gc.auto", "0"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    UploadPack,
    ReceivePack,
}

impl Service {
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        [Service::UploadPack, Service::ReceivePack].into_iter().find(|service| service.name() == name)
    }

    /// As in URLs and types: `git-upload-pack`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Service::UploadPack => "git-upload-pack",
            Service::ReceivePack => "git-receive-pack",
        }
    }

    fn command(self) -> &'static str {
        &self.name()["git-".len()..]
    }

    pub(crate) fn advertisement_type(self) -> &'static str {
        match self {
            Service::UploadPack => "application/x-git-upload-pack-advertisement",
            Service::ReceivePack => "application/x-git-receive-pack-advertisement",
        }
    }

    pub(crate) fn result_type(self) -> &'static str {
        match self {
            Service::UploadPack => "application/x-git-upload-pack-result",
            Service::ReceivePack => "application/x-git-receive-pack-result",
        }
    }
}

/// How git is run: with a home and a configuration of the sandbox's own.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    environment: Vec<(String, String)>,
}

impl Git {
    /// Writes the configuration into `home`, a folder that lives as long as the sandbox.
    pub(crate) fn new(home: &Path) -> Result<Self, Error> {
        let config = home.join("gitconfig");
        fs::write(&config, "[safe]\n\tdirectory = *\n")
            .map_err(|e| Error::io("git's settings could not be written", e))?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut environment = vec![
            ("HOME".to_owned(), text(home)),
            ("GIT_CONFIG_NOSYSTEM".to_owned(), "1".to_owned()),
            ("GIT_CONFIG_GLOBAL".to_owned(), text(&config)),
            ("GIT_CONFIG_COUNT".to_owned(), SETTINGS.len().to_string()),
            ("LC_ALL".to_owned(), "C".to_owned()),
        ];
        for (number, (key, value)) in SETTINGS.into_iter().enumerate() {
            environment.push((format!("GIT_CONFIG_KEY_{number}"), key.to_owned()));
            environment.push((format!("GIT_CONFIG_VALUE_{number}"), value.to_owned()));
        }
        // Without these a program does not start on Windows; elsewhere only PATH is there.
        for inherited in ["PATH", "SystemRoot", "TEMP"] {
            environment.extend(std::env::var(inherited).ok().map(|value| (inherited.to_owned(), value)));
        }
        Ok(Self { environment })
    }

    /// Fails where git is missing, or `directory` is no repository; otherwise tells where its git directory is.
    pub(crate) fn find_repository(&self, directory: &Path) -> Result<std::path::PathBuf, Error> {
        let output = process::Command::new("git")
            .env_clear()
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .arg("-C")
            .arg(directory)
            .args(["rev-parse", "--absolute-git-dir"])
            .env("GIT_CEILING_DIRECTORIES", directory.parent().unwrap_or(directory))
            .output()
            .map_err(|error| Error::new(ErrorKind::Git, "git could not be run; is it installed?").caused_by(error))?;
        let path = String::from_utf8_lossy(&output.stdout).trim_end_matches(['\n', '\r']).to_owned();
        if !output.status.success() || path.is_empty() {
            let message = format!("{} is no git repository", directory.display());
            return Err(Error::new(ErrorKind::Repository, message));
        }
        Ok(path.into())
    }

    /// Starts a service on a repository; `version` is what a client says in `Git-Protocol`.
    pub(crate) fn start(
        &self,
        service: Service,
        repository: &Repository,
        version: &str,
        filter: bool,
        arguments: &[&str],
    ) -> io::Result<Child> {
        let mut command = Command::new("git");
        command.env_clear().envs(self.environment.iter().map(|(key, value)| (key, value)));
        if version.bytes().all(|c| c.is_ascii_alphanumeric() || b"=:.-".contains(&c)) && !version.is_empty() {
            command.env("GIT_PROTOCOL", version);
        }
        command
            .args(["-c", if filter { "uploadpack.allowFilter=true" } else { "uploadpack.allowFilter=false" }])
            .args([service.command(), "--stateless-rpc"])
            .args(arguments)
            .arg(&repository.git_dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}

/// What the child says, after `start`: whole where it is short, and otherwise as it comes.
pub(crate) async fn body(start: Vec<u8>, mut child: Child) -> io::Result<Body> {
    let mut output = child.stdout.take().ok_or_else(|| io::Error::other("git has no output"))?;
    let mut buffer = BytesMut::from(&start[..]);
    while buffer.len() < WHOLE {
        if output.read_buf(&mut buffer).await? == 0 {
            child.wait().await?;
            return Ok(full(buffer.freeze()));
        }
    }
    let (sender, body) = channel(4);
    tokio::spawn(async move {
        let mut piece = Ok(buffer.freeze());
        loop {
            // A client that went away takes the child with it.
            if sender.send(piece).await.is_err() {
                return;
            }
            piece = match read(&mut output).await {
                Ok(bytes) if bytes.is_empty() => break,
                Ok(bytes) => Ok(bytes),
                Err(error) => Err(error.into()),
            };
        }
        if let Err(error) = child.wait().await {
            tracing::debug!(%error, "git could not be waited for");
        }
    });
    Ok(body)
}

async fn read(output: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
    let mut buffer = BytesMut::with_capacity(WHOLE);
    output.read_buf(&mut buffer).await?;
    Ok(buffer.freeze())
}
