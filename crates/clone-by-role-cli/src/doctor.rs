//! `clone-by-role doctor`: walks the chain of roles and, if a repository is named, up to its door.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clone_by_role::engine::{Advertisement, CheckedOut, Checkout, Context, Received, Want};
use clone_by_role::{CloneRequest, Engine, Error, ErrorKind, Result, Step};
use codecommit_auth::{Endpoint, Region, Remote, Repository};
use role_chain::{Report, RoleChain, Statement};
use serde_json::{Value, json};

use crate::report;
use crate::who::Who;

/// The flags and words of the command.
#[derive(clap::Args)]
#[command(after_help = "\
Everyone is asked anew: what --cache keeps is not looked at. Nothing is changed, and no secret is printed.
Exit status: 0 where all holds, 1 where something is to be mended, 2 for wrong usage or a wrong profile.")]
pub(crate) struct Args {
    #[command(flatten)]
    who: Who,
    /// Print one JSON object instead of words.
    #[arg(long)]
    json: bool,
    /// A CodeCommit endpoint that you vouch for, such as https://127.0.0.1:8443.
    #[arg(long, value_name = "URL", env = "CODE_COMMIT_ENDPOINT")]
    endpoint: Option<String>,
    /// The region for a remote whose name has none.
    #[arg(long, value_name = "REGION", env = "AWS_REGION")]
    region: Option<String>,
    /// A repository to try the login at.
    remote: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> ExitCode {
    let json = args.json;
    let visit = match Visit::plan(args) {
        Ok(visit) => visit,
        Err(error) => return report::failed(&error, json),
    };
    let runtime = match report::runtime() {
        Ok(runtime) => runtime,
        Err(status) => return status,
    };
    let findings = runtime.block_on(visit.make());
    let text = if json { format!("{}\n", findings.to_json()) } else { findings.to_text() };
    let written = std::io::stdout().write_all(text.as_bytes());
    ExitCode::from(u8::from(written.is_err() || !findings.is_ok()))
}

/// What is to be looked at: planned before anyone is asked.
struct Visit {
    who: Acting,
    chain: RoleChain,
    door: Option<Door>,
}

/// As whom the command acts: a profile that is not the one that was meant is a common mistake.
struct Acting {
    profile: Option<String>,
    by: &'static str,
    region: Option<String>,
}

/// The repository whose door is tried.
struct Door {
    remote: String,
    region: Option<String>,
    endpoint: Option<String>,
    repository: Repository,
    /// The account that owns it, where its name says.
    owner: Option<String>,
}

impl Visit {
    fn plan(args: Args) -> Result<Self> {
        let usage = |error: codecommit_auth::Error| {
            let help = error.help().to_owned();
            Error::new(ErrorKind::InvalidRequest, Step::Plan, error.to_string()).with_help(help).with_source(error)
        };
        let endpoint = args.endpoint.as_deref().map(Endpoint::vouched).transpose().map_err(usage)?;
        let remote = match &args.remote {
            Some(name) => Some(Remote::parse_with(name, endpoint.as_ref()).map_err(usage)?),
            None => None,
        };
        let profile = remote.as_ref().and_then(Remote::profile);
        let (told, by) = args.who.told_by(profile);
        let chain = args.who.without_cache().chain_or(profile)?.build()?;
        let who = Acting { profile: told, by, region: chain.region().map(ToString::to_string) };
        let region = args.region.or_else(|| chain.region().map(ToString::to_string));
        let door = match (args.remote, remote) {
            (Some(name), Some(remote)) => {
                let default: Option<Region> = region.as_deref().map(str::parse).transpose().map_err(usage)?;
                Some(Door {
                    repository: remote.locate(default.as_ref(), endpoint.as_ref()).map_err(usage)?,
                    owner: remote.account_id().map(|account| account.as_str().to_owned()),
                    remote: name,
                    region,
                    endpoint: args.endpoint,
                })
            }
            _ => None,
        };
        Ok(Self { who, chain, door })
    }

    async fn make(self) -> Findings {
        let walk = self.chain.diagnose().await;
        let mut tried = None;
        if let (Some(door), true) = (&self.door, walk.is_ok()) {
            let started = Instant::now();
            let error = knock(door, self.chain).await.err();
            tried = Some((started.elapsed(), error));
        }
        Findings { who: self.who, walk, door: self.door, tried }
    }
}

/// Asks for the repository's refs, as a clone does first, and for nothing more.
async fn knock(door: &Door, chain: RoleChain) -> Result<()> {
    let folder = tempfile::tempdir().map_err(|error| {
        Error::new(ErrorKind::Io, Step::Stage, "no temporary folder can be made").with_source(error)
    })?;
    let mut request = CloneRequest::new(&door.remote, folder.path().join("clone")).credentials(chain);
    if let Some(region) = &door.region {
        request = request.region(region);
    }
    if let Some(endpoint) = &door.endpoint {
        request = request.endpoint(endpoint);
    }
    let answered = Arc::new(AtomicBool::new(false));
    let outcome = request.run(Knock { answered: answered.clone() }).await;
    match outcome {
        Err(error) if !answered.load(Ordering::SeqCst) => Err(error),
        _ => Ok(()),
    }
}

/// An engine that goes home once the server has let it in.
#[derive(Debug)]
struct Knock {
    answered: Arc<AtomicBool>,
}

impl Engine for Knock {
    fn name(&self) -> &'static str {
        "doctor"
    }

    fn fetch(
        &self,
        context: &Context,
        _: &Path,
        _: &mut dyn FnMut(&Advertisement) -> Result<Want>,
    ) -> Result<Received> {
        drop(context.http.info_refs(None)?);
        self.answered.store(true, Ordering::SeqCst);
        Err(Error::new(ErrorKind::Cancelled, Step::Connect, "nothing more is asked for"))
    }

    fn checkout(&self, _: &Context, _: &Checkout<'_>) -> Result<CheckedOut> {
        Ok(CheckedOut::default())
    }
}

/// What came of a visit.
struct Findings {
    who: Acting,
    walk: Report,
    door: Option<Door>,
    /// How long the door took, and what was wrong with it.
    tried: Option<(Duration, Option<Error>)>,
}

impl Findings {
    fn is_ok(&self) -> bool {
        self.walk.is_ok() && !matches!(self.tried, Some((_, Some(_))))
    }

    fn principal(&self) -> Option<&str> {
        self.walk.steps().last()?.principal()
    }

    /// The statement that is missing, where the repository turned the role away.
    fn statement(&self, door: &Door, error: &Error) -> Option<Statement> {
        if error.kind() != ErrorKind::Denied {
            return None;
        }
        let principal = self.principal();
        let own = principal.and_then(|arn| arn.split(':').nth(4));
        let account = door.owner.as_deref().or(own).unwrap_or("ACCOUNT");
        let region = door.repository.region();
        let partition = principal.and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws");
        let resource = format!("arn:{partition}:codecommit:{region}:{account}:{}", door.repository.name());
        Some(Statement::allow("codecommit:GitPull", &resource, principal))
    }

    fn to_text(&self) -> String {
        let mut text = format!("{}{}", self.who, self.walk);
        if let Some(door) = &self.door {
            let place = format!("{} in {}", door.repository.name(), door.repository.region());
            // Writing to a string does not fail.
            let _ = match &self.tried {
                None => writeln!(text, "-    not tried  repository {place}"),
                Some((took, None)) => writeln!(text, "ok   repository  {place}  {} ms", took.as_millis()),
                Some((took, Some(error))) => {
                    let line = writeln!(text, "FAIL repository  {place}  {} ms", took.as_millis());
                    self.add_error(&mut text, door, error);
                    line
                }
            };
        }
        if text.contains(" would say:") {
            text += "     The policies of both accounts, whole: clone-by-role policy (its --help says what it takes)\n";
        }
        text
    }

    fn add_error(&self, text: &mut String, door: &Door, error: &Error) {
        let mut add = |line: &str| {
            let _ = writeln!(text, "     {line}");
        };
        add(&error.to_string());
        causes(error).iter().for_each(|cause| add(&format!("because: {cause}")));
        error.help().into_iter().flat_map(str::lines).for_each(&mut add);
        if let Some(statement) = self.statement(door, error) {
            let account = statement.account.as_deref().unwrap_or("unknown");
            add(&format!("In account {account}, {} would say:", statement.policy));
            statement.json.lines().for_each(|line| add(&format!("  {line}")));
        }
    }

    /// The report of the walk, with the repository as one more step, and the error as other commands give it.
    fn to_json(&self) -> Value {
        let mut findings: Value = serde_json::from_str(&self.walk.to_json()).unwrap_or_default();
        findings["ok"] = self.is_ok().into();
        findings["who"] = json!({ "profile": self.who.profile, "by": self.who.by, "region": self.who.region });
        let mut failure = self.walk.error().map(|error| Error::from(error.clone()));
        if let Some(door) = &self.door {
            let target = door.repository.https_url();
            match (&self.tried, findings["steps"].as_array_mut(), &failure) {
                (Some((took, error)), Some(steps), _) => {
                    steps.push(self.door_json(door, &target, *took, error.as_ref()));
                    failure = error.clone();
                }
                _ => {
                    if let Some(untried) = findings["untried"].as_array_mut() {
                        untried.push(target.into());
                    }
                }
            }
        }
        if let Some(error) = failure {
            findings["error"] = report::error_json(&error);
        }
        findings
    }

    fn door_json(&self, door: &Door, target: &str, took: Duration, error: Option<&Error>) -> Value {
        let error = error.map(|error| {
            let mut object = report::error_json(error);
            let statement = self.statement(door, error).map(|statement| {
                let policy: Value = serde_json::from_str(&statement.json).unwrap_or_default();
                json!({ "account": statement.account, "policy": statement.policy, "statement": policy })
            });
            object["cause"] = causes(error).into();
            object["principal"] = self.principal().into();
            object["target"] = target.into();
            object["statements"] = statement.into_iter().collect();
            object
        });
        json!({
            "step": "repository",
            "ok": error.is_none(),
            "target": target,
            "principal": self.principal(),
            "elapsed_ms": took.as_millis() as u64,
            "expiry": null,
            "error": error,
        })
    }
}

impl fmt::Display for Acting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.profile {
            Some(profile) => write!(f, "as   profile {profile:?} (by {})", self.by)?,
            None => write!(f, "as   the instance (by {})", self.by)?,
        }
        match &self.region {
            Some(region) => writeln!(f, " in {region}"),
            None => writeln!(f, ", which tells the region"),
        }
    }
}

/// What stands behind an error, without what its own text says already.
fn causes(error: &Error) -> Vec<String> {
    let first = std::error::Error::source(error);
    let texts = std::iter::successors(first, |error| error.source()).map(ToString::to_string);
    texts.filter(|text| !error.to_string().contains(text.as_str())).collect()
}
