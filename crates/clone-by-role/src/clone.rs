//! The steps of a clone, one after the other.

use std::time::Instant;

use crate::engine::{Checkout, Context, Engine};
use crate::http::GitHttp;
use crate::layout;
use crate::progress::{Event, Progress};
use crate::request::{CloneRequest, Plan};
use crate::selection::{Selection, Target};
use crate::staging::Staging;
use crate::{Error, ErrorKind, ObjectId, Outcome, Result, Step, packs};

/// Clones, on a thread that may block.
pub(crate) fn clone(request: CloneRequest, engine: &dyn Engine) -> Result<Outcome> {
    let started = Instant::now();
    let plan = request.plan()?;
    let progress = Progress::new(plan.observer.clone(), plan.cancel.clone());
    let http =
        GitHttp::new(&plan.url, plan.authenticate.clone(), plan.ca_bundle(), plan.timeouts, plan.cancel.clone())?;
    let context = Context::new(http, progress, plan.limits);
    let staging = Staging::new(&plan.destination)?;
    let made = {
        let _shutdown = plan.cancel.on_cancel(context.http.shutdown());
        fill(&plan, &context, &staging, engine)
    };
    let mut outcome = made.map_err(|error| reported(&context, error))?;
    if context.progress.is_cancelled() {
        return Err(Error::cancelled(Step::Publish));
    }
    staging.publish()?;
    outcome.path = plan.destination;
    outcome.elapsed = started.elapsed();
    Ok(outcome)
}

/// Makes the staged tree a finished clone.
fn fill(plan: &Plan, context: &Context, staging: &Staging, engine: &dyn Engine) -> Result<Outcome> {
    let tree = staging.tree();
    let bare = plan.wish.bare;
    let git_dir = if bare { tree.clone() } else { tree.join(".git") };
    let written = |error| Error::io(Step::Stage, "the repository's files cannot be written", error);
    layout::init(&git_dir, bare).map_err(written)?;

    context.progress.report(Event::Connecting);
    let mut selection = None;
    let received = engine.fetch(context, &git_dir, &mut |server| {
        let chosen = Selection::new(&plan.wish, server)?;
        let want = chosen.want(plan.wish.depth);
        selection = Some(chosen);
        Ok(want)
    })?;
    let selection = selection
        .ok_or_else(|| Error::new(ErrorKind::Protocol, Step::Connect, "the engine did not show the server's refs"))?;

    let mut packs = packs::Packs::open(&git_dir).map_err(written)?;
    if let Some(commit) = selection.head.commit()
        && !packs.contains(commit)
    {
        return Err(missing(&plan.wish.target, commit));
    }
    let came: Vec<_> = selection.follow_tags().iter().filter(|tag| packs.contains(tag.id)).cloned().collect();
    layout::write(&git_dir, &selection, &came, &plan.shown_url, bare).map_err(written)?;

    let mut files = 0;
    if let (Some(commit), false) = (selection.head.commit(), bare) {
        files = engine.checkout(context, &Checkout { git_dir: &git_dir, worktree: &tree, commit })?.files;
    }
    Ok(Outcome {
        path: tree,
        commit: selection.head.commit().unwrap_or(ObjectId::from_bytes([0; 20])),
        branch: selection.head.branch().map(str::to_owned),
        backend: engine.name(),
        objects: received.objects,
        bytes: received.bytes,
        files,
        elapsed: Default::default(),
    })
}

/// What it means that a commit did not come: the caller named one that is not there, or the server sent less than it listed.
fn missing(target: &Target, commit: ObjectId) -> Error {
    if let Target::Commit(_) = target {
        let message = format!("the repository has no commit {commit}");
        return Error::new(ErrorKind::RevisionNotFound, Step::Fetch, message)
            .with_help("no branch or tag leads to it: check its digits, and that it was pushed");
    }
    let message = format!("the server sent a pack without the commit {commit}, which it lists");
    Error::new(ErrorKind::Corrupt, Step::Fetch, message).with_help("run git fsck on the server's repository")
}

/// The error to report: the connection's own, where a library under the engine flattened it to text.
fn reported(context: &Context, error: Error) -> Error {
    if context.progress.is_cancelled() {
        return Error::cancelled(error.step());
    }
    let vague = matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Corrupt | ErrorKind::Network | ErrorKind::Io);
    match context.http.take_failure() {
        Some(failure) if vague => failure,
        _ => error,
    }
}
