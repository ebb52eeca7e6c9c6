//! Logs go to standard error, as `RUST_LOG` asks; without it there are none.

/// Starts to log, where that is asked for.
pub(crate) fn start() {
    if let Ok(filter) = tracing_subscriber::EnvFilter::try_from_default_env() {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
}
