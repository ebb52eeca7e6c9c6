//! The login that stock git is given: one request of git's credential protocol, read and answered.
//!
//! The login exists in this process and in the pipe to git, and nowhere else: in no file, argument or variable.

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;
use std::time::SystemTime;

use codecommit_auth::credential::{Operation, QUIT, Reader, Request};
use codecommit_auth::{Endpoint, Error, ErrorKind, Region, Repository, sign};
use role_chain::RoleChain;
use zeroize::Zeroizing;

use crate::report;
use crate::who::Who;

/// The flags and the word of a credential helper.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    who: Who,
    /// A CodeCommit endpoint that you vouch for, such as https://127.0.0.1:8443.
    #[arg(long, value_name = "URL", env = "CODE_COMMIT_ENDPOINT")]
    endpoint: Option<String>,
    /// The region of the repositories at that endpoint. CodeCommit's own hosts name theirs.
    #[arg(long, value_name = "REGION", env = "AWS_REGION")]
    region: Option<String>,
    /// Where there is no login for a repository, let git fail rather than ask other helpers and then you.
    #[arg(long)]
    quit: bool,
    /// What git wants: get, store or erase.
    operation: String,
}

/// Why git gets no login.
pub(crate) enum Failure {
    Login(Error),
    Chain(role_chain::Error),
    Io(io::Error),
    Status(ExitCode),
}

/// Serves git's request. Only `get` is answered: where each login is signed anew, there is nothing to store and nothing to erase.
pub(crate) fn run(args: &Args) -> ExitCode {
    if Operation::parse(&args.operation) != Operation::Get {
        // Read to its end, so that git does not write into a closed pipe.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        return ExitCode::SUCCESS;
    }
    match get(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if args.quit {
                let _ = io::stdout().write_all(QUIT);
            }
            failure.report()
        }
    }
}

fn get(args: &Args) -> Result<(), Failure> {
    let request = read()?;
    let endpoint = vouched(args.endpoint.as_deref())?;
    let Some((repository, chain)) = repository(args, &request, endpoint.as_ref())? else {
        return Ok(());
    };
    let chain = match chain {
        Some(chain) => chain,
        None => args.who.chain_or(None)?.build()?,
    };
    let credentials = report::runtime().map_err(Failure::Status)?.block_on(chain.credentials())?;
    let now = SystemTime::now();
    // Signed by the services' clock, where this host's is off: CodeCommit goes by it.
    let service = chain.service_time().unwrap_or(now);
    let login = sign(&repository, &credentials, service)?;
    // git goes by this host's clock.
    let life = login.expires_at().duration_since(service).unwrap_or_default();
    io::stdout().write_all(&request.answer_until(&login, now + life)?)?;
    Ok(())
}

/// git's request, from standard input.
fn read() -> Result<Request, Failure> {
    let mut reader = Reader::new();
    let mut piece = Zeroizing::new([0; 4096]);
    let mut input = io::stdin().lock();
    loop {
        let length = input.read(&mut *piece)?;
        if length == 0 || reader.feed(&piece[..length])? {
            return Ok(reader.finish()?);
        }
    }
}

/// The repository that git wants a login for, if it is CodeCommit's; and the chain, where the region came from it.
fn repository(
    args: &Args,
    request: &Request,
    endpoint: Option<&Endpoint>,
) -> Result<Option<(Repository, Option<RoleChain>)>, Failure> {
    match request.repository(None, endpoint) {
        Ok(found) => Ok(found.map(|repository| (repository, None))),
        // The endpoint that is vouched for, whose name holds no region.
        Err(error) if error.kind() == ErrorKind::MissingRegion => {
            if let Some(region) = given(args.region.as_deref()) {
                let region: Region = region.parse()?;
                return Ok(request.repository(Some(&region), endpoint)?.map(|repository| (repository, None)));
            }
            let chain = args.who.chain_or(None)?.build()?;
            let region = chain.region().map(|region| region.as_ref().parse::<Region>()).transpose()?;
            Ok(request.repository(region.as_ref(), endpoint)?.map(|repository| (repository, Some(chain))))
        }
        Err(error) => Err(error.into()),
    }
}

/// The endpoint that the user vouches for, if any.
pub(crate) fn vouched(endpoint: Option<&str>) -> Result<Option<Endpoint>, Error> {
    given(endpoint).map(Endpoint::vouched).transpose()
}

/// An empty variable is as good as none.
pub(crate) fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

impl Failure {
    /// Says why on standard error, for whoever called git.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Login(error) => {
                eprintln!("error: {error}\n  help: {}", error.help());
                ExitCode::from(if error.is_usage() { 2 } else { 1 })
            }
            Self::Chain(error) => report::chain_failed(&error),
            Self::Io(error) => {
                eprintln!("error: git cannot be spoken to: {error}");
                ExitCode::FAILURE
            }
            Self::Status(status) => status,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Login(error)
    }
}

impl From<role_chain::Error> for Failure {
    fn from(error: role_chain::Error) -> Self {
        Self::Chain(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
