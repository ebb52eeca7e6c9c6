//! The sandbox in a user's own tests, with a fault injected.
//!
//! `fetch_site` is the tool under test: it clones, and tries again where the error says that this can help. The tests
//! below it run with `cargo test --example test_your_tool`; as a program, this shows what the second of them sees.

use std::error::Error;
use std::path::Path;

use clone_by_role::{CloneRequest, Gitoxide, Outcome, RoleChain};
use codecommit_sandbox::{Effect, Fault, SampleRepository, Sandbox, Step};

/// The tool: three attempts at the most, and only where another one can help.
async fn fetch_site(sandbox: &Sandbox, to: &Path) -> Result<Outcome, clone_by_role::Error> {
    // A real tool builds this once from its settings; `environment` keeps the test from touching the process's own.
    let role = RoleChain::from_profile("b").environment(sandbox.env()).build()?;
    let mut attempt = 1;
    loop {
        let request = CloneRequest::new("codecommit::ap-northeast-1://app", to)
            .credentials(role.clone())
            .endpoint(sandbox.codecommit_endpoint())
            .ca_bundle(sandbox.ca_bundle());
        match request.run(Gitoxide::default()).await {
            Err(error) if error.is_retryable() && attempt < 3 => attempt += 1,
            outcome => return outcome,
        }
    }
}

/// IMDS, STS and CodeCommit on loopback, with a small repository named `app`.
fn cloud(home: &Path) -> Result<Sandbox, Box<dyn Error>> {
    SampleRepository::small().create_in(&home.join("app.git"))?;
    Ok(Sandbox::scenario().repository("app", home.join("app.git")).start()?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let home = tempfile::tempdir()?;
    let sandbox = cloud(home.path())?;
    sandbox.set_fault(Fault::new(Step::Fetch, Effect::CutAfter(1_000)).times(1));
    let outcome = fetch_site(&sandbox, &home.path().join("site")).await?;
    println!("cloned {} files at {}", outcome.files(), outcome.commit());
    println!("faults that struck: {}", sandbox.faults_struck());
    println!("asked CodeCommit for objects: {} times", sandbox.count(Step::Fetch));
    println!("asked STS for RoleB: {} times", sandbox.count(Step::AssumeRole));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_as_a_program() {
        main().unwrap();
    }

    #[tokio::test]
    async fn it_clones() {
        let home = tempfile::tempdir().unwrap();
        let sandbox = cloud(home.path()).unwrap();
        let outcome = fetch_site(&sandbox, &home.path().join("site")).await.unwrap();
        assert_eq!(outcome.branch(), Some("main"));
        assert_eq!(sandbox.count(Step::Fetch), 1);
    }

    #[tokio::test]
    async fn it_survives_a_pack_that_breaks_off() {
        let home = tempfile::tempdir().unwrap();
        let sandbox = cloud(home.path()).unwrap();
        sandbox.set_fault(Fault::new(Step::Fetch, Effect::CutAfter(1_000)).times(1));
        fetch_site(&sandbox, &home.path().join("site")).await.unwrap();
        assert_eq!(sandbox.faults_struck(), 1);
        assert_eq!(sandbox.count(Step::AssumeRole), 1, "the second attempt uses the same session");
    }

    #[tokio::test]
    async fn it_does_not_insist_where_permission_is_missing() {
        let home = tempfile::tempdir().unwrap();
        let sandbox = cloud(home.path()).unwrap();
        sandbox.set_fault(Fault::new(Step::FetchRefs, Effect::Status(403)));
        let error = fetch_site(&sandbox, &home.path().join("site")).await.unwrap_err();
        assert!(!error.is_retryable());
        assert!(error.help().unwrap_or_default().contains("codecommit:GitPull"), "{error:?}");
        assert!(!home.path().join("site").exists());
    }
}
