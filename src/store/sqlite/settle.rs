//! Settles rows whose lease is still held: writes how they ended, and what follows from that.

use std::collections::HashSet;

use sqlx::Row as _;
use uuid::Uuid;

use super::conversations::ConversationRow;
use super::database::Sqlite;
use super::values::{hex, json};
use crate::clock::millis;
use crate::store::{
    Again, Closing, Due, Effect, Queue, RowState, Settlement, SettlementStep, StoreError, Urgency, lane_id,
};

impl Sqlite {
    pub async fn settle<'a>(
        &mut self,
        settlements: impl Iterator<Item = &'a Settlement> + Clone,
        due: &mut Due,
    ) -> Result<Vec<bool>, StoreError> {
        let steady = self.clock.steady_ms();
        let lanes: Vec<_> = settlements
            .clone()
            .map(|Settlement { row, step }| {
                let (closes, pause, mark) = match step {
                    SettlementStep::Close { closing, .. } => (1, 0, &closing.mark),
                    SettlementStep::Again(again) => (0, millis(again.after), &None),
                    SettlementStep::Move { .. } => (0, 0, &None),
                };
                (hex(row.lane), row.fence, row.seq, closes, pause, mark)
            })
            .collect();
        if lanes.is_empty() {
            return Ok(Vec::new());
        }
        let sql = "UPDATE lane SET leased = 0, mark = coalesce(settled.mark, lane.mark),
                 due_at = CASE WHEN settled.closes THEN (SELECT ?2 FROM ledger
                     WHERE queue = lane.queue AND lane = lane.id AND state = 0 AND seq <> settled.seq LIMIT 1)
                     ELSE ?2 + settled.pause END, pause = settled.pause
             FROM (SELECT unhex(value->>0) AS lane, value->>1 AS fence, value->>2 AS seq, value->>3 AS closes,
                 value->>4 AS pause, value->>5 AS mark FROM json_each(?1)) AS settled
             WHERE lane.id = settled.lane AND lane.fence = settled.fence AND lane.leased > 0
             RETURNING lane.id, lane.fence, lane.queue, lane.due_at";
        let held = sqlx::query(sql).bind(json(&lanes)?).bind(steady).fetch_all(&mut self.connection).await?;
        let mut leases = HashSet::new();
        for lane in &held {
            leases.insert((lane.try_get::<Uuid, _>("id")?, lane.try_get::<i64, _>("fence")?));
            if lane.try_get::<Option<i64>, _>("due_at")?.is_some() {
                due.mark(Queue::of(lane.try_get("queue")?));
            }
        }
        // One batch may settle both a lost lease and the lease that replaced it. The fence tells them apart.
        let results: Vec<bool> =
            settlements.clone().map(|Settlement { row, .. }| leases.remove(&(row.lane, row.fence))).collect();
        let kept: Vec<&Settlement> =
            settlements.zip(&results).filter_map(|(settlement, held)| held.then_some(settlement)).collect();
        self.close_rows(&kept).await?;
        self.leave_open(&kept).await?;
        self.move_rows(&kept).await?;
        due.approvals |= kept.iter().any(|settlement| settlement.touches_approvals());
        let follow = kept.iter().flat_map(|settlement| settlement.entries());
        self.put(follow, due).await?;
        Ok(results)
    }

    /// Closes rows and carries out their effects.
    async fn close_rows(&mut self, settled: &[&Settlement]) -> Result<(), StoreError> {
        let (mut closed, mut with_file) = (Vec::new(), Vec::new());
        for Settlement { row, step } in settled {
            let SettlementStep::Close { state, closing, .. } = step else { continue };
            let Closing { verdict, subject, label, note, answers, receipt, .. } = &**closing;
            with_file.extend((*state == RowState::Done && row.has_file).then_some(row.seq));
            closed.push((row.seq, *state as i64, verdict.word(), subject, label, note, answers.map(hex), receipt));
        }
        if closed.is_empty() {
            return Ok(());
        }
        let sql = "UPDATE ledger SET state = ending.state, attempts = attempts + 1, settled_at = ?2,
                 verdict = ending.verdict, subject = coalesce(ending.subject, ledger.subject),
                 label = coalesce(ending.label, ledger.label), note = ending.note,
                 answers = coalesce(ending.answers, ledger.answers), sent_as = ending.sent_as,
                 without_card = ending.without_card, without_thread = ending.without_thread
             FROM (SELECT value->>0 AS seq, value->>1 AS state, value->>2 AS verdict, value->>3 AS subject,
                 value->>4 AS label, value->>5 AS note, unhex(value->>6) AS answers,
                 value->>'$[7].message' AS sent_as, value->>'$[7].without_card' AS without_card,
                 value->>'$[7].without_thread' AS without_thread FROM json_each(?1)) AS ending
             WHERE ledger.seq = ending.seq";
        self.run(sqlx::query(sql).bind(json(&closed)?).bind(self.clock.wall_ms())).await?;
        self.drop_files(&with_file).await?;
        self.have_effects(settled).await
    }

    async fn have_effects(&mut self, settled: &[&Settlement]) -> Result<(), StoreError> {
        let (mut spent, mut talk, mut approvals) = (Vec::new(), ConversationRow::default(), Vec::new());
        for Settlement { row, step } in settled {
            let SettlementStep::Close { closing, .. } = step else { continue };
            for effect in &closing.effects {
                match effect {
                    Effect::Use { card, until, action } => spent.push((hex(*card), until, action)),
                    Effect::Ask(conversation) => talk.asked.push(conversation),
                    Effect::Shown { room, person, event, at, message } => {
                        talk.shown.push((room.as_str(), person.as_str(), hex(*event), *at, message.as_str()));
                    }
                    Effect::End { room, person, event } => {
                        talk.ended.push((room.as_str(), person.as_str(), hex(*event), hex(row.id)));
                    }
                    Effect::Thread { key, root } => self.keep_thread(row, key, root.as_deref()).await?,
                    Effect::Edited(letter) => self.count_edit(*letter).await?,
                    Effect::Approval(step) => approvals.push((row.id, step)),
                }
            }
        }
        self.spend(&spent).await?;
        self.write_questions(&talk).await?;
        self.approve(&approvals).await
    }

    /// Notes why rows stay open. A row that is put back unchanged is not written.
    async fn leave_open(&mut self, settled: &[&Settlement]) -> Result<(), StoreError> {
        let mut left = Vec::new();
        for Settlement { row, step } in settled {
            let SettlementStep::Again(Again { spent, uncertain, note, .. }) = step else { continue };
            if *spent || *uncertain || note.is_some() {
                let (spent, uncertain) = (i64::from(*spent), i64::from(*uncertain));
                left.push((row.seq, spent, uncertain, note, row.claimed.1, row.ended_at()));
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        let sql = "UPDATE ledger SET attempts = attempts + said.spent, begun = begun AND NOT said.spent,
                 uncertain = max(ledger.uncertain, said.uncertain), failing_at = coalesce(failing_at, ?2),
                 note = coalesce(said.note, ledger.note),
                 doubt_from = iif(said.uncertain AND NOT ledger.uncertain, said.claimed_at, doubt_from),
                 doubt_at = iif(said.uncertain, said.ended_at, doubt_at)
             FROM (SELECT value->>0 AS seq, value->>1 AS spent, value->>2 AS uncertain, value->>3 AS note,
                 value->>4 AS claimed_at, value->>5 AS ended_at FROM json_each(?1)) AS said
             WHERE ledger.seq = said.seq";
        self.run(sqlx::query(sql).bind(json(&left)?).bind(self.clock.steady_ms())).await.map(drop)
    }

    /// Moves rows into other lanes. The next claim of the old lane does not find them.
    async fn move_rows(&mut self, settled: &[&Settlement]) -> Result<(), StoreError> {
        let mut lanes = Vec::new();
        for Settlement { row, step } in settled {
            let SettlementStep::Move { queue, lane, body } = step else { continue };
            let lane = hex(lane_id(*queue, lane));
            let sql = "UPDATE ledger SET lane = unhex(?2), body = ?3 WHERE seq = ?1 AND state = 0";
            self.run(sqlx::query(sql).bind(row.seq).bind(&lane).bind(body)).await?;
            lanes.push((lane, queue.number()));
        }
        let awaited = lanes.iter().map(|(lane, queue)| (lane.as_str(), (*queue, Urgency::Awaited)));
        self.wake(awaited.collect()).await
    }
}
