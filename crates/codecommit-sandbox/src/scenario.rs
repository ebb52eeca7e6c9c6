//! The world that the crate is about, ready to use.

use std::time::Duration;

use crate::{Role, SandboxBuilder};

/// The account with the instance.
pub const ACCOUNT_A: &str = "111111111111";
/// The account with the repository.
pub const ACCOUNT_B: &str = "222222222222";
/// The external ID that RoleB asks for.
pub const EXTERNAL_ID: &str = "deploy-7f3c9a52";

/// An instance in account A with RoleA, which may assume RoleB of account B, which may pull the repository `app`.
pub(crate) fn scenario() -> SandboxBuilder {
    let role_a = Role::new(ACCOUNT_A, "RoleA")
        .trusts("ec2.amazonaws.com")
        .allows("sts:AssumeRole", format!("arn:*:iam::{ACCOUNT_B}:role/RoleB"));
    let role_b = Role::new(ACCOUNT_B, "RoleB")
        .trusts(format!("arn:aws:iam::{ACCOUNT_A}:role/RoleA"))
        .external_id(EXTERNAL_ID)
        .max_session(Duration::from_secs(12 * 3_600))
        .allows("codecommit:GitPull", format!("arn:*:codecommit:*:{ACCOUNT_B}:app"));
    SandboxBuilder::new().role(role_a).role(role_b).instance_role("RoleA").repository_account(ACCOUNT_B).profile(
        "b",
        [
            ("region", "{region}"),
            ("external_id", EXTERNAL_ID),
            ("credential_source", "Ec2InstanceMetadata"),
            ("role_arn", "{role:RoleB}"),
        ],
    )
}
