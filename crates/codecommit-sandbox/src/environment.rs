//! What clients find in their environment.

use crate::{scenario, world::World};

/// Variables that would lead an AWS program or git to another identity, proxy or configuration than the sandbox's. Tests
/// that start programs take them out of the environment, and add [`Sandbox::env`](crate::Sandbox::env).
pub const FOREIGN_VARIABLES: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_V1_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_ENDPOINT_URL",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_ASKPASS",
    "GIT_SSL_NO_VERIFY",
];

/// The AWS configuration file with these profiles.
pub(crate) fn config(world: &World, profiles: &[(String, Vec<(String, String)>)]) -> String {
    let mut text = String::new();
    for (name, settings) in profiles {
        let head = if name == "default" { "[default]\n".to_owned() } else { format!("[profile {name}]\n") };
        text.push_str(&head);
        for (key, value) in settings {
            text.push_str(&format!("{key} = {}\n", fill_in(world, value)));
        }
    }
    text
}

/// The ARN of a role by its name; one of account B where there is none of that name.
pub(crate) fn role_arn(world: &World, name: &str) -> String {
    match world.roles().into_iter().find(|role| role.name == name) {
        Some(role) => role.arn(world.partition),
        None => format!("arn:{}:iam::{}:role/{name}", world.partition, scenario::ACCOUNT_B),
    }
}

fn fill_in(world: &World, value: &str) -> String {
    let value = value.replace("{region}", &world.region);
    match value.split_once("{role:").and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
        Some((before, (name, after))) => format!("{before}{}{after}", role_arn(world, name)),
        None => value,
    }
}
