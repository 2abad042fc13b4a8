//! What a ledger promises. The cases speak to [`Store`], so that another engine has to pass them too; only the last one
//! looks at SQLite's plan.

use secrecy::SecretString;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row as _};
use tempfile::TempDir;

use super::sqlite::database::CLAIM;
use super::*;
use crate::clock;
use crate::config::Config;

struct Ledger {
    store: Store,
    folder: TempDir,
    stop: oneshot::Sender<()>,
    writer: tokio::task::JoinHandle<Result<(), StoreError>>,
}

impl Ledger {
    async fn new() -> Ledger {
        Ledger::open(tempfile::tempdir().unwrap(), Duration::from_secs(60)).await
    }

    async fn open(folder: TempDir, lease: Duration) -> Ledger {
        let (store, writer) =
            Store::open(&settings(&folder), &audit(), lease, clock::Clock::of_system()).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let writer = tokio::spawn(writer.run(async {
            let _ = stopped.await;
        }));
        Ledger { store, folder, stop, writer }
    }

    async fn close(self) -> TempDir {
        let _ = self.stop.send(());
        self.writer.await.unwrap().unwrap();
        self.folder
    }

    async fn put(&self, name: &str, lane: &str) -> bool {
        self.store.put(entry(Queue::Inbox, name, lane)).await.unwrap()
    }

    async fn claim(&self, most: usize) -> Vec<Claimed> {
        self.store.claim(Queue::Inbox, most, usize::MAX, None).await.unwrap().rows
    }

    async fn claimed_names(&self, most: usize) -> Vec<String> {
        self.claim(most).await.into_iter().map(|row| row.body).collect()
    }
}

fn settings(folder: &TempDir) -> config::Store {
    let mut settings = Config::from_parts("", &[]).unwrap().store;
    settings.url = SecretString::from(format!("sqlite:{}", folder.path().join("ledger.db").display()));
    settings
}

/// Without a key.
fn audit() -> config::Audit {
    Config::from_parts("", &[]).unwrap().audit
}

fn entry(queue: Queue, name: &str, lane: &str) -> Entry {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
    Entry {
        id,
        queue,
        lane: lane.to_owned(),
        accepted_at: clock::wall_ms(),
        happened_at: 0,
        body: name.to_owned(),
        subject: None,
        label: None,
        file: None,
    }
}

fn done(row: Claimed) -> Settlement {
    row.done(Closing { verdict: "answered", ..Closing::default() }, Vec::new())
}

#[tokio::test]
async fn the_same_id_is_added_once_even_together() {
    let ledger = Ledger::new().await;
    let (first, second) = tokio::join!(ledger.put("a", "room"), ledger.put("a", "room"));
    assert!(first ^ second);
    assert!(!ledger.put("a", "another room").await);
    assert_eq!(ledger.claimed_names(10).await, ["a"]);
}

#[tokio::test]
async fn one_open_row_of_each_lane_and_in_order() {
    let ledger = Ledger::new().await;
    for name in ["a1", "b1", "a2", "b2", "a3"] {
        ledger.put(name, &name[..1]).await;
    }
    let first = ledger.claim(10).await;
    assert_eq!(first.iter().map(|row| row.body.as_str()).collect::<Vec<_>>(), ["a1", "b1"]);
    assert!(ledger.claim(10).await.is_empty(), "both lanes are being worked on");
    for row in first {
        assert!(ledger.store.settle(done(row)).await.unwrap());
    }
    assert_eq!(ledger.claimed_names(1).await.len(), 1);
    assert_eq!(ledger.claimed_names(10).await.len(), 1);
}

#[tokio::test]
async fn a_retry_delays_its_lane_and_nothing_overtakes_it() {
    let ledger = Ledger::new().await;
    ledger.put("a1", "a").await;
    ledger.put("a2", "a").await;
    let row = ledger.claim(1).await.remove(0);
    assert_eq!(row.attempts, 0);
    let again =
        Again { after: Duration::from_secs(3600), spent: true, note: Some("no luck".to_owned()), ..Again::default() };
    ledger.store.settle(row.again(again)).await.unwrap();
    let claims = ledger.store.claim(Queue::Inbox, 10, usize::MAX, None).await.unwrap();
    assert!(claims.rows.is_empty());
    assert!(claims.next.is_some_and(|next| next > Duration::from_secs(3500)), "it is said when to look again");
    let row = ledger.store.list(Queue::Inbox, Filter::Unsettled, 10).await.unwrap().pop().unwrap();
    assert_eq!((row.attempts, row.note.as_deref()), (1, Some("no luck")));
    ledger.store.reopen(row.id, AuditEntry::default()).await.unwrap();
    assert_eq!(ledger.claimed_names(10).await, ["a1"]);
}

#[tokio::test]
async fn a_row_that_belongs_elsewhere_waits_its_turn_there_and_counts_no_try() {
    let ledger = Ledger::new().await;
    for (name, lane) in [("lost", "nowhere"), ("a1", "a"), ("a2", "a")] {
        ledger.put(name, lane).await;
    }
    let mut rows = ledger.claim(10).await;
    let (a1, lost) = (rows.pop().unwrap(), rows.pop().unwrap());
    assert_eq!((a1.body.as_str(), lost.body.as_str()), ("a1", "lost"));
    let found = Entry { body: "found".to_owned(), ..entry(Queue::Inbox, "lost", "a") };
    assert!(ledger.store.settle(lost.clone().moved(found.clone())).await.unwrap());
    assert!(!ledger.store.settle(lost.moved(found)).await.unwrap(), "a lease is settled once");
    assert!(ledger.claim(10).await.is_empty(), "its lane is being worked on");
    ledger.store.settle(done(a1)).await.unwrap();
    let found = ledger.claim(10).await.remove(0);
    assert_eq!((found.body.as_str(), found.attempts, found.deaths), ("found", 0, 0), "it came before a2");
    ledger.store.settle(done(found)).await.unwrap();
    assert_eq!(ledger.claimed_names(10).await, ["a2"]);
}

#[tokio::test]
async fn a_try_counts_when_it_is_spent_and_doubt_and_its_beginning_stay() {
    let ledger = Ledger::new().await;
    ledger.put("a", "a").await;
    let row = ledger.claim(1).await.remove(0);
    assert_eq!((row.attempts, row.doubt.is_some(), row.failing()), (0, false, Duration::ZERO));
    ledger.store.settle(row.again(Again::default())).await.unwrap();
    let row = ledger.claim(1).await.remove(0);
    assert_eq!((row.attempts, row.doubt.is_some(), row.failing()), (0, false, Duration::ZERO), "put back as it was");
    ledger.store.settle(row.again(Again { uncertain: true, ..Again::default() })).await.unwrap();
    let row = ledger.claim(1).await.remove(0);
    assert_eq!((row.attempts, row.doubt.is_some()), (0, true));
    let began = row.failing();
    ledger.store.settle(row.again(Again { spent: true, ..Again::default() })).await.unwrap();
    let row = ledger.claim(1).await.remove(0);
    assert_eq!((row.attempts, row.doubt.is_some(), row.failing() >= began), (1, true, true));
}

#[tokio::test]
async fn a_late_settlement_of_a_lost_lease_changes_nothing() {
    let ledger = Ledger::open(tempfile::tempdir().unwrap(), Duration::ZERO).await;
    ledger.put("a", "a").await;
    let late = ledger.claim(1).await.remove(0);
    // The lease is over at once, so somebody else claims the row.
    let holder = ledger.claim(1).await.remove(0);
    assert_eq!((holder.deaths, holder.doubt.is_some()), (1, true), "whoever had it may have done it");
    let follow = entry(Queue::Outbox, "a reply", "a");
    let settlement = late.done(Closing { verdict: "late", ..Closing::default() }, vec![follow]);
    assert!(!ledger.store.settle(settlement).await.unwrap());
    assert_eq!(ledger.store.depths().await.unwrap().outbox, 0, "its reply is not kept either");
    assert!(ledger.store.settle(done(holder)).await.unwrap());
    let row = ledger.store.list(Queue::Inbox, Filter::All, 1).await.unwrap().remove(0);
    assert_eq!(row.verdict.as_deref(), Some("answered"));
}

#[tokio::test]
async fn a_lost_lease_and_the_one_that_took_over_are_told_apart_in_one_commit() {
    let ledger = Ledger::open(tempfile::tempdir().unwrap(), Duration::ZERO).await;
    ledger.put("a", "a").await;
    let late = ledger.claim(1).await.remove(0);
    let holder = ledger.claim(1).await.remove(0);
    // Both are waiting when the writer looks, the late one first.
    let late = late.again(Again { after: Duration::from_secs(3600), ..Again::default() });
    let (late, held) = tokio::join!(ledger.store.settle(late), ledger.store.settle(done(holder)));
    assert_eq!((late.unwrap(), held.unwrap()), (false, true));
    assert_eq!(ledger.store.depths().await.unwrap().inbox, 0);
}

#[tokio::test]
async fn a_settlement_and_what_follows_from_it_are_one_step() {
    let ledger = Ledger::new().await;
    ledger.put("a", "a").await;
    let row = ledger.claim(1).await.remove(0);
    let mark = Some("left for the next".to_owned());
    let closing = Closing { verdict: "answered", mark, ..Closing::default() };
    let replies = vec![entry(Queue::Outbox, "one", "a"), entry(Queue::Outbox, "two", "a")];
    ledger.store.settle(row.done(closing, replies)).await.unwrap();
    let reply = ledger.store.claim(Queue::Outbox, 10, usize::MAX, None).await.unwrap().rows.remove(0);
    assert_eq!(reply.body, "one");
    assert!(reply.mark.is_none(), "the mark is of the inbox's lane");
    ledger.put("b", "a").await;
    assert_eq!(ledger.claim(1).await.remove(0).mark.as_deref(), Some("left for the next"));
}

#[tokio::test]
async fn a_dead_letter_lets_its_lane_go_on_and_can_be_opened_again() {
    let ledger = Ledger::new().await;
    ledger.put("a1", "a").await;
    ledger.put("a2", "a").await;
    let row = ledger.claim(1).await.remove(0);
    let dead = row.id;
    ledger.store.settle(row.dead(Closing { verdict: "failed", ..Closing::default() }, Vec::new())).await.unwrap();
    let second = ledger.claim(1).await.remove(0);
    assert_eq!(second.body, "a2");
    assert_eq!(ledger.store.depths().await.unwrap().dead, 1);
    assert!(ledger.store.reopen(dead, AuditEntry::default()).await.unwrap());
    ledger.store.settle(done(second)).await.unwrap();
    let again = ledger.claim(1).await.remove(0);
    assert_eq!((again.body.as_str(), again.attempts), ("a1", 0), "opened while its lane was busy, it is not forgotten");
    assert!(ledger.store.settle(done(again)).await.unwrap());
    assert!(!ledger.store.reopen(dead, AuditEntry::default()).await.unwrap(), "what is done stays done");
}

#[tokio::test]
async fn a_dropped_row_is_settled_for_whoever_holds_it() {
    let ledger = Ledger::new().await;
    ledger.put("a1", "a").await;
    ledger.put("a2", "a").await;
    let row = ledger.claim(1).await.remove(0);
    assert!(ledger.store.discard(row.id, AuditEntry::default()).await.unwrap());
    assert!(!ledger.store.settle(done(row)).await.unwrap());
    assert_eq!(ledger.claimed_names(10).await, ["a2"]);
}

#[tokio::test]
async fn dropping_or_reopening_one_row_leaves_the_work_on_another_of_its_space_in_peace() {
    let ledger = Ledger::new().await;
    ledger.put("a1", "a").await;
    ledger.put("a2", "a").await;
    let row = ledger.claim(1).await.remove(0);
    let dead = row.id;
    ledger.store.settle(row.dead(Closing { verdict: "failed", ..Closing::default() }, Vec::new())).await.unwrap();
    let second = ledger.claim(1).await.remove(0);
    let again = Again { uncertain: true, spent: true, ..Again::default() };
    ledger.store.settle(second.again(again)).await.unwrap();
    let second = ledger.claim(1).await.remove(0);
    assert!(ledger.store.discard(dead, AuditEntry::default()).await.unwrap());
    assert!(ledger.claim(10).await.is_empty(), "the second is still in hand");
    assert!(ledger.store.reopen(second.id, AuditEntry::default()).await.unwrap());
    assert!(ledger.store.settle(second.again(Again::default())).await.unwrap());
    let second = ledger.claim(1).await.remove(0);
    assert_eq!((second.attempts, second.doubt.is_some()), (0, true), "tried anew, but its doubt stays");
}

#[tokio::test]
async fn a_killed_process_leaves_its_rows_to_the_next_and_that_is_counted() {
    let ledger = Ledger::new().await;
    ledger.put("a", "a").await;
    assert_eq!(ledger.claim(1).await.len(), 1);
    // The lease is a minute long; the next process knows that nobody holds it.
    let folder = ledger.close().await;
    let ledger = Ledger::open(folder, Duration::from_secs(60)).await;
    let row = ledger.claim(1).await.remove(0);
    assert_eq!((row.deaths, row.doubt.is_some()), (1, true));
}

#[tokio::test]
async fn one_process_at_a_time() {
    let ledger = Ledger::new().await;
    let Err(error) = Store::open(&settings(&ledger.folder), &audit(), Duration::ZERO, clock::Clock::of_system()).await
    else {
        panic!("a second one was let in")
    };
    assert!(error.to_string().contains("another switchboard daemon is using it"), "{error}");
    let folder = ledger.close().await;
    Ledger::open(folder, Duration::ZERO).await;
}

#[tokio::test]
async fn pruning_empties_a_row_and_remembers_its_id_for_longer() {
    let ledger = Ledger::new().await;
    for name in ["settled", "open"] {
        ledger.put(name, name).await;
    }
    let row = ledger.claim(1).await.remove(0);
    ledger.store.settle(done(row)).await.unwrap();
    let day = Duration::from_secs(86_400);
    assert_eq!(ledger.store.prune(day, day).await.unwrap(), 0);
    assert_eq!(ledger.store.prune(Duration::ZERO, day).await.unwrap(), 1);
    assert_eq!(ledger.store.list(Queue::Inbox, Filter::All, 10).await.unwrap().len(), 1);
    assert!(!ledger.put("settled", "settled").await, "still known");
    assert_eq!(ledger.store.prune(Duration::ZERO, Duration::ZERO).await.unwrap(), 1);
    assert!(ledger.put("settled", "settled").await, "no longer known");
    assert_eq!(ledger.store.depths().await.unwrap().inbox, 2, "what is open is never pruned");
}

/// An entry of the outbox with a file of these bytes.
fn with_file(name: &str, bytes: &'static [u8]) -> Entry {
    Entry { file: Some(Bytes::from_static(bytes)), ..entry(Queue::Outbox, name, name) }
}

#[tokio::test]
async fn a_file_is_kept_with_its_row_until_the_row_is_done() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    ledger.put("event", "a").await;
    let event = ledger.claim(1).await.remove(0);
    let replies = vec![with_file("sent", b"one"), with_file("given up", b"four"), entry(Queue::Outbox, "plain", "a")];
    store.settle(event.done(Closing::default(), replies)).await.unwrap();
    assert!(!store.put(with_file("sent", b"other")).await.unwrap(), "known, and its file is not touched");
    assert_eq!(store.size_of_files().await.unwrap(), 7);
    let rows = store.claim(Queue::Outbox, 10, usize::MAX, None).await.unwrap().rows;
    let mut files = Vec::new();
    for row in &rows {
        files.push(store.file(row).await.unwrap());
    }
    assert_eq!(files, [Some(Bytes::from("one")), Some(Bytes::from("four")), None]);
    let [sent, given_up, plain]: [Claimed; 3] = rows.try_into().unwrap();
    let again = sent.clone().again(Again { uncertain: true, ..Again::default() });
    store.settle(again).await.unwrap();
    let dead = given_up.id;
    store.settle(given_up.dead(Closing::default(), Vec::new())).await.unwrap();
    store.settle(done(plain)).await.unwrap();
    assert_eq!(store.size_of_files().await.unwrap(), 7, "an open row and a dead letter keep theirs");
    let sent = store.claim(Queue::Outbox, 1, usize::MAX, None).await.unwrap().rows.remove(0);
    store.settle(done(sent)).await.unwrap();
    assert_eq!(store.size_of_files().await.unwrap(), 4);
    // The next process knows of files that it did not put.
    let ledger = Ledger::open(ledger.close().await, Duration::from_secs(60)).await;
    assert!(ledger.store.reopen(dead, AuditEntry::default()).await.unwrap());
    let row = ledger.store.claim(Queue::Outbox, 1, usize::MAX, None).await.unwrap().rows.remove(0);
    assert_eq!(ledger.store.file(&row).await.unwrap(), Some(Bytes::from("four")));
    ledger.store.settle(done(row)).await.unwrap();
    assert_eq!(ledger.store.size_of_files().await.unwrap(), 0);
}

/// A request for approval that waits for so long from now, in milliseconds.
fn asks(name: &str, person: &str, waits: i64) -> ApprovalRequest {
    let now = clock::wall_ms();
    let text = |text: &str| text.to_owned();
    ApprovalRequest {
        card: Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()),
        event: entry(Queue::Inbox, name, "room").id,
        command: text("deploy"),
        asked: text("deploy api"),
        person: text(person),
        person_id: text(person),
        email: format!("{person}@example.com"),
        room: text("room"),
        thread: text("thread"),
        message: text("message"),
        envelope: text("{}"),
        files: vec![text("https://x.test/a")],
        requested_at: now,
        expires_at: now + waits,
    }
}

fn approves(card: Uuid, person: &str) -> ApprovalStep {
    let text = || person.to_owned();
    let (person, person_id, email, at) = (text(), text(), text(), clock::wall_ms());
    let by = Approver { person, person_id, email, at, event: None, message: None };
    ApprovalStep::Approve { card, by, void: Vec::new() }
}

impl Ledger {
    /// Settles an event that does this.
    async fn does(&self, name: &str, step: ApprovalStep) {
        self.put(name, "room").await;
        let row = self.claim(1).await.pop().unwrap();
        assert!(self.store.settle(done(row).with(Effect::Approval(step))).await.unwrap());
    }
}

#[tokio::test]
async fn what_waits_for_approval_counts_everybody_once_and_ends_once() {
    let ledger = Ledger::new().await;
    let request = asks("ask", "alice", 3_600_000);
    let card = request.card;
    let read = async || ledger.store.approval(card).await.unwrap().unwrap();
    ledger.does("ask", ApprovalStep::Ask(Box::new(request.clone()))).await;
    // Worked on a second time, it is the same request.
    ledger.does("again", ApprovalStep::Ask(Box::new(ApprovalRequest { asked: String::new(), ..request }))).await;
    for (name, person) in [("b1", "bob"), ("b2", "bob"), ("c", "carol")] {
        ledger.does(name, approves(card, person)).await;
    }
    let waiting = read().await;
    assert_eq!((waiting.state, waiting.request.asked.as_str()), (ApprovalState::Open, "deploy api"));
    assert_eq!(waiting.request.files, ["https://x.test/a"]);
    assert_eq!(waiting.approvers.iter().map(|by| by.person.as_str()).collect::<Vec<_>>(), ["bob", "carol"]);
    assert_eq!(ledger.store.open_approvals("alice", "hall").await.unwrap(), (1, 0));
    assert_eq!(ledger.store.open_approvals("bob", "room").await.unwrap(), (0, 1));
    let end = |state| ApprovalStep::End { card, state, by: "dave".to_owned() };
    ledger.does("end", end(ApprovalState::Failed)).await;
    ledger.does("late", end(ApprovalState::Denied)).await;
    ledger.does("vote", approves(card, "erin")).await;
    let ended = read().await;
    assert_eq!(
        (ended.state, ended.approvers.len(), ended.ended_by.as_deref()),
        (ApprovalState::Failed, 2, Some("dave"))
    );
    assert_eq!(ended.ended_event, Some(entry(Queue::Inbox, "end", "room").id));
    assert!(ledger.store.approvals(true, 10).await.unwrap().is_empty());
    assert_eq!(ledger.store.approvals(false, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_lost_lease_neither_asks_nor_approves_nor_ends() {
    let ledger = Ledger::open(tempfile::tempdir().unwrap(), Duration::ZERO).await;
    let request = asks("ask", "alice", 3_600_000);
    let card = request.card;
    for (name, step) in [
        ("approve", approves(card, "bob")),
        ("end", ApprovalStep::End { card, state: ApprovalState::Denied, by: "bob".to_owned() }),
        ("ask", ApprovalStep::Ask(Box::new(request))),
    ] {
        ledger.put(name, name).await;
        let late = ledger.claim(1).await.pop().unwrap();
        let held = ledger.claim(1).await.pop().unwrap();
        assert!(!ledger.store.settle(done(late).with(Effect::Approval(step))).await.unwrap());
        assert!(ledger.store.settle(done(held)).await.unwrap());
    }
    assert!(ledger.store.approval(card).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_over_is_found_in_time_and_forgotten_with_the_rest() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    for (name, waits) in [("over", -1), ("soon", 60_000), ("later", 3_600_000)] {
        ledger.does(name, ApprovalStep::Ask(Box::new(asks(name, "alice", waits)))).await;
    }
    store.approval_asked().await;
    let soon = asks("soon", "alice", 0).card;
    let (overdue, next) = store.overdue_approvals(clock::wall_ms()).await.unwrap();
    assert_eq!(overdue.iter().map(|over| over.card).collect::<Vec<_>>(), [asks("over", "alice", 0).card]);
    assert_eq!(next, Some(store.approval(soon).await.unwrap().unwrap().request.expires_at));
    ledger.does("vote", approves(soon, "bob")).await;
    ledger.does("end", ApprovalStep::End { card: soon, state: ApprovalState::Denied, by: "bob".to_owned() }).await;
    store.prune(Duration::from_secs(3600), Duration::ZERO).await.unwrap();
    assert_eq!(store.approvals(false, 10).await.unwrap().len(), 3);
    store.prune(Duration::ZERO, Duration::ZERO).await.unwrap();
    let left = store.approvals(false, 10).await.unwrap();
    assert!(left.len() == 2 && left.iter().all(|approval| approval.state == ApprovalState::Open), "{left:?}");
}

#[tokio::test]
async fn a_file_goes_with_a_row_that_is_dropped_or_pruned() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    for name in ["dropped", "pruned", "open"] {
        store.put(with_file(name, b"bytes")).await.unwrap();
    }
    let rows = store.claim(Queue::Outbox, 2, usize::MAX, None).await.unwrap().rows;
    let [dropped, pruned]: [Claimed; 2] = rows.try_into().unwrap();
    assert!(store.discard(dropped.id, AuditEntry::default()).await.unwrap());
    assert_eq!(store.size_of_files().await.unwrap(), 10);
    store.settle(pruned.dead(Closing::default(), Vec::new())).await.unwrap();
    let day = Duration::from_secs(86_400);
    while store.prune(Duration::ZERO, day).await.unwrap() > 0 {}
    assert_eq!(store.size_of_files().await.unwrap(), 5, "what is open is never pruned");
}

#[tokio::test]
async fn too_many_waiting_writes_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let settings = config::Store { waiting: 1, ..settings(&folder) };
    let (store, writer) = Store::open(&settings, &audit(), Duration::ZERO, clock::Clock::of_system()).await.unwrap();
    // Nothing is written yet: the first put waits, the second finds no room.
    let mut first = std::pin::pin!(store.put(entry(Queue::Inbox, "a", "a")));
    assert!(futures_util::poll!(&mut first).is_pending());
    assert!(matches!(store.put(entry(Queue::Inbox, "b", "b")).await, Err(StoreError::Busy)));
    let (closed, ()) = tokio::join!(writer.run(std::future::ready(())), async { assert!(first.await.unwrap()) });
    closed.unwrap();
    assert!(matches!(store.put(entry(Queue::Inbox, "c", "c")).await, Err(StoreError::Busy)), "after the end");
}

#[tokio::test]
async fn a_ledger_that_takes_nothing_says_so_and_goes_on_when_it_can() {
    let ledger = Ledger::new().await;
    let path = super::sqlite::file::path(&settings(&ledger.folder));
    let mut other = SqliteConnection::connect_with(&super::sqlite::file::options(&path)).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let (put, beat) = tokio::join!(ledger.store.put(entry(Queue::Inbox, "a", "a")), ledger.store.beat());
    assert!(put.is_err() && beat.is_err(), "nothing is acknowledged that is not on disk");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    ledger.put("b", "b").await;
    assert!(ledger.claimed_names(10).await.contains(&"b".to_owned()));
}

#[tokio::test]
async fn the_sqlite_that_is_compiled_in_has_only_what_the_ledger_uses() {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let options: Vec<String> = sqlx::query_scalar("SELECT compile_options FROM pragma_compile_options")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    for unused in ["FTS", "RTREE", "DBSTAT", "STAT4", "SOUNDEX", "MEMORY_MANAGEMENT"] {
        assert!(
            !options.iter().any(|option| option.contains(unused)),
            "{unused}: cargo did not use .cargo/config.toml, or LIBSQLITE3_FLAGS is set"
        );
    }
    assert!(options.contains(&"OMIT_LOAD_EXTENSION".to_owned()), "{options:?}");
}

#[tokio::test]
async fn a_flooded_lane_does_not_hold_up_a_claim_elsewhere() {
    let ledger = Ledger::new().await;
    let names: Vec<_> = (0..3000).map(|nth| format!("flood {nth}")).collect();
    futures_util::future::join_all(names.iter().map(|name| ledger.put(name, "flooded"))).await;
    ledger.put("quiet", "quiet").await;
    assert_eq!(ledger.claimed_names(10).await, ["flood 0", "quiet"]);
    let mut connection = SqliteConnection::connect_with(&super::sqlite::file::options(&super::sqlite::file::path(
        &settings(&ledger.folder),
    )))
    .await
    .unwrap();
    let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {CLAIM}")));
    let plan = plan.bind(0).bind(0).bind(0).bind(10).fetch_all(&mut connection).await.unwrap();
    let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
    let slow = |step: &String| step.starts_with("SCAN") || step.contains("TEMP B-TREE");
    assert!(steps.len() >= 3 && !steps.iter().any(slow), "{steps:#?}");
}

#[tokio::test]
async fn lanes_that_come_back_after_a_pause_leave_room_for_others() {
    let ledger = Ledger::new().await;
    for name in ["failing 1", "failing 2", "failing 3"] {
        ledger.put(name, name).await;
    }
    for row in ledger.claim(10).await {
        assert!(!row.is_back);
        let again = Again { after: Duration::from_millis(1), note: Some("it failed".to_owned()), ..Again::default() };
        ledger.store.settle(row.again(again)).await.unwrap();
    }
    for name in ["fresh 1", "fresh 2"] {
        ledger.put(name, name).await;
    }
    let claim = async |most_back| {
        let Claims { rows, next } = ledger.store.claim(Queue::Inbox, 4, most_back, None).await.unwrap();
        (rows.into_iter().map(|row| (row.body, row.is_back)).collect::<Vec<_>>(), next)
    };
    let named = |name: &str, is_back| (name.to_owned(), is_back);
    // However long the others wait already, and nothing is said to be due that is not given.
    let (rows, next) = claim(0).await;
    assert_eq!(rows, [named("fresh 1", false), named("fresh 2", false)]);
    assert!(next.is_none_or(|next| !next.is_zero()), "{next:?}");
    let mut back = Vec::new();
    while back.len() < 3 {
        let (rows, _) = claim(1).await;
        assert!(rows.len() <= 1, "{rows:?}");
        back.extend(rows);
    }
    assert!(back.iter().all(|(_, is_back)| *is_back), "{back:?}");
}

#[tokio::test]
async fn lanes_long_silent_are_forgotten_and_no_others() {
    let ledger = Ledger::new().await;
    let day = Duration::from_secs(86_400);
    let long_ago = clock::wall_ms() - 40 * 86_400_000;
    for (name, at) in
        [("silent", Some(long_ago)), ("recent", Some(clock::wall_ms())), ("open", Some(long_ago)), ("unknown", None)]
    {
        ledger.put(name, name).await;
        let row = ledger.store.claim(Queue::Inbox, 1, usize::MAX, at).await.unwrap().rows.remove(0);
        let settlement = match name {
            "open" => row.again(Again { after: day, ..Again::default() }),
            _ => row.done(Closing { mark: Some(name.to_owned()), ..Closing::default() }, Vec::new()),
        };
        ledger.store.settle(settlement).await.unwrap();
    }
    let mut forgotten = Vec::new();
    for _ in 0..3 {
        forgotten.push(ledger.store.prune_lanes(37 * day).await.unwrap());
    }
    assert_eq!(forgotten, [1, 0, 0], "one, and what is looked at begins anew after the last");
    for (name, mark) in [("silent", None), ("recent", Some("recent")), ("unknown", Some("unknown"))] {
        ledger.put(&format!("{name} again"), name).await;
        let row = ledger.claim(1).await.remove(0);
        assert_eq!(row.mark.as_deref(), mark, "{name}");
        ledger.store.settle(done(row)).await.unwrap();
    }
}

#[tokio::test]
async fn the_coverage_begins_once_grows_and_keeps_its_gaps() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    assert!(store.coverage().await.unwrap().is_none());
    store.begin_coverage(Beginning { floor: 7, from: clock::wall_ms(), gap: None }).await.unwrap();
    let began = store.coverage().await.unwrap().unwrap();
    assert_eq!((began.floor, began.complete_from), (7, began.complete_until));
    let until = began.complete_until + 50;
    let cursors = vec![("a".to_owned(), 10), ("b".to_owned(), 20)];
    store.progress(Progress { cursors, until: Some(until), gaps: Vec::new() }).await.unwrap();
    // What is older changes nothing.
    let cursors = vec![("a".to_owned(), 5), ("b".to_owned(), 30)];
    let gap = Gap { from: until, until: until + 9, why: "away".to_owned() };
    store.progress(Progress { cursors, until: Some(until - 20), gaps: vec![gap.clone()] }).await.unwrap();
    // What goes on is one gap; what comes later, or for another reason, is another.
    let longer = Gap { from: until + 4, until: until + 20, ..gap.clone() };
    store.progress(Progress { gaps: vec![longer], ..Progress::default() }).await.unwrap();
    let later = Gap { from: until + 30, until: until + 40, ..gap.clone() };
    store.progress(Progress { gaps: vec![later.clone()], ..Progress::default() }).await.unwrap();
    let coverage = store.coverage().await.unwrap().unwrap();
    assert_eq!(
        (coverage.complete_from, coverage.complete_until, coverage.gaps),
        (until + 40, until, vec![later, Gap { until: until + 20, ..gap }])
    );
    let cursors = store.cursors().await.unwrap();
    assert_eq!((cursors["a"], cursors["b"]), (10, 30));
}

#[tokio::test]
async fn what_happened_earlier_and_came_later_is_worked_on_first() {
    let ledger = Ledger::new().await;
    for (name, happened_at) in [("third", 30), ("first", 10), ("second", 20)] {
        assert!(ledger.store.put(Entry { happened_at, ..entry(Queue::Inbox, name, "room") }).await.unwrap());
    }
    for name in ["first", "second", "third"] {
        let row = ledger.claim(1).await.remove(0);
        assert_eq!(row.body, name);
        assert!(ledger.store.settle(done(row)).await.unwrap());
    }
}

#[tokio::test]
async fn what_was_begun_goes_first_whatever_came_later_and_happened_before() {
    let ledger = Ledger::new().await;
    let put = async |name: &str, happened_at| {
        let entry = Entry { happened_at, ..entry(Queue::Inbox, name, "room") };
        let id = entry.id;
        assert!(ledger.store.put(entry).await.unwrap());
        id
    };
    put("later", 20).await;
    let row = ledger.claim(1).await.remove(0);
    let earlier = put("earlier", 10).await;
    assert!(ledger.store.goes_before(earlier, &row).await.unwrap());
    // What was only looked at gives way.
    ledger.store.settle(row.clone().again(Again::default())).await.unwrap();
    assert!(!ledger.store.begin_once(&row).await.unwrap(), "its lease is over");
    let row = ledger.claim(1).await.remove(0);
    assert_eq!(row.body, "earlier");
    assert!(ledger.store.begin_once(&row).await.unwrap());
    let earliest = put("earliest", 5).await;
    assert!(!ledger.store.goes_before(earliest, &row).await.unwrap());
    ledger.store.settle(row.again(Again::default())).await.unwrap();
    let row = ledger.claim(1).await.remove(0);
    assert_eq!(row.body, "earlier", "what was begun is finished");
    ledger.store.settle(row.again(Again { spent: true, ..Again::default() })).await.unwrap();
    for name in ["earliest", "earlier", "later"] {
        let row = ledger.claim(1).await.remove(0);
        assert_eq!(row.body, name);
        assert!(ledger.store.settle(done(row)).await.unwrap());
    }
}

#[tokio::test]
async fn the_use_of_a_card_is_settled_with_its_click_and_forgotten_after_its_time() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    let (short, long, lost) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    let now = super::clock::wall_ms();
    for (name, card, until) in [("short", short, now - 60_000), ("long", long, now + 60_000)] {
        ledger.put(name, "room").await;
        let row = ledger.claim(1).await.remove(0);
        // Twice is as good as once.
        for settled in [true, false] {
            assert_eq!(
                store.settle(done(row.clone()).with(Effect::Use { card, until, action: None })).await.unwrap(),
                settled
            );
        }
    }
    ledger.put("again", "room").await;
    let row = ledger.claim(1).await.remove(0);
    let use_lost = Effect::Use { card: lost, until: now + 60_000, action: None };
    assert!(store.settle(row.clone().again(Again::default()).with(use_lost.clone())).await.unwrap());
    assert!(!store.settle(done(row).with(use_lost)).await.unwrap(), "the lease is gone");
    let used = async |card| store.is_used(card).await.unwrap();
    assert_eq!((used(short).await, used(long).await, used(lost).await), (true, true, false));
    store.prune(Duration::from_secs(3600), Duration::from_secs(3600)).await.unwrap();
    assert!(used(short).await, "a clock may have been set back");
    store.prune(Duration::from_secs(3600), Duration::from_secs(1)).await.unwrap();
    assert_eq!((used(short).await, used(long).await), (false, true));
}

fn question(person: &str, event: u128, minutes_left: i64) -> Conversation {
    Conversation {
        room: "room".to_owned(),
        person: person.to_owned(),
        event: Uuid::from_u128(event),
        asked_at: clock::wall_ms(),
        until: clock::wall_ms() + minutes_left * 60_000,
        body: format!("{event}"),
        ended_by: None,
        message: Uuid::nil(),
        shown: Shown::No,
    }
}

impl Ledger {
    /// Settles an event of this name with these effects; its id.
    async fn settle_with(&self, name: &str, effects: impl IntoIterator<Item = Effect>) -> Uuid {
        self.put(name, "room").await;
        let row = self.claim(1).await.remove(0);
        let id = row.id;
        assert!(self.store.settle(effects.into_iter().fold(done(row), Settlement::with)).await.unwrap());
        id
    }

    /// What somebody was asked last, and by which event that is over.
    async fn asked(&self, person: &str) -> Option<(String, Option<Uuid>)> {
        let found = self.store.conversation("room", person).await.unwrap();
        found.map(|found| (found.body, found.ended_by))
    }
}

fn end(person: &str, event: u128) -> Effect {
    Effect::End { room: "room".to_owned(), person: person.to_owned(), event: Uuid::from_u128(event) }
}

#[tokio::test]
async fn a_question_is_settled_with_its_event_and_ended_with_its_answer_unless_another_was_asked() {
    let ledger = Ledger::new().await;
    ledger.put("lost", "room").await;
    let row = ledger.claim(1).await.remove(0);
    let ask = |event| Effect::Ask(question("alice", event, 10));
    assert!(ledger.store.settle(row.clone().again(Again::default()).with(ask(1))).await.unwrap());
    assert!(!ledger.store.settle(done(row).with(ask(1))).await.unwrap(), "the lease is gone");
    assert_eq!(ledger.asked("alice").await, None);
    assert!(ledger.store.settle(done(ledger.claim(1).await.remove(0))).await.unwrap());
    ledger.settle_with("asks", [ask(1)]).await;
    assert_eq!(ledger.asked("alice").await, Some(("1".to_owned(), None)));
    for (room, person) in [("room", "bob"), ("another room", "alice")] {
        assert!(ledger.store.conversation(room, person).await.unwrap().is_none());
    }
    // The answer asks the next question, in whichever order that is said.
    ledger.settle_with("answers", [ask(2), end("alice", 1)]).await;
    assert_eq!(ledger.asked("alice").await, Some(("2".to_owned(), None)));
    ledger.settle_with("is late", [end("alice", 1), end("bob", 2)]).await;
    assert_eq!(ledger.asked("alice").await, Some(("2".to_owned(), None)), "that is over already");
    let by = ledger.settle_with("ends", [end("alice", 2)]).await;
    // Whoever opens the ledger anew sees what was asked before.
    let ledger = Ledger::open(ledger.close().await, Duration::from_secs(60)).await;
    assert_eq!(ledger.asked("alice").await, Some(("2".to_owned(), Some(by))));
    ledger.settle_with("asks again", [ask(3)]).await;
    assert_eq!(ledger.asked("alice").await, Some(("3".to_owned(), None)));
}

#[tokio::test]
async fn questions_long_past_their_time_are_pruned_however_many_were_asked() {
    const DAY: i64 = 24 * 60;
    let ledger = Ledger::new().await;
    let asked = [("old", -DAY - 1), ("late", -DAY + 1), ("open", 10)];
    let crowd = (0..1200).map(|nth| question(&format!("person{nth}"), nth, -DAY - 1));
    let asked = asked.into_iter().map(|(person, minutes)| question(person, 1, minutes));
    ledger.settle_with("asks", asked.chain(crowd).map(Effect::Ask)).await;
    let prune = async |retention| {
        let mut steps = Vec::new();
        while let pruned @ 1.. = ledger.store.prune(retention, Duration::from_secs(3600)).await.unwrap() {
            steps.push(pruned);
        }
        steps
    };
    let month = Duration::from_secs(30 * 86_400);
    assert_eq!(prune(month).await, [500, 500, 201], "some at a time, and all of them");
    let left = async || {
        let mut left = Vec::new();
        for person in ["old", "late", "open", "person7"] {
            left.extend(ledger.asked(person).await.is_some().then_some(person));
        }
        left
    };
    assert_eq!(left().await, ["late", "open"]);
    // Where the ledger keeps everything shorter, so it does these.
    prune(Duration::from_secs(3600)).await;
    assert_eq!(left().await, ["open"]);
}

fn request(code: &str, person: &str, minutes_ago: i64) -> Request {
    let requested_at = clock::wall_ms() - minutes_ago * 60_000;
    Request {
        code: code.to_owned(),
        person: person.to_owned(),
        person_id: person.to_uppercase(),
        email: format!("{person}@example.com"),
        room: "room".to_owned(),
        event: Uuid::new_v5(&Uuid::NAMESPACE_OID, code.as_bytes()),
        asked: "help".to_owned(),
        requested_at,
        expires_at: requested_at + 60_000,
    }
}

#[tokio::test]
async fn a_request_is_written_once_unless_too_many_ask_or_something_was_decided_meanwhile() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    let ask = async |request, seen: Option<&Pairing>, most| store.request_pairing(request, seen, most).await.unwrap();
    assert_eq!(ask(request("A", "alice", 61), None, 2).await, Asked::New);
    assert_eq!(ask(request("A", "bob", 0), None, 2).await, Asked::Again, "somebody has that code");
    assert_eq!(ask(request("B", "bob", 59), None, 2).await, Asked::New);
    assert_eq!(ask(request("C", "bob", 0), None, 2).await, Asked::Again, "there is one of which nothing was known");
    let bobs = store.pairing_of("bob").await.unwrap().unwrap();
    assert_eq!(ask(request("C", "bob", 0), Some(&bobs), 2).await, Asked::New);
    assert_eq!(ask(request("D", "person4", 0), None, 2).await, Asked::Crowd, "the first was more than an hour ago");
    assert_eq!(ask(request("D", "person4", 0), None, 3).await, Asked::New);
    let by = |code: &str, email: &str, person: &str| Who {
        code: code.to_owned(),
        email: email.to_owned(),
        person: person.to_owned(),
    };
    for who in [by("B", "", ""), by("C", "", ""), by("", "bob@example.com", ""), by("", "", "bob")] {
        assert_eq!(store.find_pairing(&who).await.unwrap().unwrap().request.code, "C", "{who:?}");
    }
    assert!(store.find_pairing(&by("X", "x", "x")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_decision_and_what_follows_from_it_are_one_and_made_once() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    store.request_pairing(request("A", "alice", 0), None, 10).await.unwrap();
    let read = async || store.pairing_of("alice").await.unwrap().unwrap();
    let pairing = read().await;
    let decide = async |state, name| {
        let follow = vec![entry(Queue::Outbox, name, "a")];
        store.decide_pairing(&pairing, state, "root", follow, AuditEntry::default()).await.unwrap()
    };
    let (approved, denied) = tokio::join!(decide(PairingState::Approved, "yes"), decide(PairingState::Denied, "no"));
    assert!(approved ^ denied);
    let told = store.claim(Queue::Outbox, 10, usize::MAX, None).await.unwrap().rows;
    assert_eq!(told.len(), 1);
    let (state, word) = if approved { (PairingState::Approved, "yes") } else { (PairingState::Denied, "no") };
    let now = read().await;
    assert_eq!((now.state, told[0].body.as_str(), now.decided_by.as_deref()), (state, word, Some("root")));
}

#[tokio::test]
async fn requests_that_count_no_more_are_pruned_and_people_who_were_let_in_stay() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    for (code, minutes) in [("old", 90), ("let in", 90), ("denied", 90), ("new", 1)] {
        store.request_pairing(request(code, code, minutes), None, 10).await.unwrap();
    }
    for (code, state) in [("let in", PairingState::Approved), ("denied", PairingState::Denied)] {
        let pairing = store.pairing_of(code).await.unwrap().unwrap();
        assert!(store.decide_pairing(&pairing, state, "root", Vec::new(), AuditEntry::default()).await.unwrap());
    }
    store.prune(Duration::from_secs(3600), Duration::ZERO).await.unwrap();
    let left: Vec<_> = store.pairings().await.unwrap();
    let left: Vec<_> = left.iter().map(|left| (left.request.code.as_str(), left.request.asked.as_str())).collect();
    assert_eq!(left, [("new", "help"), ("denied", ""), ("let in", "")]);
}
