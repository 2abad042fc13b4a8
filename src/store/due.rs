//! What a batch makes due, and which tasks that wakes.

use tokio::sync::Notify;

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
        Due { inbox: true, outbox: true, approvals: true }
    }

    pub(super) fn mark(&mut self, queue: Queue) {
        match queue {
            Queue::Inbox => self.inbox = true,
            Queue::Outbox => self.outbox = true,
        }
    }
}

/// The tasks of this process that wait for rows.
#[derive(Default)]
pub(super) struct Wakers {
    inbox: Notify,
    outbox: Notify,
    /// The task that ends requests for approval.
    pub(super) approvals: Notify,
}

impl Wakers {
    pub(super) fn of(&self, queue: Queue) -> &Notify {
        match queue {
            Queue::Inbox => &self.inbox,
            Queue::Outbox => &self.outbox,
        }
    }

    pub(super) fn wake(&self, due: &Due) {
        for (is_due, waker) in [(due.inbox, &self.inbox), (due.outbox, &self.outbox), (due.approvals, &self.approvals)]
        {
            if is_due {
                waker.notify_one();
            }
        }
    }
}
