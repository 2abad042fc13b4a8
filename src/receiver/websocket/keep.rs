//! Opens one socket after the other, while this daemon answers and until it stops.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::end::SocketEnd;
use super::session::Session;
use super::{Socket, Websocket};
use crate::clock;
use crate::webex::Device;

/// How long a stop waits for Webex to delete the device.
const LONGEST_FAREWELL: Duration = Duration::from_secs(3);

/// The device of the next socket.
enum Plan {
    /// The one with our name, if there is one.
    Find,
    /// This one, since its socket has worked.
    Keep(Device),
    /// A new one in place of this one, whose socket has not worked.
    Replace(Device),
}

impl Websocket {
    /// Keeps a socket open until `stop`, and then deletes the device.
    pub async fn run(self, stop: CancellationToken) {
        let mut plan = Plan::Find;
        let mut backoff = Backoff::new(self.settings.backoff_max);
        let mut is_theirs = false;
        while let Some(end) = stop.run_until_cancelled(self.attempt_at_the_gate(&mut plan, &mut backoff)).await {
            let Some(end) = end else {
                // Both daemons use one device name. The device is now the other's.
                (is_theirs, plan) = (true, Plan::Find);
                let why = "another daemon answers for this bot".to_owned();
                self.line.send_modify(|line| line.socket = Socket::Down { since: clock::wall(), why });
                continue;
            };
            is_theirs = end.is_replacement();
            let course = end.course(&self.settings.device);
            let pause = if course.is_slow { backoff.longest() } else { backoff.next() }.max(course.asked);
            self.is_down(course, pause);
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                break;
            }
            is_theirs = false;
        }
        match plan {
            Plan::Keep(device) | Plan::Replace(device) if !is_theirs => self.farewell(&device).await,
            // The other daemon, which took over, uses the device.
            Plan::Keep(_) | Plan::Replace(_) | Plan::Find => {}
        }
    }

    /// Runs one socket while this daemon answers. `None` if another daemon took over.
    async fn attempt_at_the_gate(&self, plan: &mut Plan, backoff: &mut Backoff) -> Option<SocketEnd> {
        self.gate.open().await;
        tokio::select! {
            end = self.attempt(plan, backoff) => Some(end),
            () = self.gate.shut() => None,
        }
    }

    /// Opens one socket and runs it to its end.
    async fn attempt(&self, plan: &mut Plan, backoff: &mut Backoff) -> SocketEnd {
        let device = match plan {
            Plan::Find => self.mercury.device().await,
            Plan::Keep(device) => Ok(device.clone()),
            Plan::Replace(device) => self.mercury.replace(device).await,
        };
        let device = match device {
            Ok(device) => device,
            Err(error) => return SocketEnd::Refused(error),
        };
        // A device is kept only if its socket works: Webex may have forgotten it.
        *plan = Plan::Replace(device.clone());
        let (end, has_worked) = match self.mercury.connect(&device).await {
            Ok(socket) => Session::new(self, socket).run(backoff).await,
            Err(error) => (SocketEnd::Refused(error), false),
        };
        if end.leaves_device(has_worked) {
            *plan = Plan::Keep(device);
        }
        end
    }

    async fn farewell(&self, device: &Device) {
        let deleting = tokio::time::timeout(LONGEST_FAREWELL, self.mercury.delete(device));
        let problem = match deleting.await {
            Ok(Ok(())) => return tracing::debug!("the device of the websocket was deleted"),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        tracing::warn!(problem, "the device of the websocket stays at Webex; the next start goes on with it");
    }
}
