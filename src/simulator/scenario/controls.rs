//! What tests and demonstrations can set: faults, limits, quirks, the clock, and how webhooks and sockets behave.

use jiff::SignedDuration;
use tokio::sync::watch;

use super::cloud::Cloud;
use super::fault::Fault;
use super::limit::RateLimit;
use crate::simulator::delivery::manner::Deliveries;
use crate::simulator::watch::journal::Happening;
use crate::simulator::world::quirks::Quirks;
use crate::simulator::world::things::{Scan, SocketOrder, Sockets};

impl Cloud {
    /// Adds a fault.
    pub fn fault(&self, fault: Fault) {
        self.inner.faults.add(fault);
        self.tell_controls();
    }

    /// Removes all faults that were not used up. Calls that are stalled stay stalled.
    pub fn clear_faults(&self) {
        self.inner.faults.clear();
        self.tell_controls();
    }

    /// Changes when the user of the page clears all faults, so that a bot in the same program can end the pauses that a
    /// fault asked for.
    pub fn mended(&self) -> watch::Receiver<u64> {
        self.inner.mended.subscribe()
    }

    /// Lets the stalled calls go on, and removes the faults that would stall more.
    pub fn release(&self) {
        self.inner.faults.release();
        self.tell_controls();
    }

    /// Answers 404 to the first `reads` reads of each message and each click, as when REST lags behind the webhook.
    pub fn hide_from_first_reads(&self, reads: usize) {
        self.inner.faults.hide(reads);
        self.tell_controls();
    }

    /// Sets the result of the malware scan for each file that is posted from now on.
    pub fn scan_files(&self, scan: Scan) {
        self.world().scan = scan;
        self.tell_controls();
    }

    /// Sets the cloud's clock wrong. A positive offset is ahead of this machine's clock.
    pub fn set_clock_offset(&self, offset: SignedDuration) {
        self.world().clock.offset = offset;
        self.tell_controls();
    }

    /// Changes how webhooks are delivered from now on.
    pub fn deliveries(&self, change: impl FnOnce(&mut Deliveries)) {
        self.live.courier.manner.send_modify(change);
        self.tell_controls();
    }

    /// Holds deliveries back until [`Cloud::resume_deliveries`].
    pub fn hold_deliveries(&self) {
        self.deliveries(|manner| manner.held = true);
    }

    /// Delivers what was held back, and from now on delivers at once.
    pub fn resume_deliveries(&self) {
        self.deliveries(|manner| manner.held = false);
    }

    /// Sets how many calls each token may make from now on. Calls of a [`Person`](super::person::Person) are not
    /// counted.
    pub fn rate_limit(&self, limit: RateLimit) {
        self.inner.limiter.set(limit);
        self.tell_controls();
    }

    /// Changes the [`Quirks`] from now on.
    pub fn quirks(&self, change: impl FnOnce(&mut Quirks)) {
        change(&mut self.world().quirks);
        self.tell_controls();
    }

    /// Changes how sockets behave from now on.
    pub fn sockets(&self, change: impl FnOnce(&mut Sockets)) {
        change(&mut self.world().mercury.manner);
        self.tell_controls();
    }

    /// Breaks every socket without closing it, as a pulled cable does.
    pub fn drop_sockets(&self) {
        self.world().mercury.order(&SocketOrder::Drop);
    }

    /// Closes every socket with this code and reason.
    pub fn close_sockets(&self, code: u16, reason: &str) {
        self.world().mercury.order(&SocketOrder::Close(code, reason.to_owned()));
    }

    /// Sends a text over every socket, whatever it contains. No acknowledgement is expected.
    pub fn send_on_sockets(&self, text: &str) {
        self.world().mercury.order(&SocketOrder::Send(text.to_owned()));
    }

    /// Removes a device, as Webex does after a time. Its socket is closed, and opening a new one is answered 404. False
    /// if there is no such device.
    pub fn forget_device(&self, id: &str) -> bool {
        self.world().mercury.forget(id)
    }

    /// Tells the watchers that a control has changed.
    pub(crate) fn tell_controls(&self) {
        self.live.journal.tell(Happening::State);
    }
}
