//! The files for an instance, judged by the tools that own their formats: `cloud-init schema`, `systemd-analyze verify`.
//!
//! `scripts/instance-tools` finds these. Where it cannot, the tests print that they are skipped; with `REQUIRE_INSTANCE_TOOLS=1`
//! in the environment they fail instead.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{World, instance_tools, program, text};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instance").join(name)
}

#[test]
fn cloud_init_accepts_the_user_data() {
    let Some(tools) = instance_tools() else { return };
    let folder = tempfile::tempdir().unwrap();
    let accepts = |data: &str| {
        let path = folder.path().join("user-data.yaml");
        fs::write(&path, data).unwrap();
        let output =
            Command::new(tools.join("cloud-init")).args(["schema", "--config-file"]).arg(&path).output().unwrap();
        (output.status.success(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
    };
    let data = fs::read_to_string(file("user-data.yaml")).unwrap();
    let (good, said) = accepts(&data);
    assert!(good && said.contains("Valid"), "{said}");
    assert!(!accepts(&data.replace("permissions: \"0600\"", "permissions: [600]")).0, "it accepts anything");
}

#[test]
fn systemd_accepts_the_units() {
    let Some(tools) = instance_tools() else { return };
    let folder = tempfile::tempdir().unwrap();
    // The command must be there for systemd to be content.
    let service = fs::read_to_string(file("deploy.service")).unwrap();
    let service = service.replace("/usr/local/bin/deploy", program("deploy").to_str().unwrap());
    let timer = fs::read_to_string(file("deploy.timer")).unwrap();
    let complaints = |service: &str| {
        fs::write(folder.path().join("deploy.service"), service).unwrap();
        fs::write(folder.path().join("deploy.timer"), &timer).unwrap();
        let units = ["deploy.service", "deploy.timer"].map(|name| folder.path().join(name));
        let output =
            Command::new(tools.join("systemd-analyze")).args(["verify", "--man=no"]).args(units).output().unwrap();
        // What it thinks of the machine's own units is no matter here.
        text(&output.stderr).lines().filter(|line| line.contains("deploy.")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complaints(&service), [""; 0]);
    assert_eq!(complaints(&service.replace("ProtectHome=", "ProtectHouse=")).len(), 1);
}

#[test]
fn the_user_data_holds_the_units_as_they_are() {
    let data = fs::read_to_string(file("user-data.yaml")).unwrap();
    for name in ["deploy.service", "deploy.timer"] {
        let unit = fs::read_to_string(file(name)).unwrap();
        let indented: String = unit
            .lines()
            .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("      {line}\n") })
            .collect();
        assert!(data.contains(&indented), "{name} differs from what user-data.yaml writes");
    }
}

/// The unit's environment file, with the commands of this test in place of the application's.
#[test]
fn the_environment_file_is_all_that_a_deployment_needs() {
    let world = World::new();
    let data = fs::read_to_string(file("user-data.yaml")).unwrap();
    let settings: Vec<(&str, &str)> = data
        .lines()
        .filter_map(|line| line.trim().split_once('='))
        .filter(|(name, _)| name.starts_with("DEPLOY_"))
        .map(|(name, value)| (name, value.trim_matches('"')))
        .collect();
    assert!(settings.len() >= 8, "{settings:?}");
    let help = world.good("deploy", &["run", "--help"]);
    for (name, _) in &settings {
        assert!(help.contains(&format!("[env: {name}")), "deploy knows no {name}");
    }
    let output = world
        .command("deploy")
        .args(["run", "--json"])
        .envs(settings)
        .envs([("DEPLOY_ROOT", "site"), ("DEPLOY_CACHE", "cache"), ("DEPLOY_CHECK", "test -x bin/start")])
        .envs([("DEPLOY_ACTIVATE", "true"), ("DEPLOY_HEALTH", "./run")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(world.tree_of("site/current"), world.tree_of_head());
}
