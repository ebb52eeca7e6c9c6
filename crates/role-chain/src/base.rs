//! The first credentials of a chain.

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;

use crate::environment::Environment;
use crate::error::{Cause, Error, ErrorKind};
use crate::plan::Base;

/// The base that `AWS_ACCESS_KEY_ID` and its kin make.
pub(crate) fn from_environment(environment: &Environment) -> Result<Base, Error> {
    let required = |name: &str| {
        environment.get(name).ok_or_else(|| {
            Error::new(ErrorKind::BaseUnavailable, format!("the environment has no {name}")).with_help(
                "Set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary credentials, AWS_SESSION_TOKEN.",
            )
        })
    };
    let mut credentials = Credentials::builder()
        .access_key_id(required("AWS_ACCESS_KEY_ID")?)
        .secret_access_key(required("AWS_SECRET_ACCESS_KEY")?)
        .provider_name("role-chain environment");
    credentials.set_session_token(environment.get("AWS_SESSION_TOKEN"));
    Ok(Base::Environment(credentials.build()))
}

/// Asks a provider of the caller's.
pub(crate) async fn from_provider(
    provider: &aws_credential_types::provider::SharedCredentialsProvider,
) -> Result<Credentials, Error> {
    provider.provide_credentials().await.map_err(|error| {
        Error::new(ErrorKind::BaseUnavailable, "the provider gave no credentials")
            .with_source(Some(Cause::of(&error)))
            .with_help("The cause below is the provider's own word.")
    })
}
