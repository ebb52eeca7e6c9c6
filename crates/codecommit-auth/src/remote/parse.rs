use super::{Form, Remote};
use crate::endpoint::split;
use crate::error::Shown;
use crate::partition::Partition;
use crate::{Endpoint, Error, ErrorKind, Region, RepositoryName};

const FORMS: &str = "write https://git-codecommit.REGION.amazonaws.com/v1/repos/NAME, codecommit://[PROFILE@]NAME, codecommit::REGION://[PROFILE@]NAME, or the repository's ARN";

pub(super) fn remote(name: &str, vouched: Option<&Endpoint>) -> Result<Remote, Error> {
    let text = name.strip_prefix("codecommit::").unwrap_or(name);
    if text.starts_with("arn:") {
        return arn(text);
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        let shown = if name.contains('@') {
            // Of git's short SSH form, `USER@HOST:PATH`, only the end is harmless to show.
            "this".to_owned()
        } else {
            Shown(name).to_string()
        };
        return Err(Error::malformed(
            format!("{shown} is not the name of a CodeCommit repository: it has no `://` and is no ARN"),
            FORMS,
        ));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "https" => url(rest, vouched),
        "http" => Err(Error::new(
            ErrorKind::Transport,
            "CodeCommit is reached over https only, not over http: a login in the clear could be used by whoever reads it",
            "write https:// in place of http://",
        )),
        "ssh" | "git+ssh" | "ssh+git" => Err(ssh(rest)),
        "codecommit" if scheme == "codecommit" => codecommit(None, rest),
        "file" | "git" | "ftp" | "ftps" | "s3" => {
            Err(Error::malformed(format!("{} is not a way to reach a CodeCommit repository", Shown(scheme)), FORMS))
        }
        _ => codecommit(Some(scheme.parse()?), rest),
    }
}

/// What every repository's path begins with.
const REPOSITORIES: &str = "/v1/repos/";

/// `HOST[:PORT]/v1/repos/NAME`.
fn url(rest: &str, vouched: Option<&Endpoint>) -> Result<Remote, Error> {
    // Anywhere at all: a password may hold a slash, and must then not be shown as if it were a path.
    if rest.contains('@') {
        return Err(Error::malformed(
            "the URL of a CodeCommit repository holds no user name or password: the login is signed anew for each use",
            "leave out what stands before the @, and the @",
        ));
    }
    if rest.contains(['?', '#']) {
        return Err(Error::malformed(
            "the URL of a CodeCommit repository has no query and no fragment",
            "end the URL after the repository's name",
        ));
    }
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let endpoint = match (Endpoint::codecommit(authority), vouched) {
        (Some(endpoint), _) => endpoint,
        (None, Some(vouched)) if vouched.is_at(authority) => vouched.clone(),
        (None, _) => return Err(foreign(authority)),
    };
    Ok(Remote { form: Form::Url { endpoint }, repository: repository_at(path)? })
}

fn foreign(authority: &str) -> Error {
    match split(authority) {
        Err(rule) => Error::malformed(format!("the URL's host {} is none: {rule}", Shown(authority)), FORMS),
        Ok(_) => Error::new(
            ErrorKind::ForeignHost,
            format!("{} is not a CodeCommit host, and no login is signed for others", Shown(authority)),
            "write the host as git-codecommit.REGION.amazonaws.com, or vouch for this one by naming it as the endpoint (CODE_COMMIT_ENDPOINT)",
        ),
    }
}

/// Whether `path` is where repositories are, be the name after it one or not.
pub(crate) fn is_repository_path(path: &str) -> bool {
    path.starts_with(REPOSITORIES)
}

/// The name in `/v1/repos/NAME`.
pub(crate) fn repository_at(path: &str) -> Result<RepositoryName, Error> {
    let Some(name) = path.strip_prefix(REPOSITORIES) else {
        return Err(Error::malformed(
            format!("{} is not the path of a CodeCommit repository: it does not begin with /v1/repos/", Shown(path)),
            "write the path as /v1/repos/NAME",
        ));
    };
    name.trim_end_matches('/').parse()
}

/// `[PROFILE@]NAME`. The last `@` ends the profile: a repository's name has none.
fn codecommit(region: Option<Region>, rest: &str) -> Result<Remote, Error> {
    let rest = rest.trim_end_matches('/');
    let (profile, name) = match rest.rsplit_once('@') {
        None => (None, rest),
        Some((profile, name)) => (Some(check_profile(profile)?), name),
    };
    let repository: RepositoryName = name.parse()?;
    Ok(Remote { form: Form::Codecommit { profile: profile.map(Into::into), region }, repository })
}

/// A profile's name is a section's title in AWS's configuration files, and stands before the first slash of a URL.
fn check_profile(profile: &str) -> Result<&str, Error> {
    let rule = if profile.is_empty() {
        "nothing stands before the @"
    } else if profile.len() > 255 {
        "it has more than 255 bytes"
    } else if profile.trim() != profile {
        "it begins or ends with a space"
    } else if profile.contains(|c: char| c.is_control() || r"/\?#[]".contains(c)) {
        r"it holds a control character or one of / \ ? # [ ]"
    } else {
        return Ok(profile);
    };
    Err(Error::malformed(
        format!("the remote's profile is not one: {rule}"),
        "write the profile as in ~/.aws/config, or leave it and the @ out",
    ))
}

/// `arn:PARTITION:codecommit:REGION:ACCOUNT:NAME`.
fn arn(text: &str) -> Result<Remote, Error> {
    const HELP: &str = "copy the ARN from the repository's settings: arn:aws:codecommit:REGION:ACCOUNT:NAME";
    let parts: Vec<&str> = text.trim_end_matches('/').split(':').collect();
    let ["arn", partition, "codecommit", region, account, name] = parts[..] else {
        return Err(Error::malformed(
            format!(
                "{} is not the ARN of a CodeCommit repository, which has six parts: arn:PARTITION:codecommit:REGION:ACCOUNT:NAME",
                Shown(text)
            ),
            HELP,
        ));
    };
    let region: Region = region.parse()?;
    let account = account.parse()?;
    let repository = name.parse()?;
    if partition != region.partition() {
        return Err(if Partition::is_known(partition) {
            Error::new(
                ErrorKind::Conflict,
                format!(
                    "the ARN names the partition {partition}, but its region {region} is of the partition {}",
                    region.partition()
                ),
                HELP,
            )
        } else {
            Error::malformed(format!("the ARN's partition {} is not known", Shown(partition)), HELP)
        });
    }
    Ok(Remote { form: Form::Arn { region, account }, repository })
}

/// The error for an SSH URL, with the HTTPS form of the same repository where there is one.
fn ssh(rest: &str) -> Error {
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    let host = authority.split(':').next().unwrap_or(authority);
    let https = match (Endpoint::codecommit(host), repository_at(path)) {
        (Some(endpoint), Ok(name)) => format!("{endpoint}/v1/repos/{name}"),
        _ => "https://git-codecommit.REGION.amazonaws.com/v1/repos/NAME".to_owned(),
    };
    Error::new(
        ErrorKind::Transport,
        format!("an ssh remote needs an IAM user's key, not a role; its HTTPS form is {https}"),
        "use the HTTPS form",
    )
}
