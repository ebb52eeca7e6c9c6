//! The world that the tests share, and how they look at it.

use std::time::Duration;

use codecommit_sandbox::scenario::{ACCOUNT_A, ACCOUNT_B, EXTERNAL_ID};
use codecommit_sandbox::{Role, Sandbox, SandboxBuilder, Step, User};
use role_chain::{Hop, RoleArn, RoleChain, RoleChainBuilder};

pub(crate) const ROLE_B: &str = "arn:aws:iam::222222222222:role/RoleB";
pub(crate) const ROLE_C: &str = "arn:aws:iam::222222222222:role/deploy/RoleC";

/// The scenario, with a third role that RoleB may assume, and a user who may assume RoleB.
pub(crate) fn world() -> SandboxBuilder {
    let role_a = Role::new(ACCOUNT_A, "RoleA").trusts("ec2.amazonaws.com").allows("sts:AssumeRole", ROLE_B);
    let role_b = Role::new(ACCOUNT_B, "RoleB")
        .trusts(ACCOUNT_A)
        .external_id(EXTERNAL_ID)
        .max_session(Duration::from_secs(12 * 3_600))
        .allows("sts:AssumeRole", ROLE_C);
    let role_c = Role::new(ACCOUNT_B, "RoleC").path("/deploy/").trusts(ROLE_B);
    let user = User::new(ACCOUNT_A, "dana").allows("sts:AssumeRole", ROLE_B).mfa_code("123456");
    Sandbox::builder().role(role_a).role(role_b).role(role_c).user(user).instance_role("RoleA")
}

pub(crate) fn hop_b() -> Hop {
    Hop::new(role(ROLE_B)).external_id(EXTERNAL_ID)
}

pub(crate) fn hop_c() -> Hop {
    Hop::new(role(ROLE_C))
}

pub(crate) fn role(arn: &str) -> RoleArn {
    RoleArn::parse(arn).expect("a role's ARN")
}

/// A chain from the instance that sees of the environment only what the sandbox puts there.
pub(crate) fn from_instance(sandbox: &Sandbox) -> RoleChainBuilder {
    RoleChain::from_instance().environment(sandbox.env())
}

/// What was asked of the sandbox so far, in order; of `AssumeRole` with the name of the role.
pub(crate) fn asked(sandbox: &Sandbox) -> Vec<String> {
    sandbox
        .requests()
        .iter()
        .map(|request| match request.step() {
            Step::AssumeRole => {
                let arn = request.parameter("RoleArn").unwrap_or_default();
                format!("AssumeRole {}", arn.rsplit('/').next().unwrap_or_default())
            }
            Step::ImdsOther => format!("IMDS {}", request.path()),
            step => format!("{step:?}"),
        })
        .collect()
}
