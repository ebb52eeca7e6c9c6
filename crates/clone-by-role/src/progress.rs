//! What happens meanwhile, and how to stop it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A moment of a running clone.
///
/// Counts only grow within a phase, and the last event of a phase has its final counts. Between the first and the last,
/// events of one phase come at most every 50 ms.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The chain is asked for credentials and the login is signed.
    LoggingIn,
    /// The server is asked for its refs.
    Connecting,
    /// A line that the server sent for people to read, without its control characters.
    Remote(String),
    /// Objects arrive.
    Receiving {
        /// Objects that have come.
        objects: u64,
        /// Objects that will come.
        total: u64,
        /// Bytes of the pack that have come.
        bytes: u64,
    },
    /// Deltas are resolved and the pack is indexed.
    Resolving {
        /// Deltas done.
        deltas: u64,
        /// Deltas in all.
        total: u64,
    },
    /// Files are written.
    CheckingOut {
        /// Files done.
        files: u64,
        /// Files in all.
        total: u64,
    },
}

/// Stops a clone from elsewhere. Clones of a token stop the same clone.
#[derive(Clone, Default)]
pub struct CancelToken(Arc<Cancellation>);

#[derive(Default)]
struct Cancellation {
    flag: AtomicBool,
    /// What to do at once, such as to break connections that a thread waits for.
    reaction: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl CancelToken {
    /// A token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the clone to stop. It ends with [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled), and leaves nothing.
    pub fn cancel(&self) {
        self.0.flag.store(true, Ordering::Relaxed);
        if let Some(react) = self.0.reaction().take() {
            react();
        }
    }

    /// Whether [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.flag.load(Ordering::Relaxed)
    }

    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.0.flag
    }

    /// Has `react` called when the token is cancelled, until the guard is dropped; at once where it is already.
    pub(crate) fn on_cancel(&self, react: impl FnOnce() + Send + 'static) -> OnCancel {
        *self.0.reaction() = Some(Box::new(react));
        if self.is_cancelled() {
            self.cancel();
        }
        OnCancel(self.clone())
    }
}

impl Cancellation {
    fn reaction(&self) -> MutexGuard<'_, Option<Box<dyn FnOnce() + Send>>> {
        self.reaction.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CancelToken({})", if self.is_cancelled() { "cancelled" } else { "waiting" })
    }
}

/// See [`CancelToken::on_cancel`].
pub(crate) struct OnCancel(CancelToken);

impl Drop for OnCancel {
    fn drop(&mut self) {
        self.0.0.reaction().take();
    }
}

pub(crate) type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// Where engines report what they do. Cheap to clone and to call often: it passes events on at a bounded rate.
#[derive(Clone)]
pub struct Progress(Arc<Shared>);

struct Shared {
    observer: Option<Observer>,
    cancel: CancelToken,
    started: Instant,
    /// Milliseconds after `started` before which no further event of a phase is due.
    next: AtomicU64,
    order: Mutex<()>,
}

const INTERVAL: Duration = Duration::from_millis(50);

impl Progress {
    pub(crate) fn new(observer: Option<Observer>, cancel: CancelToken) -> Self {
        Self(Arc::new(Shared {
            observer,
            cancel,
            started: Instant::now(),
            next: AtomicU64::new(0),
            order: Mutex::new(()),
        }))
    }

    /// Whether the caller asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancel.is_cancelled()
    }

    /// The flag behind [`is_cancelled`](Self::is_cancelled), for libraries that want to look at it themselves.
    pub fn cancel_flag(&self) -> &AtomicBool {
        self.0.cancel.flag()
    }

    /// Reports something that happens once. It is always passed on.
    pub fn report(&self, event: Event) {
        self.emit(&event);
    }

    /// Objects that have come, of how many, and the bytes so far.
    pub fn receiving(&self, objects: u64, total: u64, bytes: u64) {
        self.count(objects == total, || Event::Receiving { objects, total, bytes });
    }

    /// Deltas that are resolved, of how many.
    pub fn resolving(&self, deltas: u64, total: u64) {
        self.count(deltas == total, || Event::Resolving { deltas, total });
    }

    /// Files that are written, of how many.
    pub fn checking_out(&self, files: u64, total: u64) {
        self.count(files == total, || Event::CheckingOut { files, total });
    }

    /// Text that the server sent on the progress channel. Each whole line becomes an [`Event::Remote`].
    pub fn remote(&self, text: &[u8]) {
        if self.0.observer.is_none() {
            return;
        }
        for line in text.split(|&byte| byte == b'\n' || byte == b'\r') {
            let line: String = String::from_utf8_lossy(line).chars().filter(|c| !c.is_control()).collect();
            if !line.trim().is_empty() {
                self.emit(&Event::Remote(line.trim_end().to_owned()));
            }
        }
    }

    fn count(&self, last: bool, event: impl FnOnce() -> Event) {
        if self.0.observer.is_none() {
            return;
        }
        let now = self.0.started.elapsed().as_millis() as u64;
        let due = self.0.next.load(Ordering::Relaxed);
        if last || now >= due {
            self.0.next.store(now + INTERVAL.as_millis() as u64, Ordering::Relaxed);
            self.emit(&event());
        }
    }

    fn emit(&self, event: &Event) {
        if let Some(observer) = &self.0.observer {
            let _one_at_a_time = self.0.order.lock().unwrap_or_else(PoisonError::into_inner);
            observer(event);
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("observed", &self.0.observer.is_some())
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}
