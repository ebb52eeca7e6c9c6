//! Outside judges of the sandbox: the real AWS CLI, botocore, stock git and git-remote-codecommit.
//!
//! They are Python programs, installed by `scripts/python-oracles`. Where that cannot be, these tests print that they are
//! skipped; with `REQUIRE_ORACLES=1` in the environment they fail instead.

mod support;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
    time::Duration,
};

use codecommit_sandbox::{FOREIGN_VARIABLES, Protocol, Role, Sandbox, Service, Step, User};
use serde_json::Value;
use support::{Repository, git};
use tempfile::TempDir;

/// The folder of the judges' commands; `None` where they cannot be had.
fn judges() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/python-oracles");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("python-oracles");
        let output = Command::new("sh").arg(script).arg(target).output();
        let said = match output {
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

/// A place to run the judges in: a home of their own, the sandbox's environment, and git set up as AWS documents it.
struct Bench {
    sandbox: Sandbox,
    judges: &'static Path,
    home: TempDir,
}

impl Bench {
    fn new(sandbox: Sandbox) -> Option<Self> {
        let judges = judges()?;
        let bench = Self { sandbox, judges, home: tempfile::tempdir().unwrap() };
        let settings = "[user]\n\tname = Test\n\temail = test@example.test\n[credential]\n\t\
            helper = !aws --profile b codecommit credential-helper --ignore-host-check $@\n\tUseHttpPath = true\n";
        std::fs::write(bench.home.path().join(".gitconfig"), settings).unwrap();
        Some(bench)
    }

    fn command(&self, program: &str) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([self.judges.to_owned()].into_iter().chain(std::env::split_paths(&path)));
        let mut command = Command::new(program);
        for name in FOREIGN_VARIABLES {
            command.env_remove(name);
        }
        command
            .envs(self.sandbox.env())
            .env("PATH", path.unwrap())
            .env("HOME", self.home.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("GIT_CONFIG_GLOBAL")
            .env("GIT_TERMINAL_PROMPT", "0")
            // What git-remote-codecommit expects here is a host and port, without a scheme.
            .env("CODE_COMMIT_ENDPOINT", self.sandbox.codecommit_endpoint().trim_start_matches("https://"))
            .current_dir(self.home.path());
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let program = match program {
            "git" => PathBuf::from("git"),
            judge => self.judges.join(judge),
        };
        self.command(program.to_str().unwrap()).args(arguments).output().unwrap()
    }

    /// The judge's standard output, where it was content.
    fn good(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The judge's complaint, where it was not.
    fn bad(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        assert!(!output.status.success(), "{program} {arguments:?} succeeded");
        String::from_utf8(output.stderr).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}

#[test]
fn the_aws_cli_reads_the_scenarios_profile() {
    let Some(bench) = Bench::new(Sandbox::scenario().start().unwrap()) else { return };
    let config = std::fs::read_to_string(bench.sandbox.config_file()).unwrap();
    let lines = [
        "[profile b]",
        "region = ap-northeast-1",
        &format!("external_id = {}", bench.sandbox.external_id()),
        "credential_source = Ec2InstanceMetadata",
        "role_arn = arn:aws:iam::222222222222:role/RoleB",
    ];
    assert_eq!(config.lines().collect::<Vec<_>>(), lines);

    let base: Value = serde_json::from_str(&bench.good("aws", &["sts", "get-caller-identity"])).unwrap();
    assert_eq!(base["Account"], "111111111111");
    assert_eq!(base["Arn"], "arn:aws:sts::111111111111:assumed-role/RoleA/i-0123456789abcdef0");

    let profile = ["--profile", "b", "sts", "get-caller-identity"];
    let assumed: Value = serde_json::from_str(&bench.good("aws", &profile)).unwrap();
    assert_eq!(assumed["Account"], "222222222222");
    let arn = assumed["Arn"].as_str().unwrap();
    assert!(arn.starts_with("arn:aws:sts::222222222222:assumed-role/RoleB/botocore-session-"), "{arn}");
    assert!(
        bench
            .sandbox
            .requests()
            .iter()
            .all(|request| request.user_agent().contains("Botocore") || request.user_agent().contains("aws-cli"))
    );
}

#[test]
fn the_aws_cli_understands_every_refusal() {
    let sandbox = Sandbox::scenario()
        .user(User::new("111111111111", "alice").allows("sts:AssumeRole", "*").mfa_code("123456"))
        .role(Role::new("222222222222", "ByMfa").trusts("arn:aws:iam::111111111111:root").needs_mfa())
        .start()
        .unwrap();
    let Some(bench) = Bench::new(sandbox) else { return };
    let role_b = bench.sandbox.role_arn("RoleB");
    let id = bench.sandbox.external_id().to_owned();
    let assume = |role: &str, more: &[&str]| {
        let fixed = ["sts", "assume-role", "--role-session-name", "oracle", "--role-arn", role];
        bench.run("aws", &[&fixed[..], more].concat())
    };
    let given = assume(&role_b, &["--external-id", &id, "--duration-seconds", "900"]);
    let given: Value = serde_json::from_slice(&given.stdout).unwrap();
    assert_eq!(given["AssumedRoleUser"]["Arn"], "arn:aws:sts::222222222222:assumed-role/RoleB/oracle");

    let caller = "arn:aws:sts::111111111111:assumed-role/RoleA/i-0123456789abcdef0";
    let denied = format!(
        "(AccessDenied) when calling the AssumeRole operation: User: {caller} is not authorized to \
        perform: sts:AssumeRole on resource: "
    );
    let no_such = role_b.replace("RoleB", "RoleC");
    let by_mfa = role_b.replace("RoleB", "ByMfa");
    let long_name = "x".repeat(65);
    for (role, more, expected) in [
        (&role_b, vec![], format!("{denied}{role_b}")),
        (&role_b, vec!["--external-id", "wrong"], format!("{denied}{role_b}")),
        (&no_such, vec!["--external-id", &id], format!("{denied}{no_such}")),
        (&by_mfa, vec![], format!("{denied}{by_mfa}")),
        (
            &role_b,
            vec!["--external-id", &id, "--duration-seconds", "3601"],
            "1 hour session limit for roles assumed by role chaining".into(),
        ),
        (&role_b, vec!["--external-id", &id, "--duration-seconds", "43201"], "less than or equal to 43200".into()),
        (&role_b, vec!["--external-id", &id, "--role-session-name", &long_name], "(ValidationError)".into()),
        (
            &role_b,
            vec!["--external-id", &id, "--role-session-name", "a b"],
            r"regular expression pattern: [\w+=,.@-]*".into(),
        ),
        (&role_b, vec!["--external-id", &id, "--policy", "{"], "(MalformedPolicyDocument)".into()),
    ] {
        let output = assume(role, &more);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(&expected), "{more:?}: {said}");
    }

    bench.sandbox.expire_sessions("RoleA");
    // botocore keeps no credentials of an instance between processes, but STS is asked with those that it gets.
    let keys = bench.sandbox.user_keys("alice").unwrap();
    let by_alice = |more: &[&str]| {
        let fixed = ["sts", "assume-role", "--role-session-name", "alice", "--role-arn", &by_mfa];
        let output = bench
            .command(bench.judges.join("aws").to_str().unwrap())
            .env("AWS_ACCESS_KEY_ID", &keys.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key)
            .args([&fixed[..], more].concat())
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let serial = "arn:aws:iam::111111111111:mfa/alice";
    assert!(by_alice(&["--serial-number", serial, "--token-code", "123456"]).0);
    let (good, said) = by_alice(&["--serial-number", serial, "--token-code", "654321"]);
    assert!(!good && said.contains("invalid MFA one time pass code"), "{said}");
    assert!(!by_alice(&[]).0);
}

#[test]
fn bad_keys_tokens_and_clocks_are_told_apart() {
    let Some(bench) = Bench::new(Sandbox::scenario().start().unwrap()) else { return };
    let assume = ["sts", "assume-role", "--role-session-name", "oracle", "--role-arn"];
    let role_b = bench.sandbox.role_arn("RoleB");
    let id = bench.sandbox.external_id().to_owned();
    let given = bench.good("aws", &[&assume[..], &[&role_b, "--external-id", &id]].concat());
    let given: Value = serde_json::from_str(&given).unwrap();
    let text = |key: &str| given["Credentials"][key].as_str().unwrap().to_owned();
    let good = (text("AccessKeyId"), text("SecretAccessKey"), text("SessionToken"));
    let who_am_i = |(key, secret, token): (&str, &str, &str)| {
        let mut command = bench.command(bench.judges.join("aws").to_str().unwrap());
        command.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", secret).env("AWS_SESSION_TOKEN", token);
        let output = command.args(["sts", "get-caller-identity"]).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let right = (&*good.0, &*good.1, &*good.2);
    assert!(who_am_i(right).contains("assumed-role/RoleB/oracle"));
    assert!(who_am_i(("ASIAUNKNOWNUNKNOWN00", right.1, right.2)).contains("(InvalidClientTokenId)"));
    assert!(who_am_i((right.0, "wrong", right.2)).contains("(SignatureDoesNotMatch)"));
    assert!(who_am_i((right.0, right.1, "wrong")).contains("(InvalidClientTokenId)"));

    bench.sandbox.set_clock_offset(16 * 60);
    assert!(who_am_i(right).contains("Signature expired: "));
    bench.sandbox.set_clock_offset(-16 * 60);
    assert!(who_am_i(right).contains("Signature not yet current: "));
    bench.sandbox.set_clock_offset(14 * 60);
    assert!(who_am_i(right).contains("assumed-role/RoleB/oracle"));

    bench.sandbox.set_clock_offset(0);
    bench.sandbox.expire_sessions("RoleB");
    assert!(who_am_i(right).contains("(ExpiredToken)"));
}

#[test]
fn stock_git_clones_through_the_aws_clis_helper() {
    let repository = Repository::new();
    for protocol in [Protocol::CodeCommit, Protocol::Modern] {
        let sandbox = Sandbox::scenario().repository("app", repository.path()).protocol(protocol).start().unwrap();
        let Some(bench) = Bench::new(sandbox) else { return };
        let url = bench.sandbox.repository_url("app");
        bench.good("git", &["clone", "-q", &url, "full"]);
        assert_eq!(git(&bench.path("full"), &["rev-parse", "HEAD"]), repository.head());
        bench.good("git", &["clone", "-q", "--depth=1", &url, "shallow"]);
        assert_eq!(git(&bench.path("shallow"), &["rev-list", "--count", "HEAD"]), "1");

        // git asks without a login first, and is told how to log in.
        let first = bench.sandbox.requests().into_iter().find(|r| r.step() == Step::FetchRefs).unwrap();
        assert_eq!((first.status(), first.has_authorization()), (Some(401), false));

        let other = bench.sandbox.repository_url("other");
        assert!(bench.bad("git", &["clone", "-q", &other, "other"]).contains("returned error: 403"));
        // RoleB may pull, and no more.
        std::fs::write(bench.path("full/new"), "new").unwrap();
        git(&bench.path("full"), &["add", "new"]);
        git(&bench.path("full"), &["commit", "-q", "-m", "New"]);
        let push = bench.bad("git", &["-C", "full", "push", "-q"]);
        assert!(push.contains("returned error: 403"), "{push}");
        assert_eq!(repository.head(), git(repository.path(), &["rev-parse", "main"]));
    }
}

#[test]
fn a_role_that_may_pull_everything_gets_404_for_what_is_not_there() {
    let repository = Repository::new();
    let sandbox = Sandbox::scenario().grant_pull("RoleB", "*").repository("app", repository.path());
    let Some(bench) = Bench::new(sandbox.start().unwrap()) else { return };
    let missing = bench.sandbox.repository_url("missing");
    assert!(bench.bad("git", &["clone", "-q", &missing, "missing"]).contains("not found"));
}

#[test]
fn git_remote_codecommit_clones_and_pushes() {
    let served = Repository::new();
    let folder = tempfile::tempdir().unwrap();
    let bare = folder.path().join("app.git");
    git(folder.path(), &["clone", "-q", "--bare", served.path().to_str().unwrap(), bare.to_str().unwrap()]);
    let sandbox = Sandbox::scenario().repository("app", &bare).grant_push("RoleB", "app").start().unwrap();
    let Some(bench) = Bench::new(sandbox) else { return };
    bench.good("git", &["-c", "credential.helper=", "clone", "-q", "codecommit::ap-northeast-1://b@app", "clone"]);
    assert_eq!(git(&bench.path("clone"), &["rev-parse", "HEAD"]), served.head());

    // More than a megabyte, so that git sends it in chunks.
    let noise: Vec<u8> = (0..1_500_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(bench.path("clone/noise.bin"), noise).unwrap();
    git(&bench.path("clone"), &["add", "."]);
    git(&bench.path("clone"), &["commit", "-q", "-m", "Noise"]);
    bench.good("git", &["-C", "clone", "push", "-q", "origin", "HEAD", "HEAD:refs/heads/topic"]);
    let head = git(&bench.path("clone"), &["rev-parse", "HEAD"]);
    assert_eq!(git(&bare, &["rev-parse", "main"]), head);
    assert_eq!(git(&bare, &["rev-parse", "topic"]), head);
    assert_eq!(git(&bare, &["fsck", "--full", "--no-progress"]), "");
    // The helper signs the host with its port; only that host got its login.
    let host = bench.sandbox.codecommit_endpoint().trim_start_matches("https://").to_owned();
    assert!(bench.sandbox.hosts_with_authorization().contains(&host));
}

#[test]
fn a_login_of_the_helper_ages_and_dies_with_its_credentials() {
    let repository = Repository::new();
    let sandbox = Sandbox::scenario().repository("app", repository.path()).longest_sessions(Duration::from_secs(1_000));
    let Some(bench) = Bench::new(sandbox.start().unwrap()) else { return };
    let url = bench.sandbox.repository_url("app");
    let ask = |url: &str| {
        use std::io::Write as _;
        let (protocol, rest) = url.split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let mut child = bench
            .command(bench.judges.join("aws").to_str().unwrap())
            .args(["--profile", "b", "codecommit", "credential-helper", "--ignore-host-check", "get"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let input = format!("protocol={protocol}\nhost={host}\npath={path}\n\n");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        let value = |key: &str| output.lines().find_map(|line| line.strip_prefix(key)).unwrap().to_owned();
        support::basic(&value("username="), &value("password="))
    };
    let authorization = ask(&url);
    let status = || support::get(&bench.sandbox, &url, Some(&authorization)).status;
    assert_eq!(status(), 200);
    bench.sandbox.set_clock_offset(14 * 60);
    assert_eq!(status(), 200);
    bench.sandbox.set_clock_offset(15 * 60 + 10);
    assert_eq!(status(), 403);
    assert_eq!(bench.sandbox.requests().last().unwrap().reason(), Some("the login has expired"));
    bench.sandbox.set_clock_offset(0);
    assert_eq!(status(), 200);
    bench.sandbox.expire_sessions("RoleB");
    assert_eq!(status(), 403);
    let reason = Some("the credentials that signed the login have expired".to_owned());
    assert_eq!(bench.sandbox.requests().last().unwrap().reason().map(str::to_owned), reason);
    // A login is for one repository.
    let login_for_other = ask(&bench.sandbox.repository_url("other"));
    assert_eq!(support::get(&bench.sandbox, &url, Some(&login_for_other)).status, 403);
}

/// With the proxy, the very commands of AWS's documentation work: the real service's URL, no endpoint named, no check off.
#[test]
fn the_real_services_names_work_through_the_proxy() {
    let repository = Repository::new();
    let Some(bench) = Bench::new(Sandbox::scenario().repository("app", repository.path()).start().unwrap()) else {
        return;
    };
    let settings = "[credential]\n\thelper = !aws --profile b codecommit credential-helper $@\n\tUseHttpPath = true\n";
    std::fs::write(bench.path(".gitconfig"), settings).unwrap();
    let url = "https://git-codecommit.ap-northeast-1.amazonaws.com/v1/repos/app";
    let output = bench
        .command("git")
        .args(["clone", "-q", url, "clone"])
        .env("HTTPS_PROXY", bench.sandbox.proxy_endpoint())
        .env_remove("AWS_ENDPOINT_URL_STS")
        .env_remove("CODE_COMMIT_ENDPOINT")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(git(&bench.path("clone"), &["rev-parse", "HEAD"]), repository.head());
    let requests = bench.sandbox.requests();
    let tunnels: Vec<_> = requests.iter().filter(|r| r.step() == Step::ProxyConnect).map(|r| r.path()).collect();
    assert!(tunnels.contains(&"git-codecommit.ap-northeast-1.amazonaws.com:443"), "{tunnels:?}");
    assert!(tunnels.contains(&"sts.ap-northeast-1.amazonaws.com:443"), "{tunnels:?}");
    assert!(requests.iter().filter(|r| r.service() == Service::Proxy).all(|r| !r.has_authorization()));
    let hosts = ["git-codecommit.ap-northeast-1.amazonaws.com", "sts.ap-northeast-1.amazonaws.com"];
    assert!(bench.sandbox.hosts_with_authorization().iter().eq(hosts));
}

#[test]
fn containers_and_web_identities_are_bases_too() {
    let provider = "oidc.example.test/id";
    let sandbox = Sandbox::scenario()
        .role(Role::new("111111111111", "Task").trusts("ecs-tasks.amazonaws.com"))
        .role(Role::new("111111111111", "Web").trusts(format!("arn:aws:iam::111111111111:oidc-provider/{provider}")))
        .task_role("Task")
        .no_instance_role()
        .start()
        .unwrap();
    let Some(bench) = Bench::new(sandbox) else { return };
    let identity = |environment: &[(&str, String)]| {
        let mut command = bench.command(bench.judges.join("aws").to_str().unwrap());
        let output = command.args(["sts", "get-caller-identity"]).envs(environment.iter().cloned()).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let mut container = bench.sandbox.container_credentials();
    assert!(identity(&container).contains("assumed-role/Task/"));
    container[1].1.push('x');
    assert!(!identity(&container).contains("assumed-role"));

    let token = bench.path("token");
    let web = |role: &str| {
        [
            ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_string_lossy().into_owned()),
            ("AWS_ROLE_ARN", bench.sandbox.role_arn(role)),
            ("AWS_ROLE_SESSION_NAME", "web".to_owned()),
        ]
    };
    std::fs::write(&token, bench.sandbox.web_identity_token(provider, "system:job")).unwrap();
    assert!(identity(&web("Web")).contains("assumed-role/Web/web"));
    assert!(identity(&web("Task")).contains("(AccessDenied)"));
    std::fs::write(&token, bench.sandbox.web_identity_token("other.example.test", "system:job")).unwrap();
    assert!(identity(&web("Web")).contains("(AccessDenied)"));
    std::fs::write(&token, "not.a.token").unwrap();
    assert!(identity(&web("Web")).contains("(InvalidIdentityToken)"));
}

/// Everything else that `AssumeRole` takes, through botocore itself.
#[test]
fn botocore_narrows_tags_and_names_sessions() {
    let repository = Repository::new();
    let sandbox = Sandbox::scenario()
        .role(
            Role::new("222222222222", "RoleB")
                .trusts("arn:aws:iam::111111111111:role/RoleA")
                .allows("codecommit:*", "*")
                .allows("sts:AssumeRole", "*"),
        )
        .role(Role::new("222222222222", "Third").trusts("222222222222").allows("codecommit:GitPull", "*"))
        .repository("app", repository.path())
        .repository("lib", repository.path())
        .start()
        .unwrap();
    let Some(bench) = Bench::new(sandbox) else { return };
    let script = include_str!("python/sessions.py");
    let output = bench.good("python", &["-c", script]);
    let given: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(given["source_identity"], "alice");
    assert_eq!(given["third"]["Arn"], "arn:aws:sts::222222222222:assumed-role/Third/third");
    assert_eq!(given["retagged"], "InvalidParameterValue");
    assert_eq!(given["renamed"], "AccessDenied");
    assert_eq!(given["unknown_policy"], "ValidationError");
    let first = bench.sandbox.requests().into_iter().find(|request| request.step() == Step::AssumeRole).unwrap();
    assert_eq!(first.parameter("Tags.member.1.Key"), Some("team"));
    assert_eq!(first.parameter("TransitiveTagKeys.member.1"), Some("team"));

    for (which, app, lib) in [("inline", 200, 403), ("managed", 200, 200), ("managed_other", 403, 403)] {
        let keys = &given[which];
        let text = |key: &str| keys[key].as_str().unwrap().to_owned();
        let credentials = aws_credential_types::Credentials::new(
            text("AccessKeyId"),
            text("SecretAccessKey"),
            Some(text("SessionToken")),
            None,
            "test",
        );
        for (name, expected) in [("app", app), ("lib", lib)] {
            let authorization = support::login(&bench.sandbox, &credentials, name, 0);
            let url = bench.sandbox.repository_url(name);
            let status = support::get(&bench.sandbox, &url, Some(&authorization)).status;
            assert_eq!(status, expected, "{which} on {name}");
        }
    }
}
