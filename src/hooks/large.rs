//! Works on large bodies where that holds up nobody.

use bytes::Bytes;

/// From this many bytes on a body counts as large. Checking and reading it takes about a millisecond.
const LARGE: usize = 256 * 1024;

/// Whether a body is large.
pub(super) fn is_large(body: &Bytes) -> bool {
    body.len() >= LARGE
}

/// Does this on a thread of its own. None if the program ends meanwhile.
pub(super) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => None,
        },
    }
}
