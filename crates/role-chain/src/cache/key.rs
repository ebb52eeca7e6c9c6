//! The names of entries in this crate's own folder: whoever starts elsewhere, or asks for something else, has another entry.

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::error_kind::ErrorKind;
use crate::hop::Hop;
use crate::imds;
use crate::plan::{Base, Plan};

/// One name for each hop, made of the base, the endpoint and all hops up to it.
pub(super) fn of_hops(plan: &Plan, source_name: Option<&str>) -> Result<Vec<String>, Error> {
    let base = base(plan, source_name)?;
    let keys = (1..=plan.hops.len()).map(|count| {
        let hops: Vec<Value> = plan.hops[..count].iter().map(hop).collect();
        let whole = json!(["role-chain", 1, base, plan.network.sts_endpoint, hops]);
        hex::encode(Sha256::digest(whole.to_string().as_bytes()))
    });
    Ok(keys.collect())
}

/// Who the chain starts as, as far as that is known without asking anyone.
fn base(plan: &Plan, source_name: Option<&str>) -> Result<Value, Error> {
    Ok(match &plan.base {
        // The role is the instance's: a home folder may be shared by several.
        Base::Instance => json!(["instance", plan.network.imds_endpoint, this_host()]),
        Base::Environment(credentials) => json!(["keys", credentials.access_key_id()]),
        Base::ProfileKeys { credentials, .. } => json!(["keys", credentials.access_key_id()]),
        Base::Container(container) => json!(["container", container.endpoint, this_host()]),
        Base::WebIdentity(identity) => {
            json!(["web identity", identity.role.as_str(), identity.token_file, identity.session_name])
        }
        Base::Process { command } => json!(["process", command.unredacted()]),
        #[cfg(feature = "sso")]
        Base::Sso(sso) => json!(["sso", sso.start_url, sso.account_id, sso.role_name]),
        Base::Provider(_) => match source_name {
            Some(name) => json!(["provider", name]),
            None => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    "a disk cache cannot tell one provider's credentials from another's",
                )
                .with_help("Give the provider a name by RoleChainBuilder::source_name, one for each identity that it may give."));
            }
        },
    })
}

fn hop(hop: &Hop) -> Value {
    let tags: Vec<Value> = hop.tags.iter().map(|tag| json!([tag.key, tag.value, tag.transitive])).collect();
    json!([
        hop.role.as_str(),
        hop.external_id,
        hop.session_name,
        hop.duration.map(|duration| duration.as_secs()),
        hop.policy,
        hop.policy_arns,
        tags,
        hop.source_identity,
        hop.mfa.as_ref().map(|mfa| &mfa.serial),
    ])
}

/// What tells this host from another that mounts the same home folder: its name, and the instance's id or the installation's.
fn this_host() -> String {
    let read = |path: &str| std::fs::read_to_string(Path::new(path)).ok().map(|text| text.trim().to_owned());
    let id = read("/sys/class/dmi/id/board_asset_tag")
        .filter(|tag| tag.starts_with("i-"))
        .or_else(|| read("/etc/machine-id"))
        .unwrap_or_default();
    format!("{} {id}", imds::host_name())
}
