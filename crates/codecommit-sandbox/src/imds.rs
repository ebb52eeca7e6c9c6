//! The instance metadata service, version 2 only.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html>

use std::{collections::HashMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use hyper::{
    HeaderMap, Method,
    header::{HeaderName, SERVER},
    http::request::Parts,
};
use serde_json::json;

use crate::{
    Role, Step,
    clock::Timestamp,
    server::Reply,
    session::{Session, random, unique_id},
    world::World,
};

const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
const TOKEN_TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const LONGEST_TOKEN_TTL: i64 = 21_600;
const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/";

/// The machine that the metadata is about.
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) account: String,
    /// False where the metadata service is turned off: all is 403 then.
    pub(crate) enabled: bool,
    /// The ARN of the role in the instance profile.
    pub(crate) role: Option<String>,
    /// How long the role's credentials are good for: about six hours on real instances.
    pub(crate) session_duration: Duration,
    /// The role's current credentials.
    pub(crate) session: Option<Session>,
    pub(crate) tokens: HashMap<String, Timestamp>,
}

pub(crate) fn step(request: &Parts) -> Step {
    match request.uri.path() {
        "/latest/api/token" => Step::ImdsToken,
        path if path.trim_end_matches('/') == CREDENTIALS.trim_end_matches('/') => Step::ImdsRole,
        path if path.starts_with(CREDENTIALS) => Step::ImdsCredentials,
        _ => Step::ImdsOther,
    }
}

pub(crate) fn answer(world: &World, now: Timestamp, step: Step, request: &Parts) -> Reply {
    let mut instance = world.instance();
    let reply = if !instance.enabled {
        page(403, "Forbidden").reason("the metadata service is turned off")
    } else if step == Step::ImdsToken {
        token(&mut instance, now, request)
    } else if request.method != Method::GET {
        page(405, "Method Not Allowed")
    } else {
        match check_token(&instance, now, &request.headers) {
            Ok(()) => document(world, &mut instance, now, step, request.uri.path()),
            Err(reason) => page(401, "Unauthorized").reason(reason),
        }
    };
    reply.header(SERVER, "EC2ws")
}

fn token(instance: &mut Instance, now: Timestamp, request: &Parts) -> Reply {
    if request.method != Method::PUT {
        return page(405, "Method Not Allowed");
    }
    if request.headers.contains_key("x-forwarded-for") {
        return page(403, "Forbidden").reason("the request came through a proxy");
    }
    let ttl = request.headers.get(&TOKEN_TTL).and_then(|ttl| ttl.to_str().ok()?.parse::<i64>().ok());
    match ttl {
        Some(ttl) if (1..=LONGEST_TOKEN_TTL).contains(&ttl) => {
            let token = URL_SAFE.encode(random::<40>());
            instance.tokens.insert(token.clone(), now.plus(ttl));
            Reply::new(200, "text/plain", token).header(TOKEN_TTL, &ttl.to_string())
        }
        _ => page(400, "Bad Request").reason("the token's TTL must be 1 to 21600 seconds"),
    }
}

fn check_token(instance: &Instance, now: Timestamp, headers: &HeaderMap) -> Result<(), &'static str> {
    let token = headers.get(&TOKEN).and_then(|token| token.to_str().ok()).ok_or("there is no token")?;
    match instance.tokens.get(token) {
        Some(end) if *end > now => Ok(()),
        Some(_) => Err("the token has expired"),
        None => Err("the token is unknown"),
    }
}

fn document(world: &World, instance: &mut Instance, now: Timestamp, step: Step, path: &str) -> Reply {
    let role = instance.role.as_ref().and_then(|arn| world.role_by_arn(arn));
    let no_profile = || page(404, "Not Found").reason("the instance has no instance profile");
    match (step, role) {
        (Step::ImdsRole | Step::ImdsCredentials, None) => no_profile(),
        (Step::ImdsRole, Some(role)) => text(role.name),
        (Step::ImdsCredentials, Some(role)) if path == format!("{CREDENTIALS}{}", role.name) => {
            text(credentials(world, instance, now, &role))
        }
        (_, role) => match other(world, instance, now, role.as_ref(), path) {
            Some(document) => text(document),
            None => page(404, "Not Found"),
        },
    }
}

fn credentials(world: &World, instance: &mut Instance, now: Timestamp, role: &Role) -> String {
    let trusted = role.trust.iter().any(|trust| trust.principals.iter().any(|p| p.starts_with("ec2.amazonaws.com")));
    if !trusted {
        let message = format!(
            "EC2 cannot assume the role {}. Please see documentation at \
            https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc.",
            role.name
        );
        return pretty(&json!({
            "Code": "AssumeRoleUnauthorizedAccess", "Message": message, "LastUpdated": now.iso(),
        }));
    }
    // New ones are there at least five minutes before the old ones end.
    let lead = (instance.session_duration.as_secs() as i64 / 2).min(300);
    let current = instance.session.take().filter(|session| {
        let lasts = session.expires.is_some_and(|end| end > now.plus(lead));
        lasts && session.principal == role.arn(world.partition)
    });
    let session =
        current.unwrap_or_else(|| world.open_session(role, &instance.id, now, instance.session_duration, |_| {}));
    let document = json!({
        "Code": "Success",
        "LastUpdated": now.iso(),
        "Type": "AWS-HMAC",
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "Token": session.token,
        "Expiration": session.expires.map(Timestamp::iso),
    });
    instance.session = Some(session);
    pretty(&document)
}

fn other(world: &World, instance: &Instance, now: Timestamp, role: Option<&Role>, path: &str) -> Option<String> {
    let region = &world.region;
    let zone = format!("{region}a");
    Some(match path.trim_end_matches('/') {
        "/latest" => "dynamic\nmeta-data\nuser-data".to_owned(),
        "/latest/meta-data" => {
            let profile = if role.is_some() { "iam/\n" } else { "" };
            format!("hostname\n{profile}instance-id\ninstance-type\nlocal-ipv4\nplacement/\nservices/")
        }
        "/latest/meta-data/instance-id" => instance.id.clone(),
        "/latest/meta-data/instance-type" => "t3.micro".to_owned(),
        "/latest/meta-data/hostname" => format!("ip-10-0-0-10.{region}.compute.internal"),
        "/latest/meta-data/local-ipv4" => "10.0.0.10".to_owned(),
        "/latest/meta-data/placement" => "availability-zone\nregion".to_owned(),
        "/latest/meta-data/placement/availability-zone" => zone,
        "/latest/meta-data/placement/region" => region.clone(),
        "/latest/meta-data/services" => "domain\npartition".to_owned(),
        "/latest/meta-data/services/domain" => crate::region::dns_suffix(region).to_owned(),
        "/latest/meta-data/services/partition" => world.partition.to_owned(),
        "/latest/meta-data/iam" if role.is_some() => "info\nsecurity-credentials/".to_owned(),
        "/latest/meta-data/iam/info" => {
            let role = role?;
            let arn = format!("arn:{}:iam::{}:instance-profile/{}", world.partition, role.account, role.name);
            pretty(&json!({
                "Code": "Success",
                "LastUpdated": now.iso(),
                "InstanceProfileArn": arn,
                "InstanceProfileId": unique_id("AIPA", &arn),
            }))
        }
        "/latest/dynamic" => "instance-identity/".to_owned(),
        "/latest/dynamic/instance-identity" => "document".to_owned(),
        "/latest/dynamic/instance-identity/document" => pretty(&json!({
            "accountId": instance.account,
            "architecture": "x86_64",
            "availabilityZone": zone,
            "billingProducts": null,
            "devpayProductCodes": null,
            "marketplaceProductCodes": null,
            "imageId": "ami-0123456789abcdef0",
            "instanceId": instance.id,
            "instanceType": "t3.micro",
            "kernelId": null,
            "pendingTime": "2025-01-01T00:00:00Z",
            "privateIp": "10.0.0.10",
            "ramdiskId": null,
            "region": region,
            "version": "2017-09-30",
        })),
        _ => return None,
    })
}

fn pretty(document: &serde_json::Value) -> String {
    format!("{document:#}")
}

fn text(body: String) -> Reply {
    Reply::new(200, "text/plain", body)
}

fn page(status: u16, title: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<html xmlns=\"http://www.w3.org/1999/xhtml\">\n \
         <head>\n  <title>{status} - {title}</title>\n </head>\n <body>\n  <h1>{status} - {title}</h1>\n </body>\n</html>\n"
    );
    Reply::new(status, "text/html", body)
}
