//! Rooms: none uses another in a circle, each library and each deed has its place.

use std::collections::BTreeSet;

use super::imports::{Map, circles};
use super::source::{Source, room, sources};

#[test]
fn no_rooms_import_each_other_in_a_circle() {
    let sources = sources();
    let uses = Map::of(&sources).rooms();
    assert_eq!(circles(&uses), BTreeSet::new(), "these are part of a circle");
    let only = |user: &str, allowed: &[&str]| {
        for (_, used) in uses.iter().filter(|(from, _)| from == user) {
            assert!(allowed.contains(&used.as_str()), "{user} must not know {used}");
        }
    };
    only("clock", &[]);
    only("program", &[]);
    only("state", &[]);
    only("config", &["program", "state"]);
    only("signature", &[]);
    only("text", &[]);
    only("redact", &["text"]);
    only("verdict", &[]);
    only("telemetry", &["clock", "config", "program", "redact", "verdict"]);
    only("webex", &["clock", "config", "redact", "telemetry"]);
    only("store", &["clock", "config", "signature", "telemetry", "verdict"]);
    only("recent", &[]);
    only("sources", &["config", "redact", "webex"]);
    only("access", &["config", "recent", "webex"]);
    only("simulator", &["signature", "webex"]);
}

#[test]
fn each_library_is_used_where_it_belongs() {
    let sources = sources();
    for (word, rooms) in [
        ("toml", &["config"][..]),
        ("std::env", &["config"]),
        ("hmac", &["signature"]),
        ("ring::signature", &["signature"]),
        ("clap", &["cli"]),
        ("reqwest", &["webex", "sources", "simulator"]),
        ("rustls", &["webex"]),
        ("hyper_rustls", &["webex"]),
        ("tokio::spawn", &["cli", "lab", "simulator", "store"]),
    ] {
        for Source { file, code, .. } in &sources {
            let used = code.contains(&format!("{word}::")) || (word.contains("::") && code.contains(word));
            assert!(!used || rooms.contains(&room(file)), "{word} is used in {file}");
        }
    }
}

/// The files that do such a thing are these, and no others.
#[track_caller]
fn only_these(what: &str, does: impl Fn(&Source) -> bool, allowed: &[&str]) {
    let doing: Vec<_> = sources().into_iter().filter(does).map(|source| source.file).collect();
    assert_eq!(doing, allowed, "the files that {what}");
}

#[test]
fn few_post_edit_and_delete_messages() {
    let calls = ["create_message(", "upload(", "edit_message(", "delete_message("];
    let calls: Vec<_> = calls.iter().flat_map(|call| [format!(".{call}"), format!("::{call}")]).collect();
    only_these(
        "post, edit or delete messages",
        |source| calls.iter().any(|call| source.code.contains(call)),
        &["app/canary.rs", "cli/send.rs", "outbox/sender/delete.rs", "outbox/sender/edit.rs", "outbox/sender/post.rs"],
    );
}

#[test]
fn nothing_global_holds_state() {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '\'' | '!');
    let has_global = |source: &Source| {
        source.code.split(|c| !is_part(c)).any(|word| matches!(word, "static" | "thread_local!" | "lazy_static!"))
    };
    // The allocator of the program.
    only_these("hold what two bots of one process would share", has_global, &["main.rs"]);
}

#[test]
fn few_ask_the_system_for_the_time() {
    let calls = ["SystemTime", "Timestamp::now", "Zoned::now", "Instant::now"];
    let does = |source: &Source| source.room() != "simulator" && calls.iter().any(|call| source.code.contains(call));
    only_these("ask the system for the time", does, &["clock.rs", "receiver/websocket/session.rs"]);
    let sources = sources();
    let uses = Map::of(&sources).rooms();
    let rooms: Vec<_> = uses.iter().filter(|(_, used)| used == "clock").map(|(room, _)| room.as_str()).collect();
    let known = "app approvals bot cli commands desk event handler hooks http inbox outbox pairing places questions receiver store telemetry webex";
    assert_eq!(rooms.join(" "), known, "the rooms that use the clock");
}

/// Where a string may begin with a word of SQL, or rusqlite be named.
const SQL: &str = "store/sqlite";

#[test]
fn sql_is_in_the_store() {
    let words = "SELECT INSERT UPDATE DELETE REPLACE WITH CREATE ALTER DROP PRAGMA SAVEPOINT";
    let statements = "BEGIN COMMIT ROLLBACK VACUUM";
    let is_sql = |string: &String| {
        // Line ends may stand before it, as they are or escaped.
        let begins = string.trim_start_matches(['\\', 'n', ' ', '\n']);
        let first = begins.split(|c: char| !c.is_ascii_uppercase()).next().unwrap_or_default();
        let is_alone = begins.trim_end_matches([';', ' ', '\n']) == first;
        statements.split(' ').any(|word| word == first) || (!is_alone && words.split(' ').any(|word| word == first))
    };
    for Source { file, strings, code, .. } in sources().into_iter().filter(|source| !source.file.starts_with(SQL)) {
        assert_eq!(strings.iter().find(|string| is_sql(string)), None, "{file} has SQL");
        assert!(!code.contains("rusqlite::"), "{file} uses rusqlite");
    }
}
