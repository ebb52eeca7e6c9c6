//! One request, either engine, timed. Engines are values: nothing else changes.
//!
//! ```text
//! swap_engine REMOTE FOLDER      clones to FOLDER/gitoxide and FOLDER/libgit2
//! ```

use std::env;
use std::error::Error;
use std::path::Path;

use clone_by_role::{CloneRequest, Engine, Gitoxide, Libgit2, RoleChain};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [remote, folder] = &words[..] else {
        return Err("usage: swap_engine REMOTE FOLDER".into());
    };
    let role = RoleChain::from_env().build()?; // one chain for both: the role is assumed once

    let engines: [Box<dyn Engine>; 2] = [Box::new(Gitoxide::default()), Box::new(Libgit2::default())];
    for engine in engines {
        let mut request = CloneRequest::new(remote, Path::new(folder).join(engine.name())).credentials(role.clone());
        if let Ok(endpoint) = env::var("CODE_COMMIT_ENDPOINT") {
            request = request.endpoint(endpoint); // a proxy in front of CodeCommit, or the sandbox
        }
        let outcome = request.run(engine).await?;
        println!(
            "{:<9} {} {} objects, {} files in {} ms",
            outcome.backend(),
            outcome.commit(),
            outcome.objects(),
            outcome.files(),
            outcome.elapsed().as_millis(),
        );
    }
    Ok(())
}
