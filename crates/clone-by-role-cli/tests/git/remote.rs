//! `git-remote-codecommit`: names, errors, and what of the user's git stays out of it.

use std::fs;

use codecommit_sandbox::{Effect, Fault, Service, Step};

use crate::support::{Desk, gits};

const COMMAND: &str = env!("CARGO_BIN_EXE_git-remote-codecommit");

#[test]
fn every_form_of_a_name_is_taken() {
    let desk = Desk::new(|sandbox| sandbox).configure("");
    let url = desk.sandbox.repository_url("app");
    for name in [
        "codecommit::ap-northeast-1://b@app",
        "codecommit::ap-northeast-1://app",
        "codecommit::ap-northeast-1://b@app/",
        "codecommit://b@app",
        "codecommit://app",
        "codecommit::codecommit://b@app",
        "codecommit::https://git-codecommit.ap-northeast-1.amazonaws.com/v1/repos/app",
        "codecommit::arn:aws:codecommit:ap-northeast-1:222222222222:app",
        &format!("codecommit::{url}"),
    ] {
        let output = desk.git(&["ls-remote", name, "HEAD"]).env("AWS_PROFILE", "b").output().unwrap();
        let listed = String::from_utf8(output.stdout).unwrap();
        assert!(listed.ends_with("\tHEAD\n"), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    // A region that is in no name and no variable is the profile's.
    let mut command = desk.git(&["ls-remote", "codecommit://b@app", "HEAD"]);
    assert!(command.env_remove("AWS_REGION").env_remove("AWS_DEFAULT_REGION").output().unwrap().status.success());
}

#[test]
fn a_name_that_is_none_says_why() {
    let desk = Desk::new(|sandbox| sandbox).configure("");
    for (name, said) in [
        ("codecommit::ap-northeast-1://a b", "`a b` is not a repository"),
        ("codecommit::ap-northeast-1://app.git", "leave the .git"),
        ("codecommit::Tokyo://app", "is not a region"),
        ("codecommit::ap-northeast-1://none@app", "profile \"none\": there is no such profile"),
        ("codecommit://none@app", "profile \"none\": there is no such profile"),
        (
            "codecommit::https://git-codecommit.us-east-1.amazonaws.com.evil.test/v1/repos/app",
            "is not a CodeCommit host",
        ),
        ("codecommit::https://user:pass@127.0.0.1/v1/repos/app", "holds no user name or password"),
        ("codecommit::ssh://git-codecommit.us-east-1.amazonaws.com/v1/repos/app", "its HTTPS form is https://"),
        ("codecommit::app", "is not the name of a CodeCommit repository"),
    ] {
        let complaint = desk.bad(&["ls-remote", name]);
        assert!(complaint.contains(said), "{name}: {complaint}");
        assert!(!complaint.contains("Username for") && !complaint.contains("pass@"), "{complaint}");
    }
    let codecommit: Vec<_> = desk.sandbox.requests();
    assert!(codecommit.iter().all(|request| request.service() != Service::CodeCommit || !request.has_authorization()));

    let mut bare = desk.command(COMMAND);
    let output = bare.args(["origin", "codecommit://app"]).env_remove("AWS_REGION").env_remove("AWS_DEFAULT_REGION");
    let output = output.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("no region is known for the repository app"), "{said}");
    for arguments in [&[][..], &["origin"], &["origin", "a", "b"]] {
        assert_eq!(desk.command(COMMAND).args(arguments).output().unwrap().status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_hop_at_fault_is_named_and_nobody_else_is_asked() {
    for git in gits() {
        let fault = Fault::new(
            Step::AssumeRole,
            Effect::AwsError {
                status: 403,
                code: "AccessDenied".into(),
                message: "User is not authorized to perform: sts:AssumeRole".into(),
            },
        );
        let desk = Desk::new(|sandbox| sandbox.fault(fault.clone()))
            .with_git(&git)
            .configure("[credential]\n\thelper = !touch asked; :\n");
        let complaint = desk.bad(&["clone", "codecommit::ap-northeast-1://b@app", "app"]);
        assert!(complaint.contains("hop 1 of 1: STS does not let "), "{complaint}");
        assert!(!desk.path("asked").exists() && !desk.path("app").exists());
        assert!(!complaint.contains("Username for"), "{complaint}");
    }
}

#[test]
fn no_helper_prompt_or_redirect_of_the_users_is_followed() {
    for git in gits() {
        let desk = Desk::new(|sandbox| sandbox).with_git(&git);
        let endpoint = desk.sandbox.codecommit_endpoint();
        let askpass = desk.path("askpass");
        fs::write(&askpass, "#!/bin/sh\ntouch prompted\necho x\n").unwrap();
        let spy = "helper = !f() { cat >> asked; touch asked; echo username=wrong; echo password=wrong; }; f\n";
        let settings = format!(
            "[core]\n\taskPass = sh {}\n[http]\n\tfollowRedirects = true\n[credential]\n\tusername = someone\n\t{spy}[credential \"{endpoint}\"]\n\t{spy}\
             [credential \"{}\"]\n\t{spy}\tuseHttpPath = false\n",
            askpass.display(),
            desk.sandbox.repository_url("app"),
        );
        let desk = desk.configure(&settings);
        let name = "codecommit::ap-northeast-1://b@app";
        desk.good(&["clone", "-q", name, "app"]);
        desk.good(&["-C", "app", "push", "-q", "origin", "HEAD:refs/heads/new"]);
        for file in ["asked", "app/asked", "prompted", "app/prompted"] {
            assert!(!desk.path(file).exists(), "{file}");
        }

        let elsewhere = format!("{}{{path}}", desk.sandbox.elsewhere_endpoint());
        desk.sandbox.set_fault(Fault::new(Step::FetchRefs, Effect::Redirect { status: 302, location: elsewhere }));
        desk.sandbox.clear_requests();
        desk.bad(&["ls-remote", name]);
        let requests = desk.sandbox.requests();
        assert!(requests.iter().all(|request| request.step() != Step::Elsewhere), "{requests:?}");
        assert!(!desk.path("asked").exists() && !desk.path("prompted").exists());
    }
}
