//! The threads on which the code of a bot's author runs. Code that computes or blocks there holds up no receiving and no
//! sending.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

/// Fewer threads than this would be held up by a few handlers that block.
const FEWEST: usize = 4;

/// Threads for handlers. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct HandlerThreads(Handle);

impl HandlerThreads {
    /// Makes a runtime for handlers, on as many threads as there are cores.
    pub fn make() -> std::io::Result<Runtime> {
        let cores = std::thread::available_parallelism().map_or(FEWEST, usize::from);
        Builder::new_multi_thread().worker_threads(cores.max(FEWEST)).thread_name("handlers").enable_all().build()
    }

    /// Runs handlers on the threads of this runtime.
    pub fn of(runtime: &Runtime) -> HandlerThreads {
        HandlerThreads(runtime.handle().clone())
    }

    /// Runs handlers on the threads of the runtime that runs this.
    pub fn here() -> HandlerThreads {
        HandlerThreads(Handle::current())
    }

    /// Runs this to its end, or until the caller gives up.
    ///
    /// # Errors
    /// The panic of the work.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> std::thread::Result<T> {
        let running = self.0.spawn(AssertUnwindSafe(work).catch_unwind().in_current_span());
        match AbortOnDropHandle::new(running).await {
            Ok(result) => result,
            Err(error) => Err(error.try_into_panic().unwrap_or_else(|_| Box::new("its threads have ended"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_handler_that_blocks_holds_up_nobody_else() {
        let runtime = HandlerThreads::make().unwrap();
        let (telling, told) = mpsc::channel();
        let threads = HandlerThreads::of(&runtime);
        let blocked = threads.run(async move { told.recv() });
        // With a thread of its own, it waits for what is done here meanwhile.
        let (heard, ()) = tokio::join!(blocked, async { telling.send("go on").unwrap() });
        assert_eq!(heard.unwrap(), Ok("go on"));
        runtime.shutdown_background();
    }

    #[tokio::test]
    async fn a_panic_is_the_result_and_work_that_nobody_waits_for_ends() {
        let threads = HandlerThreads::here();
        let panic = threads.run(async { panic!("no") }).await.map(|(): ()| ()).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"no"));
        let (mut held, holding) = oneshot::channel::<()>();
        let waiting = threads.run(async move {
            let _held_until_it_ends = holding;
            std::future::pending::<()>().await
        });
        assert!(tokio::time::timeout(std::time::Duration::ZERO, waiting).await.is_err());
        held.closed().await;
    }
}
