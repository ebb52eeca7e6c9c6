//! The limits of the STS service model, each with the value just inside and just outside. Nobody is asked.

use std::time::Duration;

use role_chain::{Credentials, ErrorKind, Hop, Region, RoleArn, RoleChain};

use crate::support::{ROLE_B, role};

fn check(hop: Hop) -> Result<(), String> {
    check_from(RoleChain::from_instance(), hop)
}

fn check_from(builder: role_chain::RoleChainBuilder, hop: Hop) -> Result<(), String> {
    let outcome = builder.environment([("", ""); 0]).hop(hop).build();
    outcome.map(drop).map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!(error.step(), Some("hop 1 of 1"));
        assert!(!error.help().is_empty());
        error.to_string()
    })
}

fn hop() -> Hop {
    Hop::new(role(ROLE_B))
}

/// Each is `(what to check, its outcome)`: `""` for inside, or what the message says.
#[track_caller]
fn cases(cases: impl IntoIterator<Item = (Hop, &'static str)>) {
    for (hop, says) in cases {
        let shown = format!("{hop:.200?}");
        match (check(hop), says) {
            (Ok(()), "") => (),
            (Err(message), says) if !says.is_empty() => assert!(message.contains(says), "{message}\nlacks {says}"),
            (outcome, says) => panic!("{shown}: {outcome:?}, not {says:?}"),
        }
    }
}

#[test]
fn session_names() {
    cases([
        (hop().session_name("ab"), ""),
        (hop().session_name("a"), "the session name \"a\" must have 2 to 64 characters, not 1"),
        (hop().session_name(""), "must have 2 to 64 characters, not 0"),
        (hop().session_name("n".repeat(64)), ""),
        (hop().session_name("n".repeat(65)), "must have 2 to 64 characters, not 65"),
        (hop().session_name("aZ09_+=,.@-"), ""),
        (hop().session_name("a b"), "not ' '"),
        (hop().session_name("a/b"), "not '/'"),
        (hop().session_name("äb"), "not 'ä'"),
    ]);
}

#[test]
fn source_identities() {
    cases([
        (hop().source_identity("ab"), ""),
        (hop().source_identity("a"), "the source identity \"a\" must have 2 to 64 characters, not 1"),
        (hop().source_identity("s".repeat(64)), ""),
        (hop().source_identity("s".repeat(65)), "must have 2 to 64 characters, not 65"),
        (hop().source_identity("a:b"), "not ':'"),
    ]);
}

#[test]
fn external_ids_are_named_and_not_repeated() {
    cases([
        (hop().external_id("ab"), ""),
        (hop().external_id("a"), "the external ID must have 2 to 1224 characters"),
        (hop().external_id("e".repeat(1_224)), ""),
        (hop().external_id("e".repeat(1_225)), "must have 2 to 1224 characters"),
        (hop().external_id("aZ09_+=,.@:/-"), ""),
        (hop().external_id("secret id"), "may hold ASCII letters, digits and any of +=,.@:/-_"),
    ]);
    assert!(!check(hop().external_id("secret id")).unwrap_err().contains("secret id"));
}

#[test]
fn durations() {
    let seconds = |seconds| hop().duration(Duration::from_secs(seconds));
    cases([
        (seconds(900), ""),
        (seconds(899), "the duration must be 900 to 43200 seconds, not 899"),
        (seconds(3_600), ""),
        (seconds(3_601), "must be at most 3600 seconds where the role is assumed with temporary credentials"),
        (seconds(43_201), "must be 900 to 43200 seconds, not 43201"),
        (hop().duration(Duration::from_millis(900_500)), "must be whole seconds"),
    ]);
}

#[test]
fn only_long_lived_keys_may_ask_for_more_than_an_hour() {
    let long = |seconds| hop().duration(Duration::from_secs(seconds));
    // What a provider will give is not known yet; it is checked when it is.
    let provider = || RoleChain::from_provider(Credentials::new("AKIA", "s", None, None, "test"));
    assert_eq!(check_from(provider(), long(43_200)), Ok(()));
    assert!(check_from(provider(), long(43_201)).is_err());
    let second = provider().environment([("", ""); 0]).hop(hop()).hop(long(3_601)).build().unwrap_err();
    assert_eq!(second.step(), Some("hop 2 of 2"));
    assert!(second.to_string().contains("role chaining"), "{second}");
}

#[test]
fn role_arns() {
    let inside = [
        "arn:aws:iam::222222222222:role/R",
        "arn:aws-cn:iam::222222222222:role/R",
        "arn:aws-us-gov:iam::222222222222:role/R",
        "arn:aws-eusc:iam::222222222222:role/R",
        "arn:aws-iso-f:iam::222222222222:role/R",
        "arn:aws:iam::222222222222:role/a/path/with.dots/Role+=,.@-_9",
    ];
    for arn in inside {
        assert_eq!(RoleArn::parse(arn).unwrap().as_str(), arn);
    }
    let name = |length| format!("arn:aws:iam::222222222222:role/{}", "r".repeat(length));
    let path = |length| format!("arn:aws:iam::222222222222:role/{}/R", "p".repeat(length));
    assert!(RoleArn::parse(name(64)).is_ok());
    assert!(RoleArn::parse(path(510)).is_ok());
    let outside = [
        (name(65), "the role's name must be 1 to 64"),
        (name(0), "the role's name must be 1 to 64"),
        (path(511), "the path must be at most 512"),
        (String::new(), "it must have six parts"),
        ("RoleB".into(), "it must have six parts"),
        ("arn:aws:iam::222222222222".into(), "it must have six parts"),
        ("ARN:aws:iam::222222222222:role/R".into(), "it must start with \"arn:\""),
        ("arn:amazon:iam::222222222222:role/R".into(), "the partition must be one of aws, aws-cn"),
        ("arn:aws:sts::222222222222:assumed-role/R/s".into(), "the service must be \"iam\", not \"sts\""),
        ("arn:aws:iam:us-east-1:222222222222:role/R".into(), "IAM has no regions"),
        ("arn:aws:iam::22222222222:role/R".into(), "the account must be 12 digits"),
        ("arn:aws:iam::2222222222222:role/R".into(), "the account must be 12 digits"),
        ("arn:aws:iam::22222222222a:role/R".into(), "the account must be 12 digits"),
        ("arn:aws:iam::222222222222:user/R".into(), "the resource must be \"role/NAME\""),
        ("arn:aws:iam::222222222222:role/R R".into(), "the role's name must be"),
        ("arn:aws:iam::222222222222:role/R\n".into(), "the role's name must be"),
    ];
    for (arn, says) in outside {
        let error = RoleArn::parse(arn.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(says), "{arn}: {error}");
        assert_eq!(error.to_string().lines().count(), 1);
    }
}

#[test]
fn session_policies() {
    let padded = |length: usize| format!("{{\"a\":\"{}\"}}", "p".repeat(length - 8));
    cases([
        (hop().allow_only("codecommit:GitPull", "arn:aws:codecommit:eu-west-1:222222222222:app"), ""),
        (hop().policy("{}"), ""),
        (hop().policy(""), "the session policy must have 1 to 2048 characters, not 0"),
        (hop().policy(padded(2_048)), ""),
        (hop().policy(padded(2_049)), "must have 1 to 2048 characters, not 2049"),
        (hop().policy("[]"), "the session policy must be a JSON object"),
        (hop().policy("{"), "the session policy must be JSON"),
    ]);
    let managed =
        |count: usize| (0..count).fold(hop(), |hop, i| hop.policy_arn(format!("arn:aws:iam::aws:policy/P{i}")));
    cases([
        (managed(10), ""),
        (managed(11), "the managed session policies may be at most 10, not 11"),
        (hop().policy_arn("arn:aws:iam::222222222222:role/R"), "must be IAM policy ARNs"),
        (hop().policy_arn("ReadOnly"), "must be IAM policy ARNs"),
    ]);
}

#[test]
fn session_tags() {
    let many = |count: usize| (0..count).fold(hop(), |hop, i| hop.tag(format!("k{i}"), "v"));
    cases([
        (many(50), ""),
        (many(51), "the session tags may be at most 50, not 51"),
        (hop().tag("k".repeat(128), "v".repeat(256)), ""),
        (hop().tag("k".repeat(129), "v"), "must have keys of 1 to 128 characters, not 129"),
        (hop().tag("", "v"), "must have keys of 1 to 128 characters, not 0"),
        (hop().tag("k", ""), ""),
        (hop().transitive_tag("k", "v".repeat(257)), "must have values of at most 256 characters, not 257"),
        (hop().tag("Straße 1", "a_.:/=+-@"), ""),
        (hop().tag("k", "a;b"), "not ';'"),
        (hop().tag("team", "a").tag("Team", "b"), "\"Team\" stands twice"),
        (hop().tag("aws:x", "a"), "must not start with \"aws:\""),
    ]);
}

#[test]
fn mfa_serials() {
    let mfa = |serial: &str| hop().mfa(serial, |_| Ok("123456".into()));
    cases([
        (mfa("GAHT12345"), ""),
        (mfa("GAHT1234"), "the MFA device's serial number \"GAHT1234\" must have 9 to 256 characters, not 8"),
        (mfa(&"m".repeat(256)), ""),
        (mfa(&"m".repeat(257)), "must have 9 to 256 characters, not 257"),
        (mfa("arn:aws:iam::111111111111:mfa/dana"), ""),
        (mfa("arn aws iam"), "not ' '"),
    ]);
}

#[test]
fn regions() {
    let with = |region: &'static str| {
        RoleChain::from_instance().environment([("", ""); 0]).region(Region::new(region)).build().map(drop)
    };
    for region in ["ap-northeast-1", "us-east-1", "mars-north-7", "us-gov-west-1", "a"] {
        assert!(with(region).is_ok(), "{region}");
    }
    for region in ["", "US-EAST-1", "us east 1", "us_east_1", "-a", "a-", "us-east-1.evil.test", "us-east-1/x"] {
        let error = with(region).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{region}");
        assert!(error.to_string().contains("the region must be lower-case letters"), "{error}");
    }
}

#[test]
fn partitions_do_not_mix() {
    let china = || Hop::new(role("arn:aws-cn:iam::222222222222:role/R"));
    let build = |region: &'static str, hops: Vec<Hop>| {
        let builder = RoleChain::from_instance().environment([("AWS_REGION", region)]);
        hops.into_iter().fold(builder, |builder, hop| builder.hop(hop)).build().map(drop)
    };
    assert!(build("cn-north-1", vec![china()]).is_ok());
    let error = build("us-east-1", vec![china()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "hop 1 of 1: the role arn:aws-cn:iam::222222222222:role/R is of partition \"aws-cn\", and the region us-east-1 of \"aws\""
    );
    let error = build("cn-north-1", vec![china(), hop()]).unwrap_err();
    assert_eq!(error.step(), Some("hop 2 of 2"));
}

#[test]
fn settings_of_the_environment() {
    let build = |name: &'static str, value: &'static str| {
        RoleChain::from_instance().environment([(name, value)]).hop(hop()).build().map(drop)
    };
    let cases = [
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://[::1]:1338/", ""),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "https://127.0.0.1", "must start with http://"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "127.0.0.1", "is not a URL"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://:80", "names no host"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://a:99999", "port"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6", ""),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5", "must be IPv4 or IPv6"),
        ("AWS_ENDPOINT_URL_STS", "https://sts.example", ""),
        ("AWS_ENDPOINT_URL_STS", "ftp://sts.example", "must start with https:// or http://"),
        ("AWS_ENDPOINT_URL_STS", "https://user:secret@sts.example", "must hold neither a user"),
        ("HTTPS_PROXY", "proxy.example:3128", ""),
        ("HTTPS_PROXY", "socks5://proxy.example", "HTTPS_PROXY is not an http:// or https:// URL"),
        ("AWS_USE_FIPS_ENDPOINT", "maybe", "must be true or false"),
        ("AWS_MAX_ATTEMPTS", "0", "must be a number above 0"),
        ("AWS_CA_BUNDLE", "/nonexistent/ca.pem", "the CA bundle /nonexistent/ca.pem cannot be read"),
        ("AWS_CA_BUNDLE", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "holds no PEM certificate"),
    ];
    for (name, value, says) in cases {
        match build(name, value) {
            Ok(()) => assert_eq!(says, "", "{name}={value}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidArgument);
                assert!(!says.is_empty() && error.to_string().contains(says), "{name}={value}: {error}");
            }
        }
    }
}
