//! `clone-by-role policy`: the IAM policies of both accounts, for given ARNs. It asks nobody.

use std::process::ExitCode;

use clone_by_role::{Error, ErrorKind, Hop, RoleArn, RoleChain, Step};
use codecommit_auth::Remote;
use role_chain::Statement;
use serde_json::{Value, json};

use crate::report;

/// The flags and words of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The role that the instances carry (account A).
    #[arg(long, value_name = "ARN")]
    instance_role: String,
    /// The role that may read the repository (account B).
    #[arg(long, value_name = "ARN")]
    role_arn: String,
    /// The external ID that this role asks for [default: THE-EXTERNAL-ID, to be replaced].
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Let only principals of this organization assume the role (o-…).
    #[arg(long, value_name = "ID")]
    organization: Option<String>,
    /// Allow every read action of CodeCommit, not codecommit:GitPull alone.
    #[arg(long)]
    read_all: bool,
    /// The key of a repository that is encrypted with a customer's own.
    #[arg(long, value_name = "ARN")]
    kms_key: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// The repository: arn:aws:codecommit:REGION:ACCOUNT:NAME.
    repository: String,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> ExitCode {
    match Policies::new(args) {
        Ok(policies) if args.json => println!("{}", policies.to_json()),
        Ok(policies) => print!("{}", policies.to_text()),
        Err(error) => return report::failed(&error, args.json),
    }
    ExitCode::SUCCESS
}

/// What both accounts must allow.
struct Policies {
    instances: Side,
    repository: Side,
}

/// One account's role.
struct Side {
    role: RoleArn,
    trust: Value,
    permission: Value,
}

impl Policies {
    fn new(args: &Args) -> Result<Self, Error> {
        let instance_role = RoleArn::parse(&args.instance_role)?;
        let role = RoleArn::parse(&args.role_arn)?;
        if let Some(id) = &args.external_id {
            // The rules of an external ID are checked where a chain with one is built; nothing is asked.
            RoleChain::from_instance().hop(Hop::new(role.clone()).external_id(id)).build()?;
        }
        let service = if instance_role.partition() == "aws-cn" { "ec2.amazonaws.com.cn" } else { "ec2.amazonaws.com" };
        let carried = json!({ "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" });
        let assume = statement(&Statement::assume(&role, Some(instance_role.as_str())))?;
        Ok(Self {
            repository: Side {
                trust: document(vec![trust(args, &role, &instance_role)?]),
                permission: document(permissions(args, &role)?),
                role,
            },
            instances: Side { role: instance_role, trust: document(vec![carried]), permission: document(vec![assume]) },
        })
    }

    fn to_json(&self) -> Value {
        json!({ "account_a": self.instances.to_json(), "account_b": self.repository.to_json() })
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        for (side, whose) in [(&self.instances, "of the instances"), (&self.repository, "of the repository")] {
            let (account, name) = (side.role.account_id(), side.role.name());
            text += &format!("Account {account}, {whose}\n\n");
            text += &format!("Trust policy of role {name}:\n{:#}\n\n", side.trust);
            text += &format!("Permission policy of role {name}:\n{:#}\n\n", side.permission);
        }
        text
    }
}

impl Side {
    fn to_json(&self) -> Value {
        json!({
            "account": self.role.account_id(),
            "role": self.role.name(),
            "trust_policy": self.trust,
            "permission_policy": self.permission,
        })
    }
}

fn document(statements: Vec<Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// What `doctor` and errors show as a remedy, as a value.
fn statement(shown: &Statement) -> Result<Value, Error> {
    serde_json::from_str(&shown.json).map_err(|error| invalid("a statement is not JSON").with_source(error))
}

/// By what the role of account B trusts that of account A.
fn trust(args: &Args, role: &RoleArn, instance_role: &RoleArn) -> Result<Value, Error> {
    let mut trust = statement(&Statement::trust(role, instance_role.as_str(), true))?;
    let conditions = &mut trust["Condition"]["StringEquals"];
    if let Some(id) = &args.external_id {
        conditions["sts:ExternalId"] = id.as_str().into();
    }
    if let Some(id) = &args.organization {
        let rest = id.strip_prefix("o-").unwrap_or_default();
        // AWS Organizations API reference, DescribeOrganization.
        let alphanumeric = rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !alphanumeric || !(10..=32).contains(&rest.len()) {
            return Err(invalid(format!(
                "organization {id:?}: it must be o- and 10 to 32 lowercase letters and digits"
            )));
        }
        conditions["aws:PrincipalOrgID"] = id.as_str().into();
    }
    Ok(trust)
}

/// What the role of account B may do.
fn permissions(args: &Args, role: &RoleArn) -> Result<Vec<Value>, Error> {
    let repository = &args.repository;
    let named = Remote::parse(repository).map_err(|error| invalid(error.to_string()).with_source(error))?;
    match named.account_id() {
        Some(account) if account.as_str() == role.account_id() => {}
        Some(account) => {
            return Err(invalid(format!(
                "the repository is account {account}'s and role {} is account {}'s: CodeCommit has no policies on repositories, so the role must be one of the repository's account",
                role.name(),
                role.account_id(),
            )));
        }
        None => {
            return Err(invalid(format!(
                "{repository:?} must be the repository's ARN, as in arn:aws:codecommit:REGION:ACCOUNT:NAME"
            )));
        }
    }
    let action = if args.read_all { json!(READ_ACTIONS.as_slice()) } else { json!("codecommit:GitPull") };
    let mut statements = vec![json!({ "Effect": "Allow", "Action": action, "Resource": repository })];
    if let Some(key) = &args.kms_key {
        let parts: Vec<&str> = key.splitn(6, ':').collect();
        if !matches!(parts[..], ["arn", _, "kms", _, _, resource] if resource.starts_with("key/")) {
            return Err(invalid(format!("KMS key {key:?}: it must read arn:aws:kms:REGION:ACCOUNT:key/ID")));
        }
        statements.push(json!({ "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key }));
    }
    Ok(statements)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, Step::Plan, message)
}

/// Every read action: more than git needs, for those who look at repositories by the API as well.
const READ_ACTIONS: [&str; 37] = [
    "codecommit:GetTree",
    "codecommit:ListPullRequests",
    "codecommit:GetBlob",
    "codecommit:GetReferences",
    "codecommit:GetPullRequestApprovalStates",
    "codecommit:DescribeMergeConflicts",
    "codecommit:ListTagsForResource",
    "codecommit:BatchDescribeMergeConflicts",
    "codecommit:GetCommentsForComparedCommit",
    "codecommit:GetCommentReactions",
    "codecommit:GetCommit",
    "codecommit:GetComment",
    "codecommit:GetCommitHistory",
    "codecommit:GetCommitsFromMergeBase",
    "codecommit:BatchGetCommits",
    "codecommit:DescribePullRequestEvents",
    "codecommit:GetPullRequest",
    "codecommit:ListAssociatedApprovalRuleTemplatesForRepository",
    "codecommit:ListBranches",
    "codecommit:GetPullRequestOverrideState",
    "codecommit:GetRepositoryTriggers",
    "codecommit:GitPull",
    "codecommit:BatchGetRepositories",
    "codecommit:GetCommentsForPullRequest",
    "codecommit:GetObjectIdentifier",
    "codecommit:CancelUploadArchive",
    "codecommit:GetFolder",
    "codecommit:BatchGetPullRequests",
    "codecommit:GetFile",
    "codecommit:GetUploadArchiveStatus",
    "codecommit:EvaluatePullRequestApprovalRules",
    "codecommit:GetDifferences",
    "codecommit:GetRepository",
    "codecommit:GetBranch",
    "codecommit:GetMergeConflicts",
    "codecommit:GetMergeCommit",
    "codecommit:GetMergeOptions",
];
