//! The course of a deployment. Whatever moment it ends at, [`recover`] carries on from there.

use std::time::{Duration, Instant};

use crate::Common;
use crate::failure::Failure;
use crate::place::{Place, Refused, Release, State, Trial};
use crate::repository::{Found, Source};
use crate::{files, shell};

/// How a command ended well.
#[derive(Debug)]
pub(crate) struct Done {
    /// `deployed`, `unchanged` or `rolled_back`.
    pub(crate) result: &'static str,
    pub(crate) release: Release,
    pub(crate) previous: Option<String>,
    pub(crate) files: u64,
    pub(crate) written: u64,
    pub(crate) received: u64,
    pub(crate) elapsed: Duration,
}

/// `deploy run`.
pub(crate) fn run(source: &Source, common: &Common, force: bool) -> Result<Done, Failure> {
    let started = Instant::now();
    let place = Place::new(&common.root)?;
    let _lock = place.lock()?;
    let mut state = recover(&place, common)?;

    let current = place.current()?;
    let live = state.releases.iter().find(|release| Some(&release.name) == current.as_ref()).cloned();
    let known = [live.as_ref().map(|live| &live.commit), state.refused.as_ref().map(|refused| &refused.commit)];
    let known = if force { Vec::new() } else { known.into_iter().flatten().cloned().collect() };
    let mut done = Done {
        result: "unchanged",
        release: Release { name: String::new(), commit: String::new() },
        previous: current.clone(),
        files: 0,
        written: 0,
        received: 0,
        elapsed: Duration::ZERO,
    };
    let fetched = match (source.fetch(&place, known, common.json)?, live) {
        (Found::Known(commit), Some(live)) if live.commit == commit => {
            return Ok(Done { release: live, elapsed: started.elapsed(), ..done });
        }
        (Found::Known(commit), _) => {
            let why = state.refused.as_ref().map_or("rollback", |refused| &refused.why);
            let message = format!("commit {commit} is not deployed again: {}", reason(why));
            return Err(Failure::new("refused", message).with_help("push a new commit, or use --force"));
        }
        (Found::Fetched(fetched), _) => fetched,
    };
    (done.release.commit, done.received) = (fetched.commit, fetched.bytes);

    done.release.name = format!("{:06}-{}", state.next, &done.release.commit[..12]);
    state.next += 1;
    place.save(&state)?;
    let folder = place.release(&done.release.name);
    let before = current.as_deref().map(|name| place.release(name));
    let made = files::make(&fetched.tree, before.as_deref(), &folder)?;
    (done.files, done.written) = (made.files, made.written);
    let kept = place.store().replace(&fetched.tree.join(".git"), &done.release.commit);
    kept.map_err(Failure::io("the objects cannot be kept for the next deployment"))?;

    if let Some(check) = &common.check
        && let Err(what) = shell::run(check, &folder, &done.release.commit, place.root(), limit(common))
    {
        state.refused = Some(Refused { commit: done.release.commit.clone(), why: "check".into() });
        place.save(&state)?;
        place.sweep(&state)?;
        return Err(Failure::new("check", format!("the check of {} failed: {what}", done.release.commit))
            .with_help("nothing was switched; what the check printed stands above"));
    }

    try_out(&place, common, &mut state, &done.release, current, None)?;
    done.result = "deployed";
    done.elapsed = started.elapsed();
    Ok(done)
}

/// `deploy rollback`.
pub(crate) fn rollback(common: &Common, to: Option<&str>) -> Result<Done, Failure> {
    let started = Instant::now();
    let place = Place::new(&common.root)?;
    let _lock = place.lock()?;
    let mut state = recover(&place, common)?;

    let current = place.current()?;
    let at = state.releases.iter().position(|release| Some(&release.name) == current.as_ref());
    let release = match to {
        Some(name) => state.releases.iter().find(|release| release.name == name),
        None => at.and_then(|at| state.releases[..at].last()),
    };
    let release = release.cloned().ok_or_else(|| {
        let wanted =
            to.map_or("there is no release before the live one".into(), |name| format!("there is no release {name}"));
        Failure::new("no_release", wanted).with_help("deploy status lists those that are kept")
    })?;
    // Otherwise a timer would deploy it again at once.
    let left = at.map(|at| &state.releases[at]).filter(|left| left.commit != release.commit);
    let refuse = left.map(|left| Refused { commit: left.commit.clone(), why: "rollback".into() });
    try_out(&place, common, &mut state, &release, current.clone(), refuse)?;
    let elapsed = started.elapsed();
    Ok(Done { result: "rolled_back", release, previous: current, files: 0, written: 0, received: 0, elapsed })
}

/// Finishes or takes back what an earlier run began.
fn recover(place: &Place, common: &Common) -> Result<State, Failure> {
    let mut state = place.state()?;
    if let Some(trial) = state.trial.clone() {
        let switched = place.current()?.as_deref() == Some(&trial.release.name);
        match (trial.back, switched) {
            // It died before the switch: nothing has happened.
            (false, false) => {
                state.trial = None;
                place.save(&state)?;
            }
            (false, true) => {
                // That the release before was brought back is no failure of this run.
                match judge(place, common, &mut state, trial) {
                    Err(failure) if failure.exit != 3 => return Err(failure),
                    _ => {}
                }
            }
            (true, _) => {
                if let Err(what) = go_back(place, common, &mut state, &trial)? {
                    eprintln!("warning: {what}");
                }
            }
        }
    }
    place.sweep(&state)?;
    // A release that somebody removed is none, be it the live one.
    state.releases.retain(|release| place.release(&release.name).is_dir());
    Ok(state)
}

/// Makes a release live and sees whether it is healthy.
fn try_out(
    place: &Place,
    common: &Common,
    state: &mut State,
    release: &Release,
    from: Option<String>,
    then_refuse: Option<Refused>,
) -> Result<(), Failure> {
    let trial = Trial { release: release.clone(), from, back: false, then_refuse };
    state.trial = Some(trial.clone());
    place.save(state)?;
    place.switch(Some(&release.name))?;
    judge(place, common, state, trial)
}

/// The release is live: keeps it, or goes back.
fn judge(place: &Place, common: &Common, state: &mut State, trial: Trial) -> Result<(), Failure> {
    let Err(what) = prove(place, common, &trial.release) else {
        if !state.releases.contains(&trial.release) {
            state.releases.push(trial.release);
        }
        state.refused = trial.then_refuse;
        state.trial = None;
        forget_old(place, common, state)?;
        place.save(state)?;
        return place.sweep(state);
    };
    let why = "health".to_owned();
    state.refused = Some(Refused { commit: trial.release.commit.clone(), why });
    let back = Trial { back: true, ..trial };
    state.trial = Some(back.clone());
    place.save(state)?;
    let returned = go_back(place, common, state, &back);
    place.sweep(state)?;
    let place_now = back.from.as_deref().unwrap_or("nothing, as before");
    let help = match returned? {
        Ok(()) => format!("current is back on {place_now}"),
        Err(worse) => format!("current is back on {place_now}, and to activate that failed as well: {worse}"),
    };
    Err(Failure::new("health", format!("{} is not healthy: {what}", back.release.name)).with_help(help).exit(3))
}

/// Switches to what was live before a trial. The inner result is that of the activation.
fn go_back(place: &Place, common: &Common, state: &mut State, trial: &Trial) -> Result<Result<(), String>, Failure> {
    place.switch(trial.from.as_deref())?;
    let before = state.releases.iter().find(|release| Some(&release.name) == trial.from.as_ref());
    let activated = before.map_or(Ok(()), |before| activate(place, common, before));
    state.trial = None;
    place.save(state)?;
    Ok(activated)
}

/// Activates a release and asks for its health, as often as is allowed.
fn prove(place: &Place, common: &Common, release: &Release) -> Result<(), String> {
    activate(place, common, release)?;
    let Some(health) = &common.health else { return Ok(()) };
    let mut tries = 1;
    loop {
        match shell::run(health, &place.release(&release.name), &release.commit, place.root(), limit(common)) {
            Ok(()) => return Ok(()),
            Err(what) if tries >= common.health_tries => return Err(format!("the health command failed: {what}")),
            Err(_) => std::thread::sleep(Duration::from_secs(common.health_wait)),
        }
        tries += 1;
    }
}

fn activate(place: &Place, common: &Common, release: &Release) -> Result<(), String> {
    let Some(command) = &common.activate else { return Ok(()) };
    shell::run(command, &place.release(&release.name), &release.commit, place.root(), limit(common))
        .map_err(|what| format!("the activate command failed: {what}"))
}

/// Forgets the oldest releases beyond those to keep; the live one stays, and `sweep` removes the folders.
fn forget_old(place: &Place, common: &Common, state: &mut State) -> Result<(), Failure> {
    let current = place.current()?;
    let mut surplus = state.releases.len().saturating_sub(common.keep as usize);
    state.releases.retain(|release| {
        let forget = surplus > 0 && Some(&release.name) != current.as_ref();
        surplus -= usize::from(forget);
        !forget
    });
    Ok(())
}

fn limit(common: &Common) -> Duration {
    Duration::from_secs(common.timeout)
}

fn reason(why: &str) -> &'static str {
    match why {
        "check" => "its check failed",
        "health" => "it was not healthy",
        _ => "it was rolled back",
    }
}
