//! Progress in an application's own UI, with a way to stop.
//!
//! The events of a clone go through a channel to the task that draws, so that a slow screen never holds the clone up;
//! Ctrl-C cancels, and then nothing is left behind.
//!
//! ```text
//! custom_progress REMOTE DESTINATION
//! ```

use std::env;
use std::error::Error;

use clone_by_role::{CancelToken, CloneRequest, Event, Gitoxide, RoleChain};
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [remote, destination] = &words[..] else {
        return Err("usage: custom_progress REMOTE DESTINATION".into());
    };

    let (events, mut inbox) = mpsc::unbounded_channel();
    let screen = tokio::spawn(async move {
        let mut phase = "";
        while let Some(event) = inbox.recv().await {
            let (name, share) = describe(&event);
            if name != phase || share == 1.0 {
                println!("{name:<16} [{:<20}]", "#".repeat((share * 20.0) as usize));
                phase = name;
            }
        }
    });

    let stop = CancelToken::new();
    let on_ctrl_c = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            on_ctrl_c.cancel();
        }
    });

    let mut request = CloneRequest::new(remote, destination)
        .credentials(RoleChain::from_env().build()?)
        .cancel_with(stop)
        .on_event(move |event| {
            let _ = events.send(event.clone()); // the screen may be gone: that does not stop the clone
        });
    if let Ok(endpoint) = env::var("CODE_COMMIT_ENDPOINT") {
        request = request.endpoint(endpoint); // a proxy in front of CodeCommit, or the sandbox
    }
    let outcome = request.run(Gitoxide::default()).await?;
    screen.await?; // the sender went with the request, so the channel has ended
    println!("done: {}", outcome.commit());
    Ok(())
}

/// What to call an event, and how much of its phase is done.
fn describe(event: &Event) -> (&'static str, f64) {
    let share = |done: u64, total: u64| if total == 0 { 1.0 } else { done as f64 / total as f64 };
    match event {
        Event::LoggingIn => ("logging in", 0.0),
        Event::Connecting => ("connecting", 0.0),
        Event::Receiving { objects, total, .. } => ("receiving", share(*objects, *total)),
        Event::Resolving { deltas, total } => ("resolving deltas", share(*deltas, *total)),
        Event::CheckingOut { files, total } => ("writing files", share(*files, *total)),
        _ => ("working", 0.0), // events of later versions
    }
}
