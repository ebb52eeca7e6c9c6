//! Logins against those of the AWS CLI and git-remote-codecommit, byte for byte. `data/README.md` says how the vectors were made.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use codecommit_auth::{Endpoint, LOGIN_LIFETIME, Remote, Repository, Signer, sign};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

#[derive(Deserialize)]
struct File<T> {
    vectors: Vec<T>,
}

#[derive(Deserialize)]
struct Input {
    host: String,
    vouched: bool,
    region: String,
    repository: String,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    unix_time: u64,
}

#[derive(Deserialize)]
struct AwsCli {
    #[serde(flatten)]
    input: Input,
    username: String,
    password: String,
}

#[derive(Deserialize)]
struct GitRemoteCodecommit {
    #[serde(flatten)]
    input: Input,
    url: String,
}

impl Input {
    fn repository(&self) -> Repository {
        let url = format!("https://{}/v1/repos/{}", self.host, self.repository);
        let vouched = self.vouched.then(|| Endpoint::vouched(&self.host).unwrap());
        let region = self.region.parse().unwrap();
        let repository = Remote::parse_with(&url, vouched.as_ref()).unwrap().locate(Some(&region), None).unwrap();
        assert_eq!(repository.https_url(), url);
        assert_eq!(*repository.region(), region);
        repository
    }

    fn credentials(&self) -> Credentials {
        Credentials::new(&self.access_key_id, &self.secret_access_key, self.session_token.clone(), None, "vector")
    }

    fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.unix_time)
    }
}

fn awscli() -> Vec<AwsCli> {
    let file: File<AwsCli> = serde_json::from_str(include_str!("data/vectors-awscli.json")).unwrap();
    file.vectors
}

#[test]
fn logins_are_the_aws_clis() {
    let vectors = awscli();
    for vector in &vectors {
        let repository = vector.input.repository();
        let login = sign(&repository, &vector.input.credentials(), vector.input.time()).unwrap();
        assert_eq!(login.username(), vector.username, "{repository}");
        assert_eq!(login.password(), vector.password, "{repository}");
        assert_eq!(login.endpoint(), repository.endpoint());
        assert_eq!(login.expires_at(), vector.input.time() + LOGIN_LIFETIME);
    }
    assert!(vectors.len() > 30, "{}", vectors.len());
}

#[test]
fn a_short_standard_name_makes_the_same_login_as_its_url() {
    let mut compared = 0;
    for vector in awscli() {
        let region = vector.input.region.parse().unwrap();
        let name = format!("codecommit::{}://{}", vector.input.region, vector.input.repository);
        let repository = Remote::parse(&name).unwrap().locate(None, None).unwrap();
        if *repository.endpoint() != Endpoint::standard(&region) || vector.input.host != repository.endpoint().host() {
            continue;
        }
        let login = sign(&repository, &vector.input.credentials(), vector.input.time()).unwrap();
        assert_eq!(login.password(), vector.password, "{repository}");
        compared += 1;
    }
    assert!(compared >= 20, "{compared}");
}

#[test]
fn logins_are_git_remote_codecommits_where_the_endpoint_has_no_port() {
    let file: File<GitRemoteCodecommit> =
        serde_json::from_str(include_str!("data/vectors-git-remote-codecommit.json")).unwrap();
    let (mut same, mut different) = (0, 0);
    for vector in &file.vectors {
        let repository = vector.input.repository();
        let login = sign(&repository, &vector.input.credentials(), vector.input.time()).unwrap();
        let (userinfo, rest) = vector.url["https://".len()..].split_once('@').unwrap();
        assert_eq!(rest, format!("{}{}", vector.input.host, repository.path()));
        let (username, password) = userinfo.split_once(':').unwrap();
        assert_eq!(percent_decode_str(username).decode_utf8().unwrap(), login.username());
        if repository.endpoint().port() == 443 {
            assert_eq!(password, login.password(), "{repository}");
            same += 1;
        } else {
            // It signs `host:port`; the AWS CLI, which this crate follows, signs the host alone.
            assert_ne!(password, login.password(), "{repository}");
            different += 1;
        }
    }
    assert_eq!((same, different), (28, 4));
}

#[test]
fn one_signer_for_all_regions_and_days_mixes_no_keys() {
    let vectors = awscli();
    let keys = &vectors[0].input;
    let mut signer = Signer::new(keys.credentials()).unwrap();
    // Twice, so that keys are found again and, being more than a signer keeps, dropped.
    for vector in vectors.iter().chain(&vectors) {
        let repository = vector.input.repository();
        let alone = sign(&repository, &keys.credentials(), vector.input.time()).unwrap();
        let login = signer.sign(&repository, vector.input.time()).unwrap();
        assert_eq!(login.password(), alone.password(), "{repository}");
    }
}
