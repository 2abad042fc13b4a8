//! Settles rows whose lease is still held: writes how they ended, and what follows from that.

use super::database::Sqlite;
use super::put::Woken;
use super::statements::{Statements, column};
use super::unindexed::Place;
use crate::clock::millis;
use crate::store::{
    Again, Claimed, Closing, Due, Effect, Queue, RowState, Settlement, SettlementStep, StoreError, Urgency, lane_id,
};

impl Sqlite {
    /// Settles rows in order. Gives for each whether its lease was still held.
    pub fn settle<'a>(
        &mut self,
        settlements: impl Iterator<Item = &'a Settlement>,
        due: &mut Due,
    ) -> Result<Vec<bool>, StoreError> {
        let mut results = Vec::new();
        for settlement in settlements {
            let is_held = self.free_lane(settlement, due)?;
            if is_held {
                self.settle_row(settlement, due)?;
            }
            results.push(is_held);
        }
        Ok(results)
    }

    /// Frees the lane for its next row, now or after a pause. `false` if the lease was lost.
    fn free_lane(&mut self, Settlement { row, step }: &Settlement, due: &mut Due) -> Result<bool, StoreError> {
        let steady = self.clock.steady_ms();
        let (closes, pause, mark) = match step {
            SettlementStep::Close { closing, .. } => (true, 0, closing.mark.as_deref()),
            SettlementStep::Again(again) => (false, millis(again.after), None),
            SettlementStep::Move { .. } => (false, 0, None),
        };
        // A row that closes leaves its lane idle if it was the last one.
        let due_at = if closes && !self.has_other(place(row))? { None } else { Some(steady + pause) };
        let sql = "UPDATE lane SET leased = 0, mark = coalesce(?5, mark), pause = ?4, due_at = ?3
             WHERE id = ?1 AND fence = ?2 AND leased > 0
             RETURNING queue";
        let freed = self.connection.first(sql, (row.lane, row.fence, due_at, pause, mark), column)?;
        let Some(queue): Option<i64> = freed else { return Ok(false) };
        if due_at.is_some() {
            due.mark(Queue::of(queue));
        }
        Ok(true)
    }

    fn settle_row(&mut self, settlement: &Settlement, due: &mut Due) -> Result<(), StoreError> {
        let Settlement { row, step } = settlement;
        due.approvals |= settlement.touches_approvals();
        match step {
            SettlementStep::Close { state, closing } => {
                self.close_row(row, *state, closing)?;
                for effect in &closing.effects {
                    self.have_effect(row, effect)?;
                }
                self.put(closing.entries.iter(), due).map(drop)
            }
            SettlementStep::Again(again) => self.leave_open(row, again),
            SettlementStep::Move { queue, lane, body, urgency } => self.move_row(row, (*queue, *urgency), lane, body),
        }
    }

    fn close_row(&mut self, row: &Claimed, state: RowState, closing: &Closing) -> Result<(), StoreError> {
        let Closing { verdict, subject, label, note, answers, receipt, .. } = closing;
        let receipt = receipt.as_ref();
        let sql = "UPDATE ledger SET state = ?2, attempts = attempts + 1, settled_at = ?3, verdict = ?4,
                 subject = coalesce(?5, subject), label = coalesce(?6, label), note = ?7,
                 answers = coalesce(?8, answers), sent_as = ?9, without_card = ?10, without_thread = ?11
             WHERE seq = ?1";
        let values = (
            row.seq,
            state as i64,
            self.clock.wall_ms(),
            verdict.word(),
            subject,
            label,
            note,
            answers,
            receipt.map(|receipt| &receipt.message),
            receipt.and_then(|receipt| receipt.without_card.as_ref()),
            receipt.and_then(|receipt| receipt.without_thread.as_ref()),
        );
        self.run(sql, values)?;
        self.note_closed(place(row))?;
        if state == RowState::Done && row.has_file {
            self.drop_file(row.seq)?;
        }
        Ok(())
    }

    fn have_effect(&mut self, row: &Claimed, effect: &Effect) -> Result<(), StoreError> {
        match effect {
            Effect::Use { card, until, action } => self.spend(*card, *until, action.as_deref()),
            Effect::Ask(conversation) => self.ask(conversation),
            Effect::Shown { room, person, event, at, message } => self.note_shown(room, person, *event, *at, message),
            Effect::End { room, person, event } => self.end_question(room, person, *event, row.id),
            Effect::Thread { key, root, shows } => self.keep_thread(row, key, root.as_deref(), shows.as_ref()),
            Effect::HookState { key, state } => self.keep_hook_state(row.seq, key, state),
            Effect::Edited(letter) => self.count_edit(*letter),
            Effect::Approval(step) => self.approve(row.id, step),
            Effect::Silence { hook, since } => self.note_silence(hook, *since),
        }
    }

    /// Notes why a row stays open. A row that is put back unchanged is not written.
    fn leave_open(&mut self, row: &Claimed, again: &Again) -> Result<(), StoreError> {
        let Again { spent, uncertain, note, .. } = again;
        if !(*spent || *uncertain || note.is_some()) {
            return Ok(());
        }
        let sql = "UPDATE ledger SET attempts = attempts + ?2, begun = begun AND NOT ?2,
                 uncertain = max(uncertain, ?3), failing_at = coalesce(failing_at, ?4), note = coalesce(?5, note),
                 doubt_from = iif(?3 AND NOT uncertain, ?6, doubt_from), doubt_at = iif(?3, ?7, doubt_at)
             WHERE seq = ?1";
        let steady = self.clock.steady_ms();
        self.run(sql, (row.seq, spent, uncertain, steady, note, row.claimed.1, row.ended_at())).map(drop)
    }

    /// Moves a row into another lane. The next claim of the old lane does not find it.
    fn move_row(
        &mut self,
        row: &Claimed,
        (queue, urgency): (Queue, Urgency),
        lane: &str,
        body: &str,
    ) -> Result<(), StoreError> {
        let (from, lane) = (place(row), lane_id(queue, lane));
        let sql = "UPDATE ledger SET lane = ?2, body = ?3 WHERE seq = ?1 AND state = 0";
        if self.run(sql, (row.seq, lane, body))? > 0 {
            self.note_moved(from, Place { lane, ..from }, queue.number())?;
        }
        self.wake(&Woken::from([(lane, (queue, urgency))]))
    }
}

fn place(row: &Claimed) -> Place {
    Place { lane: row.lane, happened_at: row.happened_at, seq: row.seq }
}
