//! Progress for people, in git's words.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::Event;

/// Prints events to standard error as git does: one line a phase, rewritten in place on a terminal; elsewhere only the
/// last state of each phase.
///
/// ```no_run
/// # use clone_by_role::{CloneRequest, ProgressPrinter};
/// let printer = ProgressPrinter::stderr();
/// let request = CloneRequest::new("https://example.com/app", "app").on_event(move |event| printer.show(event));
/// ```
#[derive(Debug)]
pub struct ProgressPrinter {
    terminal: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Width of the unfinished line on the terminal.
    width: usize,
    /// When the first byte of the pack came.
    receiving: Option<Instant>,
}

impl ProgressPrinter {
    /// A printer on standard error.
    pub fn stderr() -> Self {
        Self { terminal: io::stderr().is_terminal(), state: Mutex::default() }
    }

    /// Prints one event. What cannot be printed is dropped.
    pub fn show(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (line, last) = match event {
            Event::Receiving { objects, total, bytes } => {
                let started = *state.receiving.get_or_insert_with(Instant::now);
                let seconds = started.elapsed().as_secs_f64();
                let rate = if seconds > 0.05 {
                    format!(" | {}/s", Bytes((*bytes as f64 / seconds) as u64))
                } else {
                    String::new()
                };
                (format!("Receiving objects: {}, {}{rate}", Share(*objects, *total), Bytes(*bytes)), objects == total)
            }
            Event::Resolving { deltas, total } => {
                (format!("Resolving deltas: {}", Share(*deltas, *total)), deltas == total)
            }
            Event::CheckingOut { files, total } => {
                (format!("Updating files: {}", Share(*files, *total)), files == total)
            }
            Event::Remote(text) => (format!("remote: {text}"), true),
            Event::LoggingIn | Event::Connecting => return,
        };
        let done = if last && !matches!(event, Event::Remote(_)) { ", done." } else { "" };
        let mut err = io::stderr().lock();
        if self.terminal {
            let padding = state.width.saturating_sub(line.len() + done.len());
            let _ = write!(err, "\r{line}{done}{:padding$}{}", "", if last { "\n" } else { "" });
            state.width = if last { 0 } else { line.len() };
            let _ = err.flush();
        } else if last {
            let _ = writeln!(err, "{line}{done}");
        }
    }
}

/// `100% (5/5)`.
struct Share(u64, u64);

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = (self.0 * 100).checked_div(self.1).unwrap_or(100);
        write!(f, "{percent:3}% ({}/{})", self.0, self.1)
    }
}

/// A size as git prints it: binary units with two decimals.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as f64;
        match self.0 {
            0..=1023 => write!(f, "{} bytes", self.0),
            1024..=1_048_575 => write!(f, "{:.2} KiB", bytes / 1024.0),
            1_048_576..=1_073_741_823 => write!(f, "{:.2} MiB", bytes / 1_048_576.0),
            _ => write!(f, "{:.2} GiB", bytes / 1_073_741_824.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_git() {
        assert_eq!(Share(18494, 18494).to_string(), "100% (18494/18494)");
        assert_eq!(Share(1, 3).to_string(), " 33% (1/3)");
        assert_eq!(Share(0, 0).to_string(), "100% (0/0)");
        let sizes = [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.00 KiB"),
            (21_265_121, "20.28 MiB"),
            (1 << 31, "2.00 GiB"),
        ];
        for (bytes, words) in sizes {
            assert_eq!(Bytes(bytes).to_string(), words);
        }
    }
}
