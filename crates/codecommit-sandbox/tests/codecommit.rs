//! The git server, request by request.

mod support;

use std::{io::Write as _, time::Duration};

use aws_credential_types::Credentials;
use codecommit_sandbox::{Protocol, Role, Sandbox, Step, User};
use support::{Repository, agent, answer, clone, get, git, login, role_b};

#[tokio::test]
async fn each_refusal_has_its_status() {
    let repository = Repository::new();
    let sandbox = Sandbox::scenario()
        .repository("app", repository.path())
        .repository("hidden", repository.path())
        .repository("encrypted", repository.path())
        .repository_in("111111111111", "ap-northeast-1", "elsewhere", repository.path())
        .grant_pull("RoleB", "encrypted")
        .grant_pull("RoleB", "missing")
        .grant_pull("RoleB", "elsewhere")
        .kms_key("encrypted", "arn:aws:kms:ap-northeast-1:222222222222:key/1")
        .start()
        .unwrap();
    let keys = role_b(&sandbox).await;
    let other_secret =
        Credentials::new(keys.access_key_id(), "other", keys.session_token().map(str::to_owned), None, "test");
    let no_token = Credentials::new(keys.access_key_id(), keys.secret_access_key(), None, None, "test");
    let unknown = Credentials::new("ASIAUNKNOWN", "x", None, None, "test");
    let for_app = |keys: &Credentials, age| Some(login(&sandbox, keys, "app", age));
    for (name, authorization, status, part) in [
        ("app", for_app(&keys, 0), 200, ""),
        ("app", for_app(&keys, 14 * 60), 200, ""),
        ("app", None, 401, "no login"),
        ("app", for_app(&keys, 16 * 60), 403, "expired"),
        ("app", for_app(&keys, -10 * 60), 403, "future"),
        ("app", for_app(&other_secret, 0), 403, "signature does not match"),
        ("app", for_app(&no_token, 0), 403, "session token"),
        ("app", for_app(&unknown, 0), 403, "unknown"),
        ("app", Some("Bearer x".to_owned()), 403, "not Basic"),
        ("app", Some(login(&sandbox, &keys, "App", 0)), 403, "signature does not match"),
        ("hidden", Some(login(&sandbox, &keys, "hidden", 0)), 403, "may not codecommit:GitPull"),
        ("encrypted", Some(login(&sandbox, &keys, "encrypted", 0)), 403, "may not kms:Decrypt"),
        ("missing", Some(login(&sandbox, &keys, "missing", 0)), 404, "no repository"),
        // It exists, but in account A: RoleB's account is the one that is looked into.
        ("elsewhere", Some(login(&sandbox, &keys, "elsewhere", 0)), 404, "no repository"),
    ] {
        let answer = get(&sandbox, &sandbox.repository_url(name), authorization.as_deref());
        let reason = sandbox.requests().last().unwrap().reason().unwrap_or_default().to_owned();
        assert_eq!(answer.status, status, "{name}: {reason}");
        assert!(reason.contains(part), "{name}: {reason}");
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge.starts_with("Basic "), status == 401, "{challenge}");
        // The reason is for the tests: clients are told as little as by the real service.
        assert!(part.is_empty() || !answer.text().contains(part));
    }
}

#[tokio::test]
async fn a_login_in_the_clear_is_noted() {
    let repository = Repository::new();
    let sandbox = Sandbox::scenario().repository("app", repository.path()).start().unwrap();
    let authorization = login(&sandbox, &role_b(&sandbox).await, "app", 0);
    sandbox.clear_requests();
    let url = format!("{}/v1/repos/app", sandbox.codecommit_http_endpoint());
    assert_eq!(get(&sandbox, &url, Some(&authorization)).status, 200);
    let request = &sandbox.requests()[0];
    assert!(!request.is_tls() && request.has_authorization() && url.contains(request.host()));
}

#[tokio::test]
async fn regions_and_accounts_share_an_endpoint_and_are_kept_apart() {
    let (here, there) = (Repository::new(), Repository::new());
    git(there.path(), &["commit", "-q", "--allow-empty", "-m", "There"]);
    let sandbox = Sandbox::scenario()
        .user(User::new("333333333333", "carol").allows("codecommit:GitPull", "arn:aws:codecommit:*:333333333333:*"))
        .repository("app", here.path())
        .repository_in("333333333333", "ap-northeast-1", "app", there.path())
        .start()
        .unwrap();
    let keys = sandbox.user_keys("carol").unwrap();
    let carol = Credentials::new(keys.access_key_id, keys.secret_access_key, None, None, "test");
    let folder = tempfile::tempdir().unwrap();
    for (keys, repository) in [(role_b(&sandbox).await, &here), (carol, &there)] {
        let into = folder.path().join(repository.head());
        assert!(clone(&sandbox, "app", &login(&sandbox, &keys, "app", 0), &[], &into).status.success());
        assert_eq!(git(&into, &["rev-parse", "HEAD"]), repository.head());
    }
}

#[tokio::test]
async fn an_empty_repository_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    git(folder.path(), &["init", "-q", "--bare", "empty"]);
    for protocol in [Protocol::CodeCommit, Protocol::Modern] {
        let sandbox = Sandbox::scenario().repository("app", &empty).protocol(protocol).start().unwrap();
        let authorization = login(&sandbox, &role_b(&sandbox).await, "app", 0);
        let into = folder.path().join(format!("{protocol:?}"));
        let output = clone(&sandbox, "app", &authorization, &[], &into);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(git(&into, &["count-objects"]), "0 objects, 0 kilobytes");
    }
}

/// A client may want any reachable object by its ID, and packs its request when that is long.
#[tokio::test]
async fn objects_by_id_and_packed_requests_are_served() {
    let repository = Repository::new();
    let sandbox = Sandbox::scenario().repository("app", repository.path()).start().unwrap();
    let authorization = login(&sandbox, &role_b(&sandbox).await, "app", 0);
    let first = git(repository.path(), &["rev-parse", "HEAD~2"]);
    let ask = |body: &[u8], packed: bool| {
        let request = agent(&sandbox)
            .post(format!("{}/git-upload-pack", sandbox.repository_url("app")))
            .header("Authorization", &authorization)
            .header("Content-Type", "application/x-git-upload-pack-request");
        if !packed {
            return answer(request.send(body).unwrap());
        }
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(body).unwrap();
        answer(request.header("Content-Encoding", "gzip").send(&gzip.finish().unwrap()).unwrap())
    };
    let want = format!("want {first} thin-pack\n");
    let body = format!("{:04x}{want}00000009done\n", want.len() + 4);
    for packed in [false, true] {
        let answer = ask(body.as_bytes(), packed);
        assert_eq!(answer.header("content-type"), "application/x-git-upload-pack-result");
        assert!(answer.body.starts_with(b"0008NAK\nPACK"), "{}", answer.text());
    }
    let want = format!("want {first} ofs-delta\n");
    let body = format!("{:04x}{want}00000009done\n", want.len() + 4);
    let answer = ask(body.as_bytes(), false);
    assert!(answer.text().contains("ERR upload-pack: the client asks for \"ofs-delta\""), "{}", answer.text());
    assert_eq!(sandbox.count(Step::Fetch), 3);
}

#[tokio::test]
async fn hooks_and_settings_of_a_served_repository_do_not_run() {
    let repository = Repository::new();
    let bare = repository.path().join("bare.git");
    git(repository.path(), &["clone", "-q", "--bare", ".", "bare.git"]);
    let trace = repository.path().join("a-hook-ran");
    let hook = format!("#!/bin/sh\ntouch '{}'\n", trace.display());
    for name in ["pre-receive", "update", "post-receive"] {
        let path = bare.join("hooks").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &hook).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    git(&bare, &["config", "uploadpack.hideRefs", "refs/nothing"]);
    let sandbox = Sandbox::scenario()
        .role(
            Role::new("222222222222", "RoleB")
                .trusts("111111111111")
                .external_id(codecommit_sandbox::scenario::EXTERNAL_ID)
                .allows("codecommit:Git*", "*"),
        )
        .repository("app", &bare)
        .start()
        .unwrap();
    let authorization = login(&sandbox, &role_b(&sandbox).await, "app", 0);
    let header = format!("http.extraHeader=Authorization: {authorization}");
    git(repository.path(), &["commit", "-q", "--allow-empty", "-m", "Pushed"]);
    let url = sandbox.repository_url("app");
    let push = ["-c", &*header, "push", "-q", &url, "main"];
    let output = support::try_git(repository.path(), &push, &sandbox.env());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(git(&bare, &["rev-parse", "main"]), repository.head());
    assert!(!trace.exists());
}

/// A replayed answer is the same, and a push ends it.
#[tokio::test]
async fn answers_are_replayed_until_a_push() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.git");
    let sample = codecommit_sandbox::SampleRepository::small().create_in(&path).unwrap();
    let builder = Sandbox::scenario().repository("app", &path).grant_push("RoleB", "app").replay_answers();
    let sandbox = builder.start().unwrap();
    let authorization = login(&sandbox, &role_b(&sandbox).await, "app", 0);
    let head_of = |name: &str| {
        let into = folder.path().join(name);
        let output = clone(&sandbox, "app", &authorization, &[], &into);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        git(&into, &["fsck", "--full", "--no-progress"]);
        git(&into, &["rev-parse", "HEAD"])
    };
    assert_eq!(head_of("first"), sample.head());
    // git would notice that its objects are gone: a replayed answer does not.
    std::fs::rename(path.join("objects"), path.join("hidden")).unwrap();
    assert_eq!(head_of("second"), sample.head());
    std::fs::rename(path.join("hidden"), path.join("objects")).unwrap();

    let first = folder.path().join("first");
    git(&first, &["commit", "-q", "--allow-empty", "-m", "New"]);
    let header = format!("http.extraHeader=Authorization: {authorization}");
    let output = support::try_git(&first, &["-c", &header, "push", "-q"], &sandbox.env());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(head_of("third"), git(&first, &["rev-parse", "HEAD"]));
}

#[tokio::test]
async fn lfs_objects_come_by_links_of_another_host() {
    let repository = Repository::new();
    let content = b"a large object, so to say";
    let oid = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(content));
    let store = repository.path().join(".git/lfs/objects").join(&oid[..2]).join(&oid[2..4]);
    std::fs::create_dir_all(&store).unwrap();
    std::fs::write(store.join(&oid), content).unwrap();
    let sandbox = Sandbox::scenario().repository("app", repository.path()).lfs().start().unwrap();
    let authorization = login(&sandbox, &role_b(&sandbox).await, "app", 0);
    let absent = "0".repeat(64);
    let batch = |suffix: &str, authorization: Option<&str>| {
        let url = format!("{}{suffix}/info/lfs/objects/batch", sandbox.repository_url("app"));
        let mut request = agent(&sandbox).post(url).header("Accept", "application/vnd.git-lfs+json");
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        let objects = serde_json::json!([{ "oid": oid, "size": content.len() }, { "oid": absent, "size": 1 }]);
        let body = serde_json::json!({ "operation": "download", "transfers": ["basic"], "objects": objects });
        answer(request.send(body.to_string().as_bytes()).unwrap())
    };
    assert_eq!(batch("", None).status, 401);
    for suffix in ["", ".git"] {
        let answer = batch(suffix, Some(&authorization));
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/vnd.git-lfs+json"));
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let [found, missing] = [&answer["objects"][0], &answer["objects"][1]];
        assert_eq!(missing["error"]["code"], 404);
        let link = found["actions"]["download"]["href"].as_str().unwrap();
        assert!(link.starts_with(&sandbox.elsewhere_endpoint()), "{link}");
        let get = |link: &str| agent(&sandbox).get(link).header("x-lfs-store", "sandbox").call().unwrap();
        assert_eq!(support::answer(get(link)).body, content);
        assert_eq!(support::answer(get(&format!("{link}x"))).status, 403);
    }
    assert_eq!((sandbox.count(Step::LfsBatch), sandbox.count(Step::LfsObject)), (3, 4));
}

/// A clone of a repository larger than any buffer, by many at once.
#[tokio::test(flavor = "multi_thread")]
async fn many_clone_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.git");
    let sample = codecommit_sandbox::SampleRepository::small().create_in(&path).unwrap();
    let sandbox = Sandbox::scenario().repository("app", &path).start().unwrap();
    let authorization = login(&sandbox, &role_b(&sandbox).await, "app", 0);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let into = folder.path().join(number.to_string());
            let (sandbox, authorization, sample) = (&sandbox, &authorization, &sample);
            scope.spawn(move || {
                let output = clone(sandbox, "app", authorization, &[], &into);
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                assert_eq!(git(&into, &["rev-parse", "HEAD"]), sample.head());
            });
        }
    });
}

#[test]
fn a_sandbox_leaves_nothing_behind() {
    let sandbox = Sandbox::scenario().start().unwrap();
    let (folder, endpoint) = (sandbox.folder().to_owned(), sandbox.imds_endpoint());
    let address = endpoint.trim_start_matches("http://").to_owned();
    assert!(folder.join("ca.pem").exists() && std::net::TcpStream::connect(&address).is_ok());
    drop(sandbox);
    assert!(!folder.exists() && std::net::TcpStream::connect(&address).is_err());
}

/// Dropping is fine on a thread of an async runtime as well.
#[tokio::test]
async fn a_sandbox_lives_and_dies_within_a_runtime() {
    let sandbox = Sandbox::scenario().start().unwrap();
    sandbox.advance_clock(Duration::from_secs(1));
    drop(sandbox);
}
