//! The scenario from end to end, by the AWS SDK and stock git.

mod support;

use codecommit_sandbox::{Protocol, Sandbox, Step};
use support::{Repository, clone, git, login, role_b};

#[tokio::test]
async fn an_instance_role_clones_across_accounts() {
    let repository = Repository::new();
    for protocol in [Protocol::CodeCommit, Protocol::Modern] {
        let sandbox = Sandbox::scenario().repository("app", repository.path()).protocol(protocol).start().unwrap();
        let authorization = login(&sandbox, &role_b(&sandbox).await, "app", 0);
        let folder = tempfile::tempdir().unwrap();

        let full = folder.path().join("full");
        let output = clone(&sandbox, "app", &authorization, &[], &full);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(git(&full, &["rev-parse", "HEAD"]), repository.head());
        assert_eq!(git(&full, &["rev-list", "--count", "HEAD"]), "3");
        assert_eq!(git(&full, &["status", "--porcelain"]), "");
        assert_eq!(git(&full, &["tag"]), "v1");

        let shallow = folder.path().join("shallow");
        let output = clone(&sandbox, "app", &authorization, &["--depth=1"], &shallow);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(git(&shallow, &["rev-list", "--count", "HEAD"]), "1");

        let steps: Vec<Step> = sandbox.requests().iter().map(|request| request.step()).collect();
        let start = [Step::ImdsToken, Step::ImdsRole, Step::ImdsCredentials, Step::AssumeRole, Step::FetchRefs];
        assert_eq!(steps[..5], start);
        assert_eq!(steps.contains(&Step::ListRefs), protocol == Protocol::Modern);
        let arn = "arn:aws:sts::222222222222:assumed-role/RoleB/deploy";
        let fetches: Vec<_> = sandbox.requests().into_iter().filter(|r| r.step() == Step::Fetch).collect();
        assert!(!fetches.is_empty() && fetches.iter().all(|r| r.caller() == Some(arn) && r.status() == Some(200)));
    }
}

#[test]
fn codecommits_capabilities_are_exactly_those_it_was_seen_to_list() {
    let repository = Repository::new();
    let sandbox = Sandbox::scenario().repository("app", repository.path()).start().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let authorization = login(&sandbox, &runtime.block_on(role_b(&sandbox)), "app", 0);
    let answer = support::get(&sandbox, &sandbox.repository_url("app"), Some(&authorization));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/x-git-upload-pack-advertisement");
    let text = String::from_utf8(answer.body).unwrap();
    let capabilities = text.split('\0').nth(1).unwrap().lines().next().unwrap();
    let listed =
        "multi_ack_detailed shallow side-band-64k thin-pack allow-tip-sha1-in-want allow-reachable-sha1-in-want";
    assert_eq!(capabilities, listed);
    assert!(text.starts_with("001e# service=git-upload-pack\n0000"), "{text}");
    assert!(text.contains(" refs/tags/v1^{}\n"), "{text}");
}
