//! `clone-by-role policy` and the templates in `examples/setup` say the same, and what they say suffices for a clone.
//!
//! The templates are judged by outside tools: cfn-lint, moto and an HCL parser, which `scripts/python-oracles` installs. Where
//! that cannot be, those tests print that they are skipped; with `REQUIRE_ORACLES=1` in the environment they fail instead.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use codecommit_sandbox::{Role, Sandbox};
use serde_json::{Value, json};

const ROLE_A: &str = "arn:aws:iam::111111111111:role/RoleA";
const ROLE_B: &str = "arn:aws:iam::222222222222:role/RoleB";
const APP: &str = "arn:aws:codecommit:ap-northeast-1:222222222222:app";
const KEY: &str = "arn:aws:kms:ap-northeast-1:222222222222:key/8a3c1f40-0000-4000-8000-000000000000";
const ORGANIZATION: &str = "o-a1b2c3d4e5";
const ID: &str = "deploy-7f3c9a52";

/// One way to set the accounts up: the command's flags, the CloudFormation parameters and the Terraform variables for it.
struct Variant {
    flags: &'static [&'static str],
    parameters: &'static [&'static str],
    variables: &'static [&'static str],
}

const VARIANTS: [Variant; 3] = [
    Variant { flags: &[], parameters: &[], variables: &[] },
    Variant {
        flags: &["--organization", ORGANIZATION, "--kms-key", KEY],
        parameters: &[
            "OrganizationId=o-a1b2c3d4e5",
            "KmsKeyArn=arn:aws:kms:ap-northeast-1:222222222222:key/8a3c1f40-0000-4000-8000-000000000000",
        ],
        variables: &[
            "var.organization_id=o-a1b2c3d4e5",
            "var.kms_key_arn=arn:aws:kms:ap-northeast-1:222222222222:key/8a3c1f40-0000-4000-8000-000000000000",
        ],
    },
    Variant { flags: &["--read-all"], parameters: &["Access=ReadAll"], variables: &["var.access=ReadAll"] },
];

fn command(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_clone-by-role")).arg("policy").args(arguments).env_clear().output().unwrap()
}

/// What the command prints with `--json` for the scenario's roles.
fn policies(flags: &[&str]) -> Value {
    let fixed = ["--json", "--instance-role", ROLE_A, "--role-arn", ROLE_B, "--external-id", ID, APP];
    let output = command(&[&fixed, flags].concat());
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_least_that_does_it() {
    let said = policies(&[]);
    let document = |statement: Value| json!({ "Version": "2012-10-17", "Statement": [statement] });
    assert_eq!(
        said,
        json!({
            "account_a": {
                "account": "111111111111",
                "role": "RoleA",
                "trust_policy": document(json!({
                    "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole",
                })),
                "permission_policy": document(json!({
                    "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE_B,
                })),
            },
            "account_b": {
                "account": "222222222222",
                "role": "RoleB",
                "trust_policy": document(json!({
                    "Effect": "Allow", "Principal": { "AWS": ROLE_A }, "Action": "sts:AssumeRole",
                    "Condition": { "StringEquals": { "sts:ExternalId": ID } },
                })),
                "permission_policy": document(json!({
                    "Effect": "Allow", "Action": "codecommit:GitPull", "Resource": APP,
                })),
            },
        })
    );
    let text = command(&["--instance-role", ROLE_A, "--role-arn", ROLE_B, APP]);
    let text = String::from_utf8(text.stdout).unwrap();
    for part in ["Account 111111111111", "Trust policy of role RoleB:", "\"THE-EXTERNAL-ID\"", "codecommit:GitPull"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_printed_policies_suffice_for_a_clone() {
    let home = tempfile::tempdir().unwrap();
    codecommit_sandbox::SampleRepository::small().create_in(&home.path().join("app.git")).unwrap();
    let said = policies(&[]);
    let role = |side: &str, name: &str| {
        let side = &said[side];
        Role::new(side["account"].as_str().unwrap(), name)
            .trust_policy(&side["trust_policy"].to_string())
            .policy(&side["permission_policy"].to_string())
    };
    let sandbox = Sandbox::builder()
        .role(role("account_a", "RoleA"))
        .role(role("account_b", "RoleB"))
        .instance_role("RoleA")
        .repository("app", home.path().join("app.git"))
        .start()
        .unwrap();
    let clone = |id: &str, destination: &str| {
        Command::new(env!("CARGO_BIN_EXE_clone-by-role"))
            .args(["clone", "--role-arn", ROLE_B, "--external-id", id])
            .args(["codecommit::ap-northeast-1://app", destination])
            .env_clear()
            .envs(sandbox.env())
            .current_dir(home.path())
            .output()
            .unwrap()
    };
    let output = clone(ID, "app");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(clone("another-id", "other").status.code(), Some(1));
}

#[test]
fn wrong_arns_are_named() {
    let cases: &[(&[&str], &str)] = &[
        (&["--instance-role", "RoleA", "--role-arn", ROLE_B, APP], "RoleA"),
        (&["--instance-role", ROLE_A, "--role-arn", ROLE_B, "--external-id", "a b", APP], "external ID"),
        (&["--instance-role", ROLE_A, "--role-arn", ROLE_B, "--organization", "acme", APP], "o-"),
        (&["--instance-role", ROLE_A, "--role-arn", ROLE_B, "--kms-key", "alias/key", APP], "KMS"),
        (&["--instance-role", ROLE_A, "--role-arn", ROLE_B, "codecommit::ap-northeast-1://app"], "ARN"),
        (&["--instance-role", ROLE_A, "--role-arn", ROLE_A, APP], "account"),
        (&["--instance-role", ROLE_A, APP], "--role-arn"),
    ];
    for (arguments, named) in cases {
        let output = command(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(named), "{arguments:?} should name {named:?}: {text}");
        assert!(output.stdout.is_empty());
    }
}

/// The folder of the outside tools; `None` where they cannot be had.
fn judges() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/python-oracles");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("python-oracles");
        let said = match Command::new("sh").arg(script).arg(target).output() {
            Ok(output) if output.status.success() => {
                return Some(PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()));
            }
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        let required = std::env::var_os("REQUIRE_ORACLES").is_some_and(|value| value != "0" && !value.is_empty());
        assert!(!required, "REQUIRE_ORACLES is set, and the outside oracles cannot be had: {said}");
        eprintln!("SKIPPED: the outside oracles cannot be had: {said}");
        None
    });
    folder.as_deref()
}

fn setup(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/setup").join(path).to_string_lossy().into_owned()
}

/// Runs a Python script of this test's, without the network, and reads what it prints.
fn python(judges: &Path, script: &str, account: &str, arguments: &[&str]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script);
    let output = Command::new(judges.join("python"))
        .arg(script)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("MOTO_ACCOUNT_ID", account)
        .env("AWS_DEFAULT_REGION", "ap-northeast-1")
        .env("AWS_ACCESS_KEY_ID", "none")
        .env("AWS_SECRET_ACCESS_KEY", "none")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// All statements of these policy documents, in an order of their own.
fn statements(documents: &[Value]) -> Vec<String> {
    let lists = documents.iter().map(|document| document["Statement"].as_array().unwrap());
    let mut statements: Vec<_> = lists.flatten().map(Value::to_string).collect();
    statements.sort();
    statements
}

#[test]
fn cfn_lint_passes() {
    let Some(judges) = judges() else { return };
    let templates = ["cloudformation/account-a.yaml", "cloudformation/account-b.yaml"].map(setup);
    let output = Command::new(judges.join("cfn-lint")).args(&templates).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    // A linter that finds nothing in anything would pass as well.
    let broken = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    let text = std::fs::read_to_string(&templates[0]).unwrap().replace("Ref RoleBArn", "Ref Missing");
    std::fs::write(broken.path(), text).unwrap();
    assert!(!Command::new(judges.join("cfn-lint")).arg(broken.path()).output().unwrap().status.success());
}

#[test]
fn cloudformation_deploys_what_the_command_prints() {
    let Some(judges) = judges() else { return };
    let role_b = format!("RoleBArn={ROLE_B}");
    let template = setup("cloudformation/account-a.yaml");
    let made = python(judges, "deploy_to_moto.py", "111111111111", &[&template, "RoleA", &role_b]);
    let printed = policies(&[]);
    assert_eq!(made["trust_policy"], printed["account_a"]["trust_policy"]);
    assert_eq!(made["permission_policies"], json!([printed["account_a"]["permission_policy"]]));
    assert_eq!((&made["arn"], &made["attached"]), (&json!(ROLE_A), &json!([])));
    assert_eq!(made["instance_profiles"], json!([["RoleA", "RoleA"]]));
    assert_eq!(made["outputs"], json!({ "RoleAArn": ROLE_A, "InstanceProfileName": "RoleA" }));

    let template = setup("cloudformation/account-b.yaml");
    let (role_a, id) = (format!("RoleAArn={ROLE_A}"), format!("ExternalId={ID}"));
    for variant in VARIANTS {
        let fixed = [&*template, "RoleB", "RepositoryName=app", &role_a, &id];
        let made = python(judges, "deploy_to_moto.py", "222222222222", &[&fixed, variant.parameters].concat());
        let printed = policies(variant.flags);
        assert_eq!(made["trust_policy"], printed["account_b"]["trust_policy"], "{:?}", variant.parameters);
        assert_eq!(
            statements(made["permission_policies"].as_array().unwrap()),
            statements(&[printed["account_b"]["permission_policy"].clone()]),
        );
        assert_eq!((&made["arn"], &made["attached"]), (&json!(ROLE_B), &json!([])));
    }
}

#[test]
fn terraform_says_what_the_command_prints() {
    let Some(judges) = judges() else { return };
    let partition = "data.aws_partition.current.partition=aws";
    let role_b = format!("var.role_b_arn={ROLE_B}");
    let read =
        python(judges, "read_terraform.py", "111111111111", &[&setup("terraform/account-a"), partition, &role_b]);
    let printed = policies(&[]);
    assert_eq!(read["documents"]["trust"], printed["account_a"]["trust_policy"]);
    assert_eq!(read["documents"]["permissions"], printed["account_a"]["permission_policy"]);
    assert_eq!(read["resources"], json!(["aws_iam_instance_profile", "aws_iam_role", "aws_iam_role_policy"]));

    let module = setup("terraform/account-b");
    let (role_a, id) = (format!("var.role_a_arn={ROLE_A}"), format!("var.external_id={ID}"));
    for variant in VARIANTS {
        let fixed = [
            &*module,
            partition,
            "data.aws_region.current.name=ap-northeast-1",
            "data.aws_caller_identity.current.account_id=222222222222",
            "var.repository_name=app",
            &role_a,
            &id,
        ];
        let read = python(judges, "read_terraform.py", "222222222222", &[&fixed, variant.variables].concat());
        let printed = policies(variant.flags);
        assert_eq!(read["documents"]["trust"], printed["account_b"]["trust_policy"], "{:?}", variant.variables);
        assert_eq!(read["documents"]["permissions"], printed["account_b"]["permission_policy"]);
        assert_eq!(read["resources"], json!(["aws_iam_role", "aws_iam_role_policy"]));
    }
}
