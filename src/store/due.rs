//! What a batch makes due.

use super::entry::Queue;

/// What may have become due by a batch.
#[derive(Default)]
pub(super) struct Due {
    inbox: bool,
    outbox: bool,
    /// Whether a request for approval may have begun or ended.
    pub(super) approvals: bool,
}

impl Due {
    pub(super) fn all() -> Due {
        Due { approvals: true, ..Due::queues() }
    }

    /// The rows of both queues.
    pub(super) fn queues() -> Due {
        Due { inbox: true, outbox: true, approvals: false }
    }

    pub(super) fn mark(&mut self, queue: Queue) {
        match queue {
            Queue::Inbox => self.inbox = true,
            Queue::Outbox => self.outbox = true,
        }
    }

    /// Whether a row of this queue may be due.
    pub(super) fn has(&self, queue: Queue) -> bool {
        match queue {
            Queue::Inbox => self.inbox,
            Queue::Outbox => self.outbox,
        }
    }
}
