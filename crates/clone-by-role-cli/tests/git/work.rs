//! What people do with git, each through both commands, by every git of this machine, over both of the server's protocols.

use std::fs;

use codecommit_sandbox::{Protocol, Step};

use crate::support::{Desk, gits};

/// How the login comes.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// By an HTTPS URL and the credential helper.
    Credential,
    /// By a name that calls the remote helper.
    Remote,
}

impl Way {
    fn url(self, desk: &Desk, name: &str) -> String {
        match self {
            Way::Credential => desk.sandbox.repository_url(name),
            Way::Remote => format!("codecommit::ap-northeast-1://b@{name}"),
        }
    }
}

fn each(work: impl Fn(&Desk, Way)) {
    for git in gits() {
        for protocol in [Protocol::CodeCommit, Protocol::Modern] {
            for way in [Way::Credential, Way::Remote] {
                let desk = Desk::new(|sandbox| sandbox.protocol(protocol)).with_git(&git);
                let desk = match way {
                    Way::Credential => desk.with_helper("--profile b"),
                    // A helper that would give a wrong login, and tell that it was asked.
                    Way::Remote => desk.configure("[credential]\n\thelper = !touch asked; echo password=wrong; :\n"),
                };
                work(&desk, way);
                assert!(!desk.path("asked").exists(), "{way:?}: another helper was asked");
                let requests = desk.sandbox.requests();
                assert!(requests.iter().all(|request| request.status() != Some(403)), "{way:?}: {requests:?}");
            }
        }
    }
}

#[test]
fn clone_fetch_push_and_list() {
    each(|desk, way| {
        let url = way.url(desk, "app");
        desk.good(&["clone", "-q", &url, "one"]);
        desk.good(&["clone", "-q", &url, "two"]);
        assert_eq!(fs::read_to_string(desk.path("one/file")).unwrap(), "app 3\n");
        assert_eq!(desk.good(&["-C", "one", "config", "remote.origin.url"]), url);

        // More than a megabyte, so that git sends it in chunks.
        let noise: Vec<u8> = (0..1_500_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        fs::write(desk.path("one/noise"), noise).unwrap();
        desk.good(&["-C", "one", "add", "."]);
        desk.good(&["-C", "one", "commit", "-q", "-m", "Noise"]);
        desk.good(&["-C", "one", "push", "-q", "origin", "HEAD", "HEAD:refs/heads/topic"]);
        let head = desk.good(&["-C", "one", "rev-parse", "HEAD"]);
        let listed = desk.good(&["ls-remote", &url, "refs/heads/*"]);
        assert_eq!(listed, format!("{head}\trefs/heads/main\n{head}\trefs/heads/topic"));

        desk.good(&["-C", "two", "pull", "-q", "--ff-only"]);
        assert_eq!(desk.good(&["-C", "two", "rev-parse", "HEAD"]), head);
        assert_eq!(desk.good(&["-C", "two", "fsck", "--full", "--no-progress"]), "");
        assert_eq!(desk.sandbox.hosts_with_authorization().len(), 2, "STS and CodeCommit");
    });
}

#[test]
fn shallow_clones_deepen() {
    each(|desk, way| {
        desk.good(&["clone", "-q", "--depth=1", &way.url(desk, "app"), "shallow"]);
        assert_eq!(desk.good(&["-C", "shallow", "rev-list", "--count", "HEAD"]), "1");
        desk.good(&["-C", "shallow", "fetch", "-q", "--depth=2"]);
        assert_eq!(desk.good(&["-C", "shallow", "rev-list", "--count", "HEAD"]), "2");
        desk.good(&["-C", "shallow", "fetch", "-q", "--unshallow"]);
        assert_eq!(desk.good(&["-C", "shallow", "rev-list", "--count", "HEAD"]), "3");
    });
}

#[test]
fn submodules_come_along() {
    each(|desk, way| {
        desk.good(&["clone", "-q", &way.url(desk, "app"), "app"]);
        // git calls remote helpers for submodules only where it is told to.
        let allow = ["-c", "protocol.codecommit.allow=always"];
        let with = |arguments: &[&str]| desk.good(&[&allow[..], arguments].concat());
        with(&["-C", "app", "submodule", "--quiet", "add", &way.url(desk, "lib"), "lib"]);
        with(&["-C", "app", "commit", "-q", "-m", "Add lib"]);
        with(&["-C", "app", "push", "-q"]);
        with(&["clone", "-q", "--recurse-submodules", &way.url(desk, "app"), "whole"]);
        assert_eq!(fs::read_to_string(desk.path("whole/lib/file")).unwrap(), "lib 3\n");
        let paths: Vec<_> = desk.sandbox.requests().iter().map(|request| request.path().to_owned()).collect();
        assert!(paths.iter().any(|path| path.starts_with("/v1/repos/lib/")), "{paths:?}");
    });
}

#[test]
fn the_first_request_carries_the_login_where_git_can() {
    for git in gits() {
        let desk = Desk::new(|sandbox| sandbox).with_git(&git).configure("");
        desk.good(&["clone", "-q", "codecommit::ap-northeast-1://b@app", "app"]);
        let requests = desk.sandbox.requests();
        let first = requests.iter().find(|request| request.step() == Step::FetchRefs).unwrap();
        let version = desk.good(&["--version"]);
        let minor: u32 = version.split('.').nth(1).unwrap().parse().unwrap();
        assert_eq!(first.has_authorization(), minor >= 46, "{version}");
        assert_eq!(desk.sandbox.count(Step::AssumeRole), 1);
    }
}
