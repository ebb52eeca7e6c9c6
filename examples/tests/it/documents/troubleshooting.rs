//! `docs/TROUBLESHOOTING.md`: it has every kind, and the sentences that the commands print.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use clone_by_role::{CancelToken, CloneRequest, Gitoxide, Limits, RoleChain, Timeouts};
use codecommit_sandbox::{Effect, Fault, Sandbox, Step};

use super::workspace;
use crate::support::{World, built, text};

const APP: &str = "codecommit::ap-northeast-1://app";

/// The sentences below one `##`, by kind.
fn sentences(part: &str) -> BTreeMap<String, String> {
    let document = fs::read_to_string(workspace().join("docs/TROUBLESHOOTING.md")).unwrap();
    let part = document.split("\n## ").find(|text| text.starts_with(part)).unwrap();
    part.split("\n### ")
        .skip(1)
        .map(|section| {
            let kind = section.split('`').nth(1).unwrap().to_owned();
            let sentence = section.lines().find_map(|line| line.strip_prefix("> "));
            (kind.clone(), sentence.unwrap_or_else(|| panic!("{kind} has no sentence")).to_owned())
        })
        .collect()
}

/// The kinds of a crate, as its `ErrorKind::as_str` has them.
fn kinds(source: &str) -> Vec<String> {
    let text = fs::read_to_string(workspace().join(source)).unwrap();
    let names = text.split("impl ErrorKind").nth(1).unwrap().split("\n}\n").next().unwrap();
    let mut kinds: Vec<_> = names.lines().filter_map(|line| line.split("=> \"").nth(1)).collect::<Vec<_>>();
    kinds.sort_unstable();
    kinds.iter().map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[test]
fn every_kind_has_a_section() {
    for (part, source) in [
        ("Kinds of a clone", "crates/clone-by-role/src/error.rs"),
        ("Kinds of a chain", "crates/role-chain/src/error_kind.rs"),
    ] {
        let kinds = kinds(source);
        assert!(kinds.len() >= 15, "{source}: {kinds:?}");
        assert_eq!(sentences(part).into_keys().collect::<Vec<_>>(), kinds, "docs/TROUBLESHOOTING.md, {part}");
    }
}

/// Whether a line is that of the document, in which `…` stands for anything.
fn fits(line: &str, sentence: &str) -> bool {
    let mut parts = sentence.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap()) else { return false };
    let mut last = "";
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = part;
    }
    rest.is_empty() || last.is_empty() && sentence.ends_with('…')
}

#[test]
fn dots_stand_for_anything() {
    assert!(fits("error: a b c", "error: …") && fits("error: a b c", "error: … b …") && fits("x", "x"));
    assert!(!fits("error: a b c", "error: … d …") && !fits("error: a b c", "error: … b") && !fits("xy", "x"));
}

fn holds(sentences: &BTreeMap<String, String>, kind: &str, output: &Output) {
    let said = text(&output.stderr);
    let line = said.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{kind}: {output:?}"));
    assert!(fits(line, &sentences[kind]), "{kind}: it prints\n{line}\nand the document says\n{}", sentences[kind]);
}

fn clone(world: &World, arguments: &[&str]) -> Output {
    world.command_at(&built("clone-by-role")).arg("clone").args(arguments).output().unwrap()
}

fn kind_of(output: &Output) -> String {
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    said["error"]["kind"].as_str().unwrap().to_owned()
}

#[test]
fn a_clones_sentences_are_the_commands() {
    let sentences = sentences("Kinds of a clone");
    let world = World::new();
    hostile(&world);
    let elsewhere = format!("{}{{path}}", world.sandbox.elsewhere_endpoint());
    let at_refs = |effect| Some(Fault::new(Step::FetchRefs, effect));
    let profile: &[&str] = &["--profile", "b"];
    let wrong_id: &[&str] = &["--role-arn", "arn:aws:iam::222222222222:role/RoleB", "--external-id", "wrong"];
    let cases: [(&str, &[&str], Option<Fault>, &str); 15] = [
        ("invalid_request", &["--profile", "b", "--depth", "0"], None, "x"),
        ("destination_exists", profile, None, "."),
        ("io", profile, None, "/proc/clone-by-role/x"),
        ("credentials", wrong_id, None, "x"),
        ("denied", profile, at_refs(Effect::Status(403)), "x"),
        ("repository_not_found", profile, at_refs(Effect::Status(404)), "x"),
        ("revision_not_found", &["--profile", "b", "--rev", "v9"], None, "x"),
        ("throttled", profile, at_refs(Effect::Throttle), "x"),
        ("server", profile, at_refs(Effect::Status(503)), "x"),
        ("network", profile, at_refs(Effect::RefuseConnections), "x"),
        ("tls", profile, at_refs(Effect::UntrustedCertificate), "x"),
        ("redirect", profile, at_refs(Effect::Redirect { status: 302, location: elsewhere }), "x"),
        ("protocol", profile, at_refs(Effect::Body("hello".into())), "x"),
        ("corrupt", profile, Some(Fault::new(Step::Fetch, Effect::FlipPackBit(40))), "x"),
        ("hostile_tree", &["--profile", "b", "--branch", "hostile"], None, "x"),
    ];
    fs::write(world.path("here"), "not empty").unwrap();
    for (kind, flags, fault, destination) in cases {
        if let Some(fault) = fault {
            world.sandbox.set_fault(fault);
        }
        let arguments = [flags, &[APP, destination]].concat();
        holds(&sentences, kind, &clone(&world, &arguments));
        assert_eq!(kind_of(&clone(&world, &[&arguments[..], &["--json"]].concat())), kind);
        world.sandbox.clear_faults();
    }
}

/// A branch with a tree that stock git would not have made.
fn hostile(world: &World) {
    let blob = world.git(&["rev-parse", "HEAD:version"]);
    let raw: Vec<u8> = (0..20).map(|at| u8::from_str_radix(&blob[2 * at..2 * at + 2], 16).unwrap()).collect();
    let path = world.path("tree");
    fs::write(&path, [b"100644 ..\0", &raw[..]].concat()).unwrap();
    let tree = world.git(&["hash-object", "-t", "tree", "--literally", "-w", path.to_str().unwrap()]);
    let commit = world.git(&["commit-tree", "-m", "Hostile", &tree]);
    world.git(&["update-ref", "refs/heads/hostile", &commit]);
    fs::remove_file(path).unwrap();
}

#[test]
fn a_librarys_sentences_are_the_documents() {
    let sentences = sentences("Kinds of a clone");
    let world = World::new();
    let request = |destination: &str| {
        let chain = RoleChain::from_profile("b").environment(world.sandbox.env()).build().unwrap();
        CloneRequest::new(APP, world.path(destination))
            .credentials(chain)
            .endpoint(world.sandbox.codecommit_endpoint())
            .ca_bundle(world.sandbox.ca_bundle())
    };
    let token = CancelToken::new();
    token.cancel();
    let cancelled = request("cancelled").cancel_with(token).run_blocking(Gitoxide::default()).unwrap_err();
    world.sandbox.set_fault(Fault::new(Step::FetchRefs, Effect::Stall));
    let mut limits = Timeouts::default();
    limits.stall = Duration::from_millis(200);
    let stalled = request("stalled").timeouts(limits).run_blocking(Gitoxide::default()).unwrap_err();
    world.sandbox.clear_faults();
    let mut small = Limits::default();
    small.entries = 3;
    let large = request("large").limits(small).run_blocking(Gitoxide::default()).unwrap_err();
    for error in [cancelled, stalled, large] {
        let (line, sentence) = (format!("error: {error}"), &sentences[error.kind().as_str()]);
        assert!(fits(&line, sentence), "it says\n{line}\nand the document\n{sentence}");
    }
}

#[test]
fn a_chains_sentences_are_the_commands() {
    let sentences = sentences("Kinds of a chain");
    let world = World::new();
    let ask = |sandbox: &Sandbox, arguments: &[&str]| {
        let mut command = world.command_at(&built("clone-by-role"));
        command.arg("credentials").args(arguments).envs(sandbox.env()).env("AWS_MAX_ATTEMPTS", "1").output().unwrap()
    };
    let at_sts = |effect| Fault::new(Step::AssumeRole, effect);
    let aws = |status, code: &str| {
        at_sts(Effect::AwsError { status, code: code.into(), message: "as the document has it".into() })
    };
    let profile: &[&str] = &["--profile", "b"];
    let cases: [(&str, &[&str], Option<Fault>); 14] = [
        ("invalid_argument", &["--role-arn", "RoleB"], None),
        ("invalid_profile", &["--profile", "nobody"], None),
        ("imds_answer", profile, Some(Fault::new(Step::ImdsCredentials, Effect::Body("hello".into())))),
        ("imds_unreachable", profile, Some(Fault::new(Step::ImdsToken, Effect::RefuseConnections))),
        ("access_denied", profile, Some(aws(403, "AccessDenied"))),
        ("invalid_credentials", profile, Some(aws(403, "InvalidClientTokenId"))),
        ("expired_credentials", profile, Some(aws(403, "ExpiredToken"))),
        ("throttled", profile, Some(at_sts(Effect::Throttle))),
        ("signature_refused", profile, Some(aws(403, "SignatureDoesNotMatch"))),
        ("refused", profile, Some(aws(400, "ValidationError"))),
        ("sts_unreachable", profile, Some(at_sts(Effect::RefuseConnections))),
        ("untrusted", profile, Some(at_sts(Effect::UntrustedCertificate))),
        ("sts_answer", profile, Some(at_sts(Effect::Body("hello".into())))),
        ("imds_disabled", profile, None),
    ];
    for (kind, arguments, fault) in cases {
        world.sandbox.set_imds_enabled(kind != "imds_disabled");
        if let Some(fault) = fault {
            world.sandbox.set_fault(fault);
        }
        holds(&sentences, kind, &ask(&world.sandbox, arguments));
        world.sandbox.clear_faults();
    }
    let ahead = Sandbox::scenario().clock_offset(7_200).start().unwrap();
    ahead.set_fault(aws(403, "SignatureDoesNotMatch"));
    holds(&sentences, "clock_skew", &ask(&ahead, profile));
    let bare = Sandbox::builder().start().unwrap();
    let output = ask(&bare, &["--role-arn", "arn:aws:iam::222222222222:role/RoleB"]);
    holds(&sentences, "no_instance_profile", &output);
}

#[test]
fn a_deployments_sentences_are_the_commands() {
    let sentences = sentences("Kinds of a deployment");
    let world = World::new();
    let deploy = |arguments: &[&str]| {
        world.run("deploy", &[arguments, &["--root", "site", "--health-wait", "0", "--health-tries", "1"]].concat())
    };
    let run = |flags: &[&str]| deploy(&[&["run", "--profile", "b", APP], flags].concat());
    holds(&sentences, "no_release", &deploy(&["rollback"]));
    holds(&sentences, "health", &run(&["--health", "false"]));
    holds(&sentences, "refused", &run(&[]));
    holds(&sentences, "check", &run(&["--force", "--check", "false"]));
    assert!(run(&["--force"]).status.success());
    let lock = fs::File::open(world.path("site/lock")).unwrap();
    lock.lock().unwrap();
    holds(&sentences, "locked", &run(&[]));
    drop(lock);
    fs::write(world.path("site/state.json"), "{").unwrap();
    holds(&sentences, "state", &run(&[]));
    assert_eq!(sentences.len(), 6);
    assert!(Path::new(&world.path("site/current")).exists());
}
