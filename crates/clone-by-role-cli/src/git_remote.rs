//! Puts git's own HTTPS helper in this program's place.

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

use codecommit_auth::{ErrorKind, Region, Remote, Repository};

use crate::git_login::{Failure, vouched};
use crate::who::Who;

/// The first word of the call in which this program is asked for the login.
pub(crate) const LOGIN: &str = "--login";

/// Runs `git remote-https` for the repository that `url` names, with this process's standard input and output.
pub(crate) fn run(remote: &str, url: &str, endpoint: Option<&str>) -> ExitCode {
    match plan(url, endpoint).and_then(|plan| plan.command(remote)) {
        Ok(command) => replace_by(command),
        Err(failure) => failure.report(),
    }
}

/// What git's helper is to do.
struct Plan {
    repository: Repository,
    profile: Option<String>,
}

fn plan(url: &str, endpoint: Option<&str>) -> Result<Plan, Failure> {
    let endpoint = vouched(endpoint)?;
    let remote = Remote::parse_with(url, endpoint.as_ref())?;
    let profile = remote.profile().map(str::to_owned);
    let repository = match remote.locate(None, endpoint.as_ref()) {
        Err(error) if error.kind() == ErrorKind::MissingRegion => {
            let chain = Who::default().chain_or(remote.profile())?.build()?;
            let region = chain.region().map(|region| region.as_ref().parse::<Region>()).transpose()?;
            remote.locate(region.as_ref(), endpoint.as_ref())?
        }
        located => located?,
    };
    Ok(Plan { repository, profile })
}

impl Plan {
    fn command(&self, remote: &str) -> Result<Command, Failure> {
        let url = self.repository.https_url();
        let mut git = Command::new("git");
        for (section, key, value) in [
            // The login comes from here alone: no helper of the user's is asked for it, or told.
            ("credential", "helper", String::new()),
            ("credential", "helper", self.helper()?),
            ("credential", "useHttpPath", "true".to_owned()),
            // git 2.46 and later spares the request that would be answered with a 401; others do not know the setting.
            ("http", "proactiveAuth", "basic".to_owned()),
            // A login was signed for one host.
            ("http", "followRedirects", "false".to_owned()),
        ] {
            // For this URL alone, to the letter, so that no other setting is more to the point.
            git.arg("-c").arg(format!("{section}.{url}.{key}={value}"));
        }
        git.args(["remote-https", remote, &url]);
        Ok(git)
    }

    /// What git is to run for a login, in the shell: this program.
    fn helper(&self) -> Result<String, Failure> {
        let program = env::current_exe()?;
        let program = program.to_str().ok_or_else(|| std::io::Error::other("the path of this program is not UTF-8"))?;
        let mut words = vec![
            program.to_owned(),
            LOGIN.to_owned(),
            "--quit".to_owned(),
            format!("--region={}", self.repository.region()),
            format!("--endpoint={}", self.repository.endpoint()),
        ];
        words.extend(self.profile.as_ref().map(|profile| format!("--profile={profile}")));
        let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
        Ok(format!("!{}", quoted.join(" ")))
    }
}

/// One word of a shell's command.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Runs `command` in this process's place.
fn replace_by(mut command: Command) -> ExitCode {
    #[cfg(unix)]
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    #[cfg(not(unix))]
    let error = match command.status() {
        Ok(status) => return ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(error) => error,
    };
    let program: OsString = command.get_program().to_owned();
    eprintln!("error: {} cannot be run: {error}", program.display());
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_takes_a_quoted_word_as_it_is() {
        for word in ["plain", "a b", "it's", "''", "$HOME `id` \"x\" \\", "*?[;&|<>~#"] {
            let output = Command::new("sh").args(["-c", &format!("printf %s {}", quote(word))]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }

    #[test]
    fn git_is_told_where_to_ask_and_no_secret() {
        let plan = plan("ap-northeast-1://o'brien@app", Some("127.0.0.1:8443")).ok().unwrap();
        let command = plan.command("origin").ok().unwrap();
        let words: Vec<_> = command.get_args().map(|word| word.to_str().unwrap()).collect();
        let url = "https://127.0.0.1:8443/v1/repos/app";
        let program = env::current_exe().unwrap();
        assert_eq!(
            words,
            [
                "-c",
                &format!("credential.{url}.helper="),
                "-c",
                &format!(
                    "credential.{url}.helper=!'{}' '--login' '--quit' '--region=ap-northeast-1' '--endpoint=https://127.0.0.1:8443' '--profile=o'\\''brien'",
                    program.display()
                ),
                "-c",
                &format!("credential.{url}.useHttpPath=true"),
                "-c",
                &format!("http.{url}.proactiveAuth=basic"),
                "-c",
                &format!("http.{url}.followRedirects=false"),
                "remote-https",
                "origin",
                url,
            ]
        );
    }
}
