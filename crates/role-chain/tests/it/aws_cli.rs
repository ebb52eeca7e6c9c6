//! The cache that the AWS CLI keeps, shared with it in both directions.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use codecommit_sandbox::{Effect, Fault, Sandbox, SandboxBuilder, Service, Step};
use role_chain::{RoleChain, RoleChainBuilder};

use crate::judges::{judge, judges};
use crate::support::{Time, from_instance, hop_b, key, world};

const SESSION_NAMES: &str = "arn:aws:sts::222222222222:assumed-role/RoleB/";

/// The profile of the scenario, and it with everything that a profile can add.
fn profiles() -> SandboxBuilder {
    let plain = [
        ("region", "{region}"),
        ("role_arn", "{role:RoleB}"),
        ("external_id", codecommit_sandbox::scenario::EXTERNAL_ID),
        ("credential_source", "Ec2InstanceMetadata"),
    ];
    let full = plain.into_iter().chain([("role_session_name", "web+1"), ("duration_seconds", "1800")]);
    world().profile("plain", plain).profile("full", full)
}

fn chain(sandbox: &Sandbox, home: &Path, profile: &str) -> RoleChain {
    let environment = sandbox.env().into_iter().chain([("HOME".to_owned(), home.display().to_string())]);
    RoleChain::from_profile(profile).environment(environment).aws_cli_cache().build().unwrap()
}

fn identity(folder: &Path, sandbox: &Sandbox, home: &Path, profile: &str) -> String {
    let mut aws = judge(folder, "aws", sandbox, home);
    let output = aws.args(["--profile", profile, "sts", "get-caller-identity", "--output", "text", "--query", "Arn"]);
    let output = output.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn the_aws_cli_uses_what_was_left_for_it() {
    let Some(folder) = judges() else { return };
    let (sandbox, home) = (profiles().start().unwrap(), tempfile::tempdir().unwrap());
    for (count, profile) in ["plain", "full"].into_iter().enumerate() {
        key(&chain(&sandbox, home.path(), profile)).await;
        let arn = identity(folder, &sandbox, home.path(), profile);
        assert!(arn.starts_with(SESSION_NAMES), "{arn}");
        // The session is the one of the chain, whose name is not botocore's.
        assert!(!arn.contains("botocore-session"), "{arn}");
        assert_eq!(sandbox.count(Step::AssumeRole), count + 1, "{profile}: the AWS CLI made a call of its own");
    }
    let cache = home.path().join(".aws/cli/cache");
    for entry in fs::read_dir(cache).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn what_the_aws_cli_left_is_used_even_while_nobody_answers() {
    let Some(folder) = judges() else { return };
    let (sandbox, home) = (profiles().start().unwrap(), tempfile::tempdir().unwrap());
    let mut left = Vec::new();
    for profile in ["plain", "full"] {
        left.push(identity(folder, &sandbox, home.path(), profile));
    }
    assert!(left[0].contains("botocore-session"), "{left:?}");
    for service in [Service::Imds, Service::Sts] {
        sandbox.set_fault(Fault::new(service, Effect::RefuseConnections));
    }
    for (profile, arn) in ["plain", "full"].into_iter().zip(left) {
        let chain = chain(&sandbox, home.path(), profile);
        assert!(arn.starts_with(SESSION_NAMES), "{arn}");
        chain.credentials().await.unwrap();
        assert_eq!((chain.counters()[1].from_disk, chain.counters()[1].calls), (1, 0));
    }
}

#[tokio::test]
async fn sessions_with_less_than_fifteen_minutes_to_go_are_not_taken() {
    let (sandbox, home) = (world().start().unwrap(), tempfile::tempdir().unwrap());
    let time = Time::new();
    let chain = || {
        let builder: RoleChainBuilder = time.set(from_instance(&sandbox)).hop(hop_b());
        builder.aws_cli_cache_in(home.path().join("cache")).build().unwrap()
    };
    let first = key(&chain()).await;
    time.go_to(&sandbox, 2_690);
    assert_eq!(key(&chain()).await, first);
    time.go_to(&sandbox, 2_730);
    assert_ne!(key(&chain()).await, first);
    assert_eq!(sandbox.count(Step::AssumeRole), 2);
}

#[tokio::test]
async fn the_own_cache_comes_first_and_both_are_written() {
    let (sandbox, home) = (world().start().unwrap(), tempfile::tempdir().unwrap());
    let (own, cli) = (home.path().join("own"), home.path().join("cli"));
    let both = || from_instance(&sandbox).hop(hop_b()).disk_cache_in(&own).aws_cli_cache_in(&cli).build().unwrap();
    let first = key(&both()).await;
    for folder in [&own, &cli] {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let entries: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
        assert_eq!(entries.len(), 1);
        assert!(fs::read_to_string(&entries[0]).unwrap().contains(&first));
    }
    fs::remove_dir_all(&own).unwrap();
    assert_eq!(key(&both()).await, first);
    fs::remove_dir_all(&cli).unwrap();
    assert_ne!(key(&both()).await, first);
}

#[tokio::test]
async fn a_cache_that_others_may_write_to_is_not_used() {
    let (sandbox, home) = (world().start().unwrap(), tempfile::tempdir().unwrap());
    let cache = home.path().join("cache");
    let chain = || from_instance(&sandbox).hop(hop_b()).aws_cli_cache_in(&cache).build().unwrap();
    let first = key(&chain()).await;
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(key(&chain()).await, first, "others may see the names, as the AWS CLI has it");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
    assert_ne!(key(&chain()).await, first);
}
