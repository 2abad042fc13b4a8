//! Bounds the memory for bodies that are being read and worked on, over all hooks together. A sender that only signs is
//! a stranger until its body is there, so nothing else bounds what strangers can make us hold.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes of all bodies that are held.
pub(super) struct InFlight {
    most: usize,
    held: AtomicUsize,
}

/// The bytes that are held of one body. Dropping it frees them.
pub(super) struct Held<'a> {
    all: &'a InFlight,
    bytes: usize,
}

impl InFlight {
    pub(super) fn new(most: usize) -> InFlight {
        InFlight { most, held: AtomicUsize::new(0) }
    }

    /// Begins to hold a body of about so many bytes, none of which has come. None if there is no room for it now.
    ///
    /// Only bytes that came are counted, so that nobody can take the room with a promise.
    pub(super) fn begin(&self, expected: usize) -> Option<Held<'_>> {
        let held = self.held.load(Ordering::Relaxed);
        (held.saturating_add(expected) <= self.most).then_some(Held { all: self, bytes: 0 })
    }
}

impl Held<'_> {
    /// Counts bytes that came. `false` if there is no room for them.
    pub(super) fn add(&mut self, bytes: usize) -> bool {
        let add = |held: usize| held.checked_add(bytes).filter(|held| *held <= self.all.most);
        let is_added = self.all.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok();
        self.bytes += if is_added { bytes } else { 0 };
        is_added
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.all.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_takes_room_until_it_is_dropped() {
        let all = InFlight::new(100);
        let (mut first, mut second) = (all.begin(60).unwrap(), all.begin(60).unwrap());
        assert!(first.add(60) && second.add(40) && !second.add(1) && !first.add(usize::MAX));
        assert!(all.begin(1).is_none() && all.begin(0).is_some());
        drop(first);
        assert!(second.add(60) && all.begin(1).is_none());
        drop(second);
        assert!(all.begin(100).is_some() && all.begin(101).is_none());
    }
}
