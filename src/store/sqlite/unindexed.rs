//! The newest rows, which have no entries in the indexes yet. They are held in memory, and found here.
//!
//! An entry that is written at once costs a page of each index in each commit. So the entries are written in rounds,
//! sorted: many of them then share a page, and an open row that was settled before its round never gets one.

use std::collections::{BTreeSet, HashMap, VecDeque};

use uuid::Uuid;

/// A round begins once there are this many rows, so there are seldom more than twice as many, and about three
/// times if others write all the time. This bounds the memory,
/// and what is read when a ledger is opened.
pub(super) const ROUND: usize = 8192;

/// Where a row is in its lane: the row that happened first goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) lane: Uuid,
    pub(super) happened_at: i64,
    pub(super) seq: i64,
}

/// What the entries of a row are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowKeys {
    pub(super) id: Uuid,
    pub(super) queue: i64,
    pub(super) place: Place,
}

/// What a connection knows of the two indexes.
#[derive(Debug, Default)]
pub(super) struct Indexes {
    pub(super) rows: Unindexed,
    /// SQLite's number of the commits of other connections that this includes. None if it has to be read anew.
    pub(super) version: Option<i64>,
    /// The greatest id that has an entry. A greater one is not looked up. The ids of messages grow with time, so most are
    /// greater, until an id without a time, such as that of a membership, gets its entry.
    pub(super) last_id: Option<Uuid>,
    /// Whether any open row has an entry.
    pub(super) has_open: bool,
    /// How many rows were added in this transaction.
    pub(super) added: usize,
}

/// The rows that have no entries yet, and those that get them now.
#[derive(Debug, Default)]
pub(super) struct Unindexed {
    /// How many rows a round has.
    many: usize,
    /// Every row up to this one has its entries.
    up_to: i64,
    /// The rows after it, in order.
    rows: VecDeque<RowKeys>,
    ids: HashMap<Uuid, i64>,
    /// The open rows of each lane that has any, by time and number.
    open: HashMap<Uuid, BTreeSet<(i64, i64)>>,
    round: Option<Round>,
}

/// The entries that are written now, the last one first.
#[derive(Debug)]
struct Round {
    /// The last row of the round.
    up_to: i64,
    ids: Vec<(Uuid, i64)>,
    open: Vec<(Place, i64)>,
}

/// What is to be written next for a round.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Id(Uuid, i64),
    Open(Place, i64),
    /// Every row up to this one has its entries.
    Done(i64),
}

impl Unindexed {
    pub(super) fn after(up_to: i64, many: usize) -> Unindexed {
        Unindexed { up_to, many, ..Unindexed::default() }
    }

    /// Whether the row is newer than those that are found by their entries.
    pub(super) fn holds(&self, seq: i64) -> bool {
        seq > self.up_to
    }

    /// Whether the row has entries, or gets them now.
    pub(super) fn has_entries(&self, seq: i64) -> bool {
        seq <= self.round.as_ref().map_or(self.up_to, |round| round.up_to)
    }

    pub(super) fn seq_of(&self, id: Uuid) -> Option<i64> {
        self.ids.get(&id).copied()
    }

    /// How many rows there are beyond those of two rounds.
    pub(super) fn too_many(&self) -> usize {
        self.rows.len().saturating_sub(2 * self.many)
    }

    /// Adds the newest row.
    pub(super) fn add(&mut self, row: RowKeys, is_open: bool) {
        if is_open {
            self.open(row.place);
        }
        self.ids.insert(row.id, row.place.seq);
        self.rows.push_back(row);
    }

    /// Removes a row that was deleted.
    pub(super) fn forget(&mut self, seq: i64) {
        if let Ok(nth) = self.rows.binary_search_by_key(&seq, |row| row.place.seq)
            && let Some(row) = self.rows.remove(nth)
        {
            self.forget_id(&row);
            self.close(row.place);
        }
    }

    /// Removes the id of a row. Another row with it, which somebody wrote by hand, stays known.
    fn forget_id(&mut self, row: &RowKeys) {
        if self.ids.get(&row.id) == Some(&row.place.seq) {
            self.ids.remove(&row.id);
        }
    }

    pub(super) fn open(&mut self, place: Place) {
        self.open.entry(place.lane).or_default().insert((place.happened_at, place.seq));
    }

    pub(super) fn close(&mut self, place: Place) {
        if let Some(rows) = self.open.get_mut(&place.lane) {
            rows.remove(&(place.happened_at, place.seq));
            if rows.is_empty() {
                self.open.remove(&place.lane);
            }
        }
    }

    /// Moves an open row to another lane.
    pub(super) fn relocate(&mut self, from: Place, to: Place) {
        self.close(from);
        self.open(to);
        if let Ok(nth) = self.rows.binary_search_by_key(&to.seq, |row| row.place.seq) {
            self.rows[nth].place = to;
        }
    }

    fn is_open(&self, place: Place) -> bool {
        self.open.get(&place.lane).is_some_and(|rows| rows.contains(&(place.happened_at, place.seq)))
    }

    /// Whether a lane has an open row other than this one.
    pub(super) fn has_other(&self, place: Place) -> bool {
        self.open.get(&place.lane).is_some_and(|rows| rows.iter().any(|&(_, seq)| seq != place.seq))
    }

    /// The open row of a lane that goes first.
    pub(super) fn first_of(&self, lane: Uuid) -> Option<Place> {
        let &(happened_at, seq) = self.open.get(&lane)?.first()?;
        Some(Place { lane, happened_at, seq })
    }

    /// Gives the next step of the round. A round begins when there are rows enough.
    pub(super) fn step(&mut self) -> Option<Step> {
        if self.round.is_none() {
            self.round = self.begin_round();
        }
        // A row that was deleted, closed or moved since the round began gets no entry here.
        while let Some((id, seq)) = self.round.as_mut()?.ids.pop() {
            if self.ids.get(&id) == Some(&seq) {
                return Some(Step::Id(id, seq));
            }
        }
        while let Some((place, queue)) = self.round.as_mut()?.open.pop() {
            if self.is_open(place) {
                return Some(Step::Open(place, queue));
            }
        }
        self.end_round().map(Step::Done)
    }

    fn begin_round(&self) -> Option<Round> {
        let up_to = self.rows.get(self.many.checked_sub(1)?)?.place.seq;
        let rows = self.rows.iter().take(self.many);
        let mut ids: Vec<_> = rows.clone().map(|row| (row.id, row.place.seq)).collect();
        ids.sort_unstable_by(|one, other| other.cmp(one));
        let open = rows.filter(|row| self.is_open(row.place));
        let mut open: Vec<_> = open.map(|row| (row.place, row.queue)).collect();
        open.sort_unstable_by(|one, other| other.cmp(one));
        Some(Round { up_to, ids, open })
    }

    /// From now on the rows of the round are found by their entries.
    fn end_round(&mut self) -> Option<i64> {
        let Round { up_to, .. } = self.round.take()?;
        while let Some(row) = self.rows.pop_front_if(|row| row.place.seq <= up_to) {
            self.forget_id(&row);
            self.close(row.place);
        }
        self.up_to = up_to;
        Some(up_to)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::{Place, RowKeys, Step, Unindexed};

    /// What happens to the rows: one is added, or the nth of them is closed, opened, moved or deleted, or steps are made.
    #[derive(Clone, Debug)]
    enum Act {
        Add {
            lane: u128,
            happened_at: i64,
        },
        Close(usize),
        Open(usize),
        Move(usize, u128),
        Delete(usize),
        Steps(usize),
        /// The rows without entries are read anew, as after a restart.
        Reread,
    }

    fn act() -> impl Strategy<Value = Act> {
        let lane = 0_u128..3;
        prop_oneof![
            6 => (lane.clone(), 0_i64..4).prop_map(|(lane, happened_at)| Act::Add { lane, happened_at }),
            2 => any::<usize>().prop_map(Act::Close),
            1 => any::<usize>().prop_map(Act::Open),
            1 => (any::<usize>(), lane).prop_map(|(nth, lane)| Act::Move(nth, lane)),
            1 => any::<usize>().prop_map(Act::Delete),
            3 => (1_usize..6).prop_map(Act::Steps),
            1 => Just(Act::Reread),
        ]
    }

    /// A ledger, its indexes, and what is known of the rows without entries.
    struct Model {
        rows: BTreeMap<i64, (RowKeys, bool)>,
        unindexed: Unindexed,
        ids: BTreeMap<Uuid, i64>,
        open: BTreeSet<Place>,
        up_to: i64,
    }

    impl Model {
        fn nth(&self, nth: usize) -> Option<(RowKeys, bool)> {
            self.rows.values().nth(nth % self.rows.len().max(1)).copied()
        }

        fn open(&mut self, row: RowKeys) {
            if self.unindexed.holds(row.place.seq) {
                self.unindexed.open(row.place);
            }
            if self.unindexed.has_entries(row.place.seq) {
                self.open.insert(row.place);
            }
        }

        fn act(&mut self, act: &Act) {
            match *act {
                Act::Add { lane, happened_at } => {
                    let seq = self.rows.last_key_value().map_or(0, |(seq, _)| *seq) + 1;
                    let place = Place { lane: Uuid::from_u128(lane), happened_at, seq };
                    let row = RowKeys { id: Uuid::new_v4(), queue: 0, place };
                    self.rows.insert(seq, (row, true));
                    if self.unindexed.holds(seq) {
                        self.unindexed.add(row, true);
                    }
                    if self.unindexed.has_entries(seq) {
                        self.ids.insert(row.id, seq);
                        self.open.insert(place);
                    }
                }
                Act::Close(nth) | Act::Delete(nth) => {
                    let Some((row, is_open)) = self.nth(nth) else { return };
                    if is_open {
                        self.unindexed.close(row.place);
                        self.open.remove(&row.place);
                        self.rows.insert(row.place.seq, (row, false));
                    } else if matches!(act, Act::Delete(_)) {
                        self.unindexed.forget(row.place.seq);
                        self.ids.remove(&row.id);
                        self.rows.remove(&row.place.seq);
                    }
                }
                Act::Open(nth) => {
                    let Some((row, false)) = self.nth(nth) else { return };
                    self.rows.insert(row.place.seq, (row, true));
                    self.open(row);
                }
                Act::Move(nth, lane) => {
                    let Some((row, true)) = self.nth(nth) else { return };
                    let to = Place { lane: Uuid::from_u128(lane), ..row.place };
                    if self.unindexed.holds(to.seq) {
                        self.unindexed.relocate(row.place, to);
                    }
                    self.open.remove(&row.place);
                    if self.unindexed.has_entries(to.seq) {
                        self.open.insert(to);
                    }
                    self.rows.insert(to.seq, (RowKeys { place: to, ..row }, true));
                }
                Act::Reread => self.reread(),
                Act::Steps(many) => {
                    for _ in 0..many {
                        match self.unindexed.step() {
                            Some(Step::Id(id, seq)) => drop(self.ids.insert(id, seq)),
                            Some(Step::Open(place, _)) => drop(self.open.insert(place)),
                            Some(Step::Done(up_to)) => self.up_to = up_to,
                            None => {}
                        }
                    }
                }
            }
        }

        fn reread(&mut self) {
            self.unindexed = Unindexed::after(self.up_to, 4);
            for (row, is_open) in self.rows.range(self.up_to + 1..).map(|(_, row)| *row) {
                self.unindexed.add(row, is_open);
            }
        }

        fn check(&self) {
            let indexed: Vec<_> = self.open.iter().filter(|place| place.seq <= self.up_to).collect();
            let rows = self.rows.range(..=self.up_to).filter(|(_, (_, is_open))| *is_open);
            let mut expected: Vec<_> = rows.map(|(_, (row, _))| &row.place).collect();
            expected.sort();
            assert_eq!(indexed, expected, "{:?}", self.unindexed);
            for (row, _) in self.rows.values() {
                let known = self.unindexed.seq_of(row.id).is_some() || self.ids.contains_key(&row.id);
                assert!(known, "{row:?} is not found by its id: {:?}", self.unindexed);
            }
            for seq in self.ids.values().chain(self.open.iter().map(|place| &place.seq)) {
                assert!(self.rows.contains_key(seq), "{seq} was deleted: {:?}", self.unindexed);
            }
            for lane in (0..3).map(Uuid::from_u128) {
                let open = self.rows.values().filter(|(row, is_open)| *is_open && row.place.lane == lane);
                let first = open.clone().map(|(row, _)| row.place).min();
                let of_index = self.open.iter().find(|place| place.lane == lane).copied();
                let found = self.unindexed.first_of(lane).into_iter().chain(of_index).min();
                assert_eq!(found, first, "{:?}", self.unindexed);
                let other = first.is_some_and(|first| {
                    let of_index = self.open.iter().any(|place| place.lane == lane && place.seq != first.seq);
                    self.unindexed.has_other(first) || of_index
                });
                assert_eq!(other, open.count() > 1, "{:?}", self.unindexed);
            }
        }
    }

    proptest! {
        #[test]
        fn every_row_is_found_here_or_by_its_entries(acts in prop::collection::vec(act(), 1..80)) {
            let unindexed = Unindexed::after(0, 4);
            let (rows, ids, open) = Default::default();
            let mut model = Model { rows, unindexed, ids, open, up_to: 0 };
            for act in &acts {
                model.act(act);
                model.check();
            }
        }
    }
}
