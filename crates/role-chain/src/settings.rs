use std::path::PathBuf;

use aws_runtime::env_config::EnvConfigValue;
use aws_types::region::Region;

use crate::endpoint;
use crate::environment::Environment;
use crate::error::Error;
use crate::error_kind::ErrorKind;
use crate::profile::Profiles;

const IMDS_IPV4: &str = "http://169.254.169.254";
const IMDS_IPV6: &str = "http://[fd00:ec2::254]";

/// What environment and profile say of how services are reached, the environment first.
pub(crate) struct Settings<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) profiles: Option<&'a Profiles>,
}

impl Settings<'_> {
    pub(crate) fn region(&self) -> Option<Region> {
        self.environment
            .first(&["AWS_REGION", "AWS_DEFAULT_REGION"])
            .or_else(|| self.of_profile("region"))
            .map(Region::new)
    }

    pub(crate) fn ca_bundle(&self) -> Option<PathBuf> {
        self.environment
            .get("AWS_CA_BUNDLE")
            .or_else(|| self.of_profile("ca_bundle"))
            .map(|path| self.environment.expand(&path))
    }

    pub(crate) fn imds_endpoint(&self) -> Result<String, Error> {
        const NAMES: (&str, &str) = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
        if let Some((origin, url)) = self.named(NAMES) {
            return endpoint::check(origin, &url, &["http"]);
        }
        const MODES: (&str, &str) = ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode");
        match self.named(MODES) {
            None => Ok(IMDS_IPV4.into()),
            Some((_, mode)) if mode.eq_ignore_ascii_case("ipv4") => Ok(IMDS_IPV4.into()),
            Some((_, mode)) if mode.eq_ignore_ascii_case("ipv6") => Ok(IMDS_IPV6.into()),
            Some((origin, mode)) => {
                Err(Error::new(ErrorKind::InvalidArgument, format!("{origin} must be IPv4 or IPv6, not {mode:?}"))
                    .with_help("Correct it, or leave it out for IPv4."))
            }
        }
    }

    /// As the SDK finds it: `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`, the profile's `services` section, its `endpoint_url`.
    pub(crate) fn sts_endpoint(&self) -> Result<Option<String>, Error> {
        let ignored = self.named(("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"));
        if ignored.is_some_and(|(_, value)| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let sections = self.profiles.map(|profiles| &profiles.sections);
        let found = EnvConfigValue::new()
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .service_id("sts")
            .load(self.environment.shim(), sections)
            .map(|(url, origin)| (url.into_owned(), origin.to_string()));
        match found {
            Some((url, origin)) if !url.is_empty() => {
                endpoint::check(&format!("the STS endpoint ({origin})"), &url, &["https", "http"]).map(Some)
            }
            _ => Ok(None),
        }
    }

    pub(crate) fn flag(&self, variable: &'static str, key: &'static str) -> Result<bool, Error> {
        match self.named((variable, key)) {
            None => Ok(false),
            Some((_, value)) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some((_, value)) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some((origin, value)) => {
                Err(Error::new(ErrorKind::InvalidArgument, format!("{origin} must be true or false, not {value:?}"))
                    .with_help("Correct it, or leave it out."))
            }
        }
    }

    pub(crate) fn max_attempts(&self) -> Result<Option<u32>, Error> {
        let Some((origin, text)) = self.named(("AWS_MAX_ATTEMPTS", "max_attempts")) else {
            return Ok(None);
        };
        match text.parse::<u32>() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => {
                Err(Error::new(ErrorKind::InvalidArgument, format!("{origin} must be a number above 0, not {text:?}"))
                    .with_help("Correct it, or leave it out for 3."))
            }
        }
    }

    /// A setting's value, and the name under which it was found.
    fn named(&self, (variable, key): (&'static str, &'static str)) -> Option<(&'static str, String)> {
        match self.environment.get(variable) {
            Some(value) => Some((variable, value)),
            None => self.of_profile(key).map(|value| (key, value)),
        }
    }

    fn of_profile(&self, key: &str) -> Option<String> {
        let value = self.profiles?.sections.get(key)?;
        (!value.is_empty()).then(|| value.to_owned())
    }
}
