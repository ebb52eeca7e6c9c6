//! The one place that talks to STS.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{BehaviorVersion, IdentityCache, StalledStreamProtectionConfig};
use aws_sdk_sts::types::{PolicyDescriptorType, Tag};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_types::region::Region;

use crate::base::WebIdentity;
use crate::clock::Clock;
use crate::error::Error;
use crate::error_kind::ErrorKind;
use crate::hop::Hop;
use crate::http;
use crate::plan::Network;
use crate::quiet::quiet;
use crate::redact::Secrets;
use crate::sts_failure::Failure;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(10);
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Sts {
    client: aws_sdk_sts::Client,
    /// Which STS this is, in words: ` at https://127.0.0.1:1338`, ` in ap-northeast-1`.
    pub(crate) place: String,
}

/// What an `AssumeRole` gave.
pub(crate) struct Session {
    pub(crate) credentials: Credentials,
    /// The ARN of the session, `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    pub(crate) arn: Option<String>,
}

impl Sts {
    pub(crate) fn new(network: &Network, region: Region, clock: Clock) -> Result<Self, Error> {
        let tls = network.sts_endpoint.as_ref().is_none_or(|endpoint| endpoint.starts_with("https://"));
        let http = http::for_sts(tls, network.ca_bundle.as_deref(), network.proxy.as_ref(), clock.clone())?;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let mut retries = RetryConfig::standard();
        if let Some(attempts) = network.max_attempts {
            retries = retries.with_max_attempts(attempts);
        }
        let place = match &network.sts_endpoint {
            Some(endpoint) => format!(" at {endpoint}"),
            None => format!(" in {region}"),
        };
        let mut config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(region)
            .http_client(http)
            .time_source(clock)
            .sleep_impl(TokioSleep::new())
            .retry_config(retries)
            .timeout_config(timeouts)
            .use_fips(network.fips)
            .use_dual_stack(network.dual_stack)
            // Each call brings its own credentials: a cache would keep one entry for each of them.
            .identity_cache(IdentityCache::no_cache())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(endpoint) = &network.sts_endpoint {
            config = config.endpoint_url(endpoint);
        }
        Ok(Self { client: aws_sdk_sts::Client::from_conf(config.build()), place })
    }

    /// Takes a hop with the credentials of the step before it.
    pub(crate) async fn assume_role(
        &self,
        hop: &Hop,
        session_name: &str,
        token_code: Option<String>,
        source: &Credentials,
    ) -> Result<Session, Failure> {
        let mut call = self
            .client
            .assume_role()
            .role_arn(hop.role.as_str())
            .role_session_name(session_name)
            .set_external_id(hop.external_id.clone())
            .set_duration_seconds(seconds(hop.duration))
            .set_policy(hop.policy.clone())
            .set_source_identity(hop.source_identity.clone())
            .set_serial_number(hop.mfa.as_ref().map(|mfa| mfa.serial.clone()))
            .set_token_code(token_code);
        for arn in &hop.policy_arns {
            call = call.policy_arns(PolicyDescriptorType::builder().arn(arn).build());
        }
        for tag in &hop.tags {
            let sent = Tag::builder().key(&tag.key).value(&tag.value).build();
            call = call.tags(sent.map_err(|_| Failure::nonsense("a tag cannot be sent"))?);
            if tag.transitive {
                call = call.transitive_tag_keys(&tag.key);
            }
        }
        let call = call.customize().config_override(signed_by(source));
        let answer = quiet(call.send()).await.map_err(|error| {
            let secrets = Secrets::of(Some(source), &[hop.external_id.as_deref()]);
            Failure::of(&error, &secrets)
        })?;
        session(answer.credentials.as_ref(), answer.assumed_role_user)
    }

    /// Takes a role with a token of an OpenID provider: the one call that nobody signs.
    pub(crate) async fn assume_role_with_web_identity(
        &self,
        identity: &WebIdentity,
        session_name: &str,
        token: &str,
    ) -> Result<Session, Failure> {
        let call = self
            .client
            .assume_role_with_web_identity()
            .role_arn(identity.role.as_str())
            .role_session_name(session_name)
            .set_duration_seconds(seconds(identity.duration))
            .web_identity_token(token);
        let answer =
            quiet(call.send()).await.map_err(|error| Failure::of(&error, &Secrets::of(None, &[Some(token)])))?;
        session(answer.credentials.as_ref(), answer.assumed_role_user)
    }

    /// The ARN of whoever holds `credentials`. STS answers this to everyone, whatever their policies.
    pub(crate) async fn caller(&self, credentials: &Credentials) -> Result<String, Failure> {
        let call = self.client.get_caller_identity().customize().config_override(signed_by(credentials));
        let answer =
            quiet(call.send()).await.map_err(|error| Failure::of(&error, &Secrets::of(Some(credentials), &[])))?;
        answer.arn.ok_or_else(|| Failure::nonsense("it names no ARN"))
    }
}

fn seconds(duration: Option<Duration>) -> Option<i32> {
    i32::try_from(duration?.as_secs()).ok()
}

fn session(
    credentials: Option<&aws_sdk_sts::types::Credentials>,
    user: Option<aws_sdk_sts::types::AssumedRoleUser>,
) -> Result<Session, Failure> {
    let credentials = credentials.ok_or_else(|| Failure::nonsense("it holds no credentials"))?;
    Ok(Session { credentials: into_credentials(credentials)?, arn: user.map(|user| user.arn) })
}

fn signed_by(credentials: &Credentials) -> aws_sdk_sts::config::Builder {
    aws_sdk_sts::Config::builder().credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
}

fn into_credentials(answer: &aws_sdk_sts::types::Credentials) -> Result<Credentials, Failure> {
    let expiry: SystemTime =
        answer.expiration.try_into().map_err(|_| Failure::nonsense("its expiration is not a time"))?;
    let keys = [&answer.access_key_id, &answer.secret_access_key, &answer.session_token];
    if keys.iter().any(|key| key.is_empty()) {
        return Err(Failure::nonsense("a part of its credentials is empty"));
    }
    Ok(Credentials::builder()
        .access_key_id(&answer.access_key_id)
        .secret_access_key(&answer.secret_access_key)
        .session_token(&answer.session_token)
        .expiry(expiry)
        .provider_name("role-chain AssumeRole")
        .build())
}

/// No runtime, no calls: better said than a panic from within a client.
pub(crate) fn no_runtime() -> Error {
    Error::new(ErrorKind::NoRuntime, "network calls need a tokio runtime, and there is none here")
        .with_help("Call from within a tokio runtime with IO and time enabled, as #[tokio::main] makes one.")
}
