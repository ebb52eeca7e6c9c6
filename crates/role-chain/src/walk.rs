use std::time::{Duration, Instant, SystemTime};

use crate::chain::RoleChain;
use crate::error::Error;
use crate::serve::For;

/// One step of a chain, as [`RoleChain::walk`] found it.
#[derive(Clone, Debug)]
pub struct Step {
    label: String,
    target: Option<String>,
    principal: Option<String>,
    elapsed: Duration,
    expiry: Option<SystemTime>,
    error: Option<Error>,
}

impl Step {
    /// The step's name: `IMDS`, `profile "b"`, `hop 1 of 2`, …
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The ARN of the role that the step leads to; `None` for the base.
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// The ARN of who the caller is after this step.
    pub fn principal(&self) -> Option<&str> {
        self.principal.as_deref()
    }

    /// How long the step took.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// When the step's credentials expire, if they do.
    pub fn expiry(&self) -> Option<SystemTime> {
        self.expiry
    }

    /// Why the step failed, if it did. A step that failed is the last of its walk.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// Whether the step holds.
    pub fn is_ok(&self) -> bool {
        self.error.is_none()
    }
}

impl RoleChain {
    /// Takes the chain step by step, and says of each who it makes of the caller and how long it took, up to the first that fails.
    ///
    /// The steps fill the same memory that [`credentials`](Self::credentials) serves from: after a walk that holds, no role is assumed again.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), role_chain::Error> {
    /// let chain = role_chain::RoleChain::from_profile("b").build()?;
    /// for step in chain.walk().await {
    ///     match step.error() {
    ///         None => println!("{}: {}", step.label(), step.principal().unwrap_or("unknown")),
    ///         Some(error) => println!("{error}\n{}", error.help()),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn walk(&self) -> Vec<Step> {
        self.walk_with(|_| ()).await
    }

    /// As [`walk`](Self::walk), and shows each step as soon as it is done.
    pub async fn walk_with(&self, mut show: impl FnMut(&Step)) -> Vec<Step> {
        let mut steps = Vec::new();
        for level in 0..=self.core.plan.hops.len() {
            let step = self.step(level).await;
            show(&step);
            let holds = step.is_ok();
            steps.push(step);
            if !holds {
                break;
            }
        }
        steps
    }

    async fn step(&self, level: usize) -> Step {
        let core = &self.core;
        let started = Instant::now();
        let outcome = core.lease(level, Duration::ZERO, For::NextHop).await;
        let mut step = Step {
            label: core.plan.step(level),
            target: level.checked_sub(1).map(|index| core.plan.hops[index].role.to_string()),
            principal: None,
            elapsed: started.elapsed(),
            expiry: None,
            error: None,
        };
        match outcome {
            Ok(lease) => {
                step.expiry = lease.expiry();
                match core.principal(level, &lease).await {
                    Ok(principal) => step.principal = Some(principal),
                    // With hops to come, they will tell more; a base that stands alone is judged by its keys being accepted.
                    Err(error) if level == core.plan.hops.len() => step.error = Some(error),
                    Err(error) => {
                        tracing::debug!(%error, "STS does not tell who the base is");
                        step.principal = core.principal_by_imds(level).await;
                    }
                }
            }
            Err(error) => step.error = Some(error),
        }
        step
    }
}
