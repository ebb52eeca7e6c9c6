//! The instance metadata service, version 2 only, through the SDK's client.

use std::borrow::Cow;
use std::time::SystemTime;

use aws_config::imds::client::error::{ImdsError, TokenError};
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_types::region::Region;

use crate::clock::Clock;
use crate::error::{Cause, Error};
use crate::error_kind::ErrorKind;
use crate::http;
use crate::limits;
use crate::plan::Network;
use crate::quiet::quiet;
use crate::time;

const ROLE_PATH: &str = "/latest/meta-data/iam/security-credentials/";
const INFO_PATH: &str = "/latest/meta-data/iam/info";
const REGION_PATH: &str = "/latest/meta-data/placement/region";
const INSTANCE_ID_PATH: &str = "/latest/meta-data/instance-id";

pub(crate) struct Imds {
    client: aws_config::imds::Client,
    endpoint: String,
}

impl Imds {
    pub(crate) fn new(network: &Network, clock: Clock) -> Result<Self, Error> {
        if network.imds_disabled {
            return Err(Error::new(
                ErrorKind::ImdsDisabled,
                "AWS_EC2_METADATA_DISABLED switches the instance metadata service off",
            )
            .with_help("Unset AWS_EC2_METADATA_DISABLED, or take credentials from elsewhere, as by a profile."));
        }
        let config = ProviderConfig::empty()
            .with_http_client(http::plain(clock.clone()))
            .with_time_source(clock)
            .with_sleep_impl(TokioSleep::new());
        let client = aws_config::imds::Client::builder()
            .configure(&config)
            .endpoint(&network.imds_endpoint)
            .map_err(|error| {
                Error::new(ErrorKind::InvalidArgument, "the metadata service's endpoint cannot be used")
                    .with_source(Some(Cause::text(error.to_string())))
                    .with_help("Set AWS_EC2_METADATA_SERVICE_ENDPOINT to http://HOST:PORT, or unset it.")
            })?
            .build();
        Ok(Self { client, endpoint: network.imds_endpoint.clone() })
    }

    /// The credentials of the instance's role.
    pub(crate) async fn credentials(&self) -> Result<Credentials, Error> {
        let role = match self.get(ROLE_PATH).await {
            Ok(role) => role,
            Err(Failure::NotFound) => return Err(no_profile()),
            Err(failure) => return Err(self.error(failure)),
        };
        let Some(role) = role.lines().map(str::trim).find(|line| !line.is_empty()) else {
            return Err(no_profile());
        };
        let path = format!("{ROLE_PATH}{role}");
        let document = match self.get(&path).await {
            Ok(document) => document,
            Err(Failure::NotFound) => return Err(no_profile()),
            Err(failure) => return Err(self.error(failure)),
        };
        parse(role, &document)
    }

    /// The instance's region, if the service tells it.
    pub(crate) async fn region(&self) -> Option<Region> {
        let region = self.get(REGION_PATH).await.ok()?;
        let region = region.trim();
        limits::region(region).ok()?;
        Some(Region::new(region.to_owned()))
    }

    /// The instance's id, if the service tells it.
    pub(crate) async fn instance_id(&self) -> Option<String> {
        let id = self.get(INSTANCE_ID_PATH).await.ok()?;
        let id = id.trim();
        (!id.is_empty() && id.len() <= 40).then(|| id.to_owned())
    }

    /// The ARN of the session that the instance's credentials are of, put together from what the service tells.
    ///
    /// For errors of calls that could not ask STS who the caller is. The profile and its role are of one account and partition.
    pub(crate) async fn principal(&self) -> Option<String> {
        let role = self.get(ROLE_PATH).await.ok()?;
        let role = role.lines().map(str::trim).find(|line| !line.is_empty())?;
        let info: serde_json::Value = serde_json::from_str(&self.get(INFO_PATH).await.ok()?).ok()?;
        let profile: Vec<&str> = info.get("InstanceProfileArn")?.as_str()?.splitn(6, ':').collect();
        let ["arn", partition, "iam", _, account, _] = profile.as_slice() else {
            return None;
        };
        Some(format!("arn:{partition}:sts::{account}:assumed-role/{role}/{}", self.instance_id().await?))
    }

    async fn get(&self, path: &str) -> Result<String, Failure> {
        match quiet(self.client.get(path)).await {
            Ok(text) => Ok(text.into()),
            Err(error) => Err(classify(error)),
        }
    }

    fn error(&self, failure: Failure) -> Error {
        match failure {
            Failure::Disabled => Error::new(
                ErrorKind::ImdsDisabled,
                "the instance metadata service refuses to answer (403)",
            )
            .with_help("It is disabled on this instance, or for this process. The instance's owner enables it: aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled"),
            Failure::TimedOut => Error::new(
                ErrorKind::ImdsUnreachable,
                format!("the instance metadata service at {} did not answer in time", self.endpoint),
            )
            .with_help("In a container, its answer may not travel far enough: aws ec2 modify-instance-metadata-options --instance-id ID --http-put-response-hop-limit 2\nOutside EC2 there is no such service: take credentials from elsewhere, as by a profile."),
            Failure::Unreachable(cause) => Error::new(
                ErrorKind::ImdsUnreachable,
                format!("the instance metadata service at {} cannot be reached", self.endpoint),
            )
            .with_source(Some(cause))
            .with_help("Outside EC2 there is no such service: take credentials from elsewhere, as by a profile. On EC2, a firewall rule or a route may keep this process from it."),
            Failure::NotFound => self.error(Failure::Status(404)),
            Failure::Status(status) if status >= 500 => Error::new(
                ErrorKind::ImdsUnreachable,
                format!("the instance metadata service answered with status {status}"),
            )
            .with_help("It fails for now: try again."),
            Failure::Status(status) => Error::new(
                ErrorKind::ImdsAnswer,
                format!("the instance metadata service answered with status {status}"),
            )
            .with_help("Check that AWS_EC2_METADATA_SERVICE_ENDPOINT, if it is set, names an instance metadata service."),
            Failure::Answer(cause) => Error::new(
                ErrorKind::ImdsAnswer,
                "the instance metadata service's answer makes no sense",
            )
            .with_source(Some(cause))
            .with_help("Check that AWS_EC2_METADATA_SERVICE_ENDPOINT, if it is set, names an instance metadata service that speaks version 2."),
        }
    }
}

fn no_profile() -> Error {
    Error::new(
        ErrorKind::NoInstanceProfile,
        "the instance has no role: the metadata service knows no instance profile (404)",
    )
    .with_help("The instance's owner attaches one: aws ec2 associate-iam-instance-profile --instance-id ID --iam-instance-profile Name=PROFILE\nA profile that was attached a moment ago can take a minute to appear.")
}

enum Failure {
    NotFound,
    Disabled,
    TimedOut,
    Status(u16),
    Unreachable(Cause),
    Answer(Cause),
}

fn classify(error: ImdsError) -> Failure {
    match &error {
        ImdsError::ErrorResponse(answer) => match answer.response().status().as_u16() {
            404 => Failure::NotFound,
            403 => Failure::Disabled,
            status => Failure::Status(status),
        },
        _ => {
            let mut sources = crate::error::sources(&error);
            let token = sources.find_map(|source| source.downcast_ref::<SdkError<TokenError, HttpResponse>>());
            match token {
                Some(token) => classify_token(token, &error),
                None => classify_transport(&error),
            }
        }
    }
}

fn classify_token(token: &SdkError<TokenError, HttpResponse>, error: &(dyn std::error::Error + 'static)) -> Failure {
    match token {
        SdkError::ServiceError(answer) => match answer.raw().status().as_u16() {
            403 => Failure::Disabled,
            200 => Failure::Answer(Cause::text(answer.err().to_string())),
            status => Failure::Status(status),
        },
        SdkError::TimeoutError(_) => Failure::TimedOut,
        SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => Failure::TimedOut,
        _ => classify_transport(error),
    }
}

fn classify_transport(error: &(dyn std::error::Error + 'static)) -> Failure {
    let timed_out = crate::error::sources(error).any(|source| {
        // The SDK's timeout errors are private types: their text is all there is.
        let text = source.to_string();
        text.contains("timed out") || text.contains("timeout")
    });
    match timed_out {
        true => Failure::TimedOut,
        false => Failure::Unreachable(Cause::of(error)),
    }
}

/// Reads a credentials document. What it holds is never repeated.
fn parse(role: &str, document: &str) -> Result<Credentials, Error> {
    let nonsense = |what: String| {
        Error::new(
            ErrorKind::ImdsAnswer,
            format!("the credentials of the instance's role {role:?} cannot be read: {what}"),
        )
        .with_help("Check that AWS_EC2_METADATA_SERVICE_ENDPOINT, if it is set, names an instance metadata service.")
    };
    let fields: serde_json::Value = serde_json::from_str(document).map_err(|_| nonsense("they are not JSON".into()))?;
    let field = |name: &str| fields.get(name).and_then(serde_json::Value::as_str);
    if let Some(code) = field("Code").filter(|code| *code != "Success") {
        return Err(Error::new(
            ErrorKind::NoInstanceProfile,
            format!("the instance may not be its role {role:?}: {code}"),
        )
        .with_source(field("Message").map(Cause::text))
        .with_help("The role's trust policy must let ec2.amazonaws.com assume it, and the role must still exist."));
    }
    let required = |name: &str| {
        field(name).filter(|value| !value.is_empty()).ok_or_else(|| nonsense(format!("{name} is missing")))
    };
    let expiry: SystemTime =
        time::parse(required("Expiration")?).ok_or_else(|| nonsense("Expiration is not a time".into()))?;
    Ok(Credentials::builder()
        .access_key_id(required("AccessKeyId")?)
        .secret_access_key(required("SecretAccessKey")?)
        .session_token(required("Token")?)
        .expiry(expiry)
        .provider_name("role-chain IMDSv2")
        .build())
}

/// A name for this host where no instance gives one.
pub(crate) fn host_name() -> Cow<'static, str> {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .map_or(Cow::Borrowed("host"), Cow::Owned)
}
