//! The fleet's template, judged by cfn-lint, by AWS's own API models (botocore) and by moto; and what its document runs on an
//! instance, run against the sandbox.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{World, judges, program, text};

fn template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fleet/fleet.yaml")
}

/// The documents of the template, once everything in it was accepted.
fn accepted(judges: &Path) -> Value {
    let output = Command::new(judges.join("python"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/read_fleet.py"))
        .arg(template())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs([("PYTHONDONTWRITEBYTECODE", "1"), ("AWS_DEFAULT_REGION", "ap-northeast-1")])
        .envs([("AWS_ACCESS_KEY_ID", "none"), ("AWS_SECRET_ACCESS_KEY", "none")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn cfn_lint_passes() {
    let Some(judges) = judges() else { return };
    let lint = |path: &Path| Command::new(judges.join("cfn-lint")).arg(path).output().unwrap();
    let output = lint(&template());
    assert!(output.status.success(), "{}", text(&output.stdout));
    // It looks into the documents, too.
    let broken = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    let version = "schemaVersion: \"2.2\"";
    fs::write(broken.path(), fs::read_to_string(template()).unwrap().replace(version, "schemaVersion: \"9.9\""))
        .unwrap();
    assert!(!lint(broken.path()).status.success());
}

#[test]
fn the_services_models_accept_every_call() {
    let Some(judges) = judges() else { return };
    let said = accepted(judges);
    // The limits that keep a bad commit from the whole fleet.
    assert_eq!(said["association"]["MaxConcurrency"], "Ref-MaxConcurrency");
    assert_eq!(said["association"]["MaxErrors"], "Ref-MaxErrors");
    assert_eq!(said["hook"]["DefaultResult"], "ABANDON");
}

/// The script of the document with these parameters, as the agent would run it: as root, without an environment.
fn script(world: &World, content: &Value, action: &str) -> Output {
    let stand_ins = world.path("bin");
    fs::create_dir_all(&stand_ins).unwrap();
    // `runuser --user deploy -- COMMAND`, for a machine that has no such user; a sleep of no time; no cloud-init at work.
    for (name, lines) in [("runuser", "shift 3; exec \"$@\""), ("sleep", "exit 0"), ("cloud-init", "exit 0")] {
        let path = stand_ins.join(name);
        fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let lines: Vec<_> = content["mainSteps"][0]["inputs"]["runCommand"].as_array().unwrap().iter().collect();
    let script: String = lines.iter().map(|line| format!("{}\n", line.as_str().unwrap())).collect();
    let script = script
        .replace("{{ Settings }}", world.path("deploy.env").to_str().unwrap())
        .replace("{{ Action }}", action)
        .replace("/usr/local/bin/deploy", program("deploy").to_str().unwrap());
    assert!(!script.contains("{{"), "{script}");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script]).env_clear().envs(world.sandbox.env()).current_dir(world.path("."));
    command.env("HOME", world.path(".")).env("PATH", format!("{}:/usr/bin:/bin", stand_ins.display()));
    command.output().unwrap()
}

#[test]
fn the_document_deploys_goes_back_and_passes_the_status_on() {
    let Some(judges) = judges() else { return };
    let content = accepted(judges)["documents"]["DeployDocument"].take();
    let world = World::new();
    let root = world.path("site");
    let settings = format!(
        "DEPLOY_ROOT={}\nDEPLOY_REMOTE=codecommit::ap-northeast-1://app\nDEPLOY_ROLE_ARN={}\nDEPLOY_EXTERNAL_ID={}\n\
         DEPLOY_HEALTH=\"test $(cat version) -lt 3\"\nDEPLOY_HEALTH_WAIT=0\n",
        root.display(),
        world.sandbox.role_arn("RoleB"),
        world.sandbox.external_id(),
    );
    fs::write(world.path("deploy.env"), settings.replace("$(", "\\$(")).unwrap();
    for version in ["1", "2"] {
        world.write("version", version);
        world.commit("Next");
        let output = script(&world, &content, "run");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(fs::read_to_string(root.join("current/version")).unwrap(), version);
    }
    let back = script(&world, &content, "rollback");
    assert_eq!(back.status.code(), Some(0), "{back:?}");
    assert_eq!(fs::read_to_string(root.join("current/version")).unwrap(), "1");

    world.write("version", "3");
    world.commit("Unhealthy");
    let output = script(&world, &content, "run");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(text(&output.stdout).contains("\"kind\":\"health\""), "{output:?}");

    // While another deployment is under way it tries again, and says so in the end.
    let lock = fs::File::open(root.join("lock")).unwrap();
    lock.lock().unwrap();
    let output = script(&world, &content, "run");
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert_eq!(text(&output.stdout).lines().count(), 6);
    fs::remove_file(world.path("deploy.env")).unwrap();
    assert_ne!(script(&world, &content, "run").status.code(), Some(0));
}
