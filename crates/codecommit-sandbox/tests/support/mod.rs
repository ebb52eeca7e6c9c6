//! Clients for the tests: none of their code is the sandbox's.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

use std::{
    path::Path,
    process::{Command, Output},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, imds::credentials::ImdsCredentialsProvider, provider_config::ProviderConfig,
    retry::RetryConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError},
};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use codecommit_sandbox::{FOREIGN_VARIABLES, Sandbox};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// A repository with a few commits, in a folder that is removed with it.
pub struct Repository {
    folder: TempDir,
}

impl Repository {
    pub fn new() -> Self {
        let repository = Self { folder: tempfile::tempdir().unwrap() };
        git(repository.path(), &["init", "-q", "-b", "main"]);
        for number in 1..=3 {
            std::fs::write(repository.path().join("file.txt"), format!("{number}\n").repeat(2_000)).unwrap();
            git(repository.path(), &["add", "."]);
            git(repository.path(), &["commit", "-q", "-m", &format!("Commit {number}")]);
        }
        git(repository.path(), &["tag", "-a", "-m", "The first", "v1"]);
        repository
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn head(&self) -> String {
        git(self.path(), &["rev-parse", "HEAD"])
    }
}

/// Runs git with nothing of the user's, and returns what it says, trimmed.
pub fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = try_git(directory, arguments, &[]);
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub fn try_git(directory: &Path, arguments: &[&str], environment: &[(String, String)]) -> Output {
    let mut command = Command::new("git");
    for name in FOREIGN_VARIABLES {
        command.env_remove(name);
    }
    command
        .current_dir(directory)
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.test", "-c", "credential.helper="])
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap()
}

/// Clones with a login that is sent with the first request.
pub fn clone(sandbox: &Sandbox, name: &str, authorization: &str, options: &[&str], into: &Path) -> Output {
    let header = format!("http.extraHeader=Authorization: {authorization}");
    let url = sandbox.repository_url(name);
    let fixed = ["-c", &header, "clone", "-q"];
    let arguments: Vec<&str> =
        fixed.into_iter().chain(options.iter().copied()).chain([&*url, into.to_str().unwrap()]).collect();
    try_git(Path::new("/"), &arguments, &sandbox.env())
}

/// The `Authorization` header that the AWS CLI's helper would make git send for a repository.
pub fn login(sandbox: &Sandbox, credentials: &Credentials, name: &str, age_seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 - age_seconds;
    let stamp = stamp(now);
    let (region, date) = (sandbox.region(), &stamp[..8]);
    let canonical = format!("GIT\n/v1/repos/{name}\n\nhost:127.0.0.1\n\nhost\n");
    let digest = hex::encode(Sha256::digest(canonical));
    let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{date}/{region}/codecommit/aws4_request\n{digest}");
    let mut key = format!("AWS4{}", credentials.secret_access_key()).into_bytes();
    for part in [date, region, "codecommit", "aws4_request", &to_sign] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(part.as_bytes());
        key = mac.finalize().into_bytes().to_vec();
    }
    let token = credentials.session_token().map(|token| format!("%{token}")).unwrap_or_default();
    basic(&format!("{}{token}", credentials.access_key_id()), &format!("{stamp}Z{}", hex::encode(key)))
}

pub fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

/// `YYYYMMDDTHHMMSS`, by the SDK's formatter.
fn stamp(seconds: i64) -> String {
    let iso =
        aws_smithy_types::DateTime::from_secs(seconds).fmt(aws_smithy_types::date_time::Format::DateTime).unwrap();
    iso.replace(['-', ':', 'Z'], "")
}

/// The instance role's credentials, by the AWS SDK's own metadata client.
pub async fn instance_credentials(sandbox: &Sandbox) -> Result<Credentials, CredentialsError> {
    let provider = ProviderConfig::without_region()
        .with_http_client(aws_smithy_http_client::Builder::new().build_http())
        .with_sleep_impl(TokioSleep::new());
    let imds = aws_config::imds::Client::builder().configure(&provider).endpoint(sandbox.imds_endpoint()).unwrap();
    let provider = ImdsCredentialsProvider::builder().configure(&provider).imds_client(imds.build()).build();
    provider.provide_credentials().await
}

/// What `AssumeRole` gives for RoleB of the scenario.
pub async fn role_b(sandbox: &Sandbox) -> Credentials {
    let client = sts(sandbox, &instance_credentials(sandbox).await.unwrap());
    let request = client
        .assume_role()
        .role_arn(sandbox.role_arn("RoleB"))
        .role_session_name("deploy")
        .external_id(sandbox.external_id());
    credentials(request.send().await.unwrap().credentials().unwrap())
}

pub fn credentials(given: &aws_sdk_sts::types::Credentials) -> Credentials {
    let end = SystemTime::try_from(*given.expiration()).unwrap();
    let token = Some(given.session_token().to_owned());
    Credentials::new(given.access_key_id(), given.secret_access_key(), token, Some(end), "sts")
}

/// The AWS SDK, set up for the sandbox with these credentials and TLS.
pub fn sts(sandbox: &Sandbox, credentials: &Credentials) -> aws_sdk_sts::Client {
    let trust = TrustStore::empty().with_pem_certificate(sandbox.ca_pem());
    let context = TlsContext::builder().with_trust_store(trust).build().unwrap();
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .tls_context(context)
        .build_https();
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(sandbox.region().to_owned()))
        .endpoint_url(sandbox.sts_endpoint())
        .http_client(http)
        .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
        .retry_config(RetryConfig::disabled())
        .sleep_impl(TokioSleep::new())
        .build();
    aws_sdk_sts::Client::new(&config)
}

/// An HTTP answer.
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// An HTTP client that trusts the sandbox's authority alone, and follows no redirect.
pub fn agent(sandbox: &Sandbox) -> ureq::Agent {
    let roots = ureq::tls::parse_pem(sandbox.ca_pem().as_bytes())
        .filter_map(|item| match item.unwrap() {
            ureq::tls::PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect::<Vec<_>>();
    let tls = ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::new_with_certs(&roots)).build();
    let config = ureq::Agent::config_builder().tls_config(tls).http_status_as_error(false).max_redirects(0).proxy(None);
    config.build().new_agent()
}

/// Asks for a repository's refs as git does, by protocol v2 where the server heeds that.
pub fn get(sandbox: &Sandbox, repository_url: &str, authorization: Option<&str>) -> Answer {
    let mut request = agent(sandbox)
        .get(format!("{repository_url}/info/refs?service=git-upload-pack"))
        .header("Git-Protocol", "version=2");
    if let Some(authorization) = authorization {
        request = request.header("Authorization", authorization);
    }
    answer(request.call().unwrap())
}

pub fn answer(response: ureq::http::Response<ureq::Body>) -> Answer {
    let (parts, mut body) = response.into_parts();
    let body = body.with_config().limit(1 << 30).read_to_vec().unwrap();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}
