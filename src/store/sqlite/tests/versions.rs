//! A ledger that an earlier program left is opened with everything in it.

use rusqlite::Connection;

use super::{path, with_daemon};
use crate::store::tests::audit::findings_of;
use crate::store::tests::keys;
use crate::store::{Entry, Filter, Queue};

#[tokio::test]
async fn a_ledger_of_the_version_before_opens_with_its_rows() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    let made = Connection::open(path(folder.path())).unwrap();
    made.execute_batch(include_str!("fixtures/ledger_18.sql")).unwrap();
    drop(made);
    with_daemon(folder.path(), &keys, async |store| {
        let inbox = store.list(Queue::Inbox, Filter::All, 10).await.unwrap();
        let letters = store.list(Queue::Outbox, Filter::All, 10).await.unwrap();
        assert_eq!((inbox.len(), letters.len()), (6, 4));
        assert!(letters.iter().all(|letter| letter.receipt.is_some()));
        let audit = store.verify_audit().await.unwrap();
        assert_eq!((audit.rows, findings_of(&audit)), (4, Vec::new()));
        let raw = store.raw(inbox[0].id).await.unwrap().unwrap();
        assert!(raw.starts_with(br#"{"id":"Y2lzY29zcGFyazovL3VzL1dFQkhPT0sv"#), "{raw:?}");
        let known = Entry { id: inbox[5].id, lane: "lane".to_owned(), ..Entry::default() };
        assert!(!store.put(known).await.unwrap(), "what was answered is known");
        let open = store.claim(Queue::Inbox, [10, 10], || None, std::time::Duration::ZERO).await.unwrap();
        assert_eq!(open.iter().map(|row| (row.attempts, row.deaths)).collect::<Vec<_>>(), [(0, 0); 2]);
    })
    .await;
}
