//! The scenario, end to end, on loopback: an instance role in account A clones a repository of account B.
//!
//! `cargo run --release --example quickstart`

use std::error::Error;
use std::time::{Duration, Instant};

use clone_by_role::{CloneRequest, Engine, Gitoxide, Hop, Libgit2, ProgressPrinter, RoleArn, RoleChain};
use codecommit_sandbox::{SampleRepository, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let home = tempfile::Builder::new().prefix("clone-by-role-quickstart-").tempdir()?;

    title("A repository of the scenario's size");
    let started = Instant::now();
    let repository = SampleRepository::scenario().create_in(&home.path().join("app.git"))?;
    println!(
        "  app: {} commits, {} objects ({} deltas), {:.2} MiB packed, made in {}",
        repository.commits(),
        repository.objects(),
        repository.deltas(),
        repository.packed_bytes() as f64 / 1_048_576.0,
        seconds(started.elapsed()),
    );

    title("The cloud, on loopback");
    let sandbox = Sandbox::scenario().repository("app", home.path().join("app.git")).start()?;
    println!("  IMDSv2      {}", sandbox.imds_endpoint());
    println!("  STS         {}", sandbox.sts_endpoint());
    println!("  CodeCommit  {}", sandbox.codecommit_endpoint());

    title("Who am I? The instance role in account A, then RoleB in account B");
    let role = RoleChain::from_instance()
        .hop(Hop::new(RoleArn::parse(sandbox.role_arn("RoleB"))?).external_id(sandbox.external_id()))
        // On an instance, none of these: they lead to the sandbox instead of AWS.
        .imds_endpoint(sandbox.imds_endpoint())
        .sts_endpoint(sandbox.sts_endpoint())
        .ca_bundle(sandbox.ca_bundle())
        .build()?;
    for step in role.walk().await {
        if let Some(error) = step.error() {
            return Err(error.clone().into());
        }
        println!("  {:<12}{}  ({})", step.label(), step.principal().unwrap_or("?"), seconds(step.elapsed()));
    }

    let engines: [Box<dyn Engine>; 2] = [Box::new(Gitoxide::default()), Box::new(Libgit2::default())];
    for engine in engines {
        title(&format!("git clone with {}, over TLS with the signed login", engine.name()));
        let printer = ProgressPrinter::stderr();
        let outcome = CloneRequest::new("codecommit::ap-northeast-1://app", home.path().join(engine.name()))
            .credentials(role.clone())
            .endpoint(sandbox.codecommit_endpoint()) // on an instance, not needed
            .ca_bundle(sandbox.ca_bundle()) // on an instance, not needed
            .on_event(move |event| printer.show(event))
            .run(engine)
            .await?;
        println!("  cloned    codecommit::ap-northeast-1://app, {} files", outcome.files());
        println!("  where     {}", outcome.path().display());
        println!("  commit    {} (branch {})", outcome.commit(), outcome.branch().unwrap_or("none"));
        println!("  took      {}", seconds(outcome.elapsed()));
    }

    title("The line of Rust that does it, on an instance");
    println!(
        r#"  CloneRequest::new("codecommit::ap-northeast-1://app", "/srv/app").credentials(role).run(Gitoxide::default()).await?"#
    );
    println!("\nThe clones are removed now: they were in {}.", home.path().display());
    Ok(())
}

fn title(text: &str) {
    println!("\n{text}");
}

fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}
