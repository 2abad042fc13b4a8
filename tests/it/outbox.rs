//! Letters that are put alone: posts, threads that later ones join, edits of what was posted.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::simulator::{Call, Cloud, Fault, Message, Options};
use switchboard::webex::{Attachment, NewMessage, RoomType};
use switchboard::{Bot, Delete, Destination, Edit, Edited, Letter, Post, Thread};
use uuid::Uuid;

use crate::cli::verb;
use crate::explain::explain;
use crate::harness::{Harness, arrived, eventually, http};

const ALICE: &str = "alice@example.com";

/// A bot in a group space.
async fn scene() -> (Harness, String, Destination) {
    let bot = Harness::start().await;
    let lab = bot.cloud.space("Lab", &[ALICE]);
    let to = space(&lab);
    (bot, lab, to)
}

/// Kills the bot, lets what stalled go on, and starts it again.
async fn next_process(bot: Harness) -> Harness {
    let (cloud, folder) = bot.kill().await;
    cloud.clear_faults();
    cloud.release();
    let bot = Harness::on(cloud, folder, "", Bot::builder()).await;
    bot.ready().await;
    bot
}

fn space(room: &str) -> Destination {
    Destination::Space(room.into(), RoomType::Group)
}

fn text(text: &str) -> NewMessage {
    NewMessage { text: Some(text.to_owned()), ..NewMessage::default() }
}

fn post(to: &Destination, says: &str) -> Post {
    Post::new(to.clone(), text(says))
}

/// A post in the thread of this key.
fn threaded(to: &Destination, key: &str, says: &str) -> Post {
    post(to, says).in_thread(Thread::Key { key: key.to_owned() })
}

fn edit(to: &Destination, of: Edited, says: &str) -> Edit {
    Edit::new(to.clone(), of, text(says))
}

/// The same, posted where the message cannot be edited.
fn update(to: &Destination, of: Edited, says: &str) -> Edit {
    edit(to, of, says).or_post()
}

fn by_key(key: &str) -> Edited {
    Edited::Thread(key.to_owned())
}

/// What the bot's messages say, in order.
fn said(cloud: &Cloud) -> Vec<String> {
    cloud.messages().into_iter().map(|message| message.text.unwrap_or_default()).collect()
}

fn last(cloud: &Cloud) -> Message {
    cloud.messages().pop().unwrap()
}

fn edits_made(cloud: &Cloud) -> usize {
    cloud.calls().iter().filter(|call: &&Call| call.method == Method::PUT && call.path.starts_with("/messages")).count()
}

async fn delete(cloud: &Cloud, message: &str) {
    let url = format!("{}/messages/{message}", cloud.api_url());
    assert_eq!(http().delete(url).bearer_auth(cloud.bot().token).send().await.unwrap().status(), 204);
}

fn listed(bot: &Harness) -> Vec<Value> {
    let list = verb(bot.folder.path(), &["outbox", "list", "--state", "all", "--json"]);
    let mut rows: Vec<Value> = serde_json::from_str(&list).unwrap();
    rows.reverse();
    rows
}

fn verdicts(bot: &Harness) -> Vec<String> {
    listed(bot).iter().map(|row| row["verdict"].as_str().unwrap_or("open").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_sent_once_however_often_it_is_put_and_can_be_explained() {
    let (bot, _, to) = scene().await;
    let first = bot.put("deploy 7", post(&to, "Deployed.")).await;
    let again = bot.put("deploy 7", post(&to, "Deployed!")).await;
    assert_eq!((first.is_new, again.is_new, first.id == again.id), (true, false, true));
    bot.settle().await;
    bot.put("deploy 7", post(&to, "Deployed?")).await;
    bot.settle().await;
    assert_eq!(said(&bot.cloud), ["Deployed."]);
    let message = last(&bot.cloud).id;
    let row = &listed(&bot)[0];
    assert_eq!((&row["kind"], &row["message"], &row["note"]), (&json!("post"), &json!(message), &Value::Null));
    for id in [first.id.to_string(), message.clone()] {
        let story = explain(&bot, &id);
        assert!(story.contains("put into the outbox, for no event: a message to the space "), "{story}");
        assert!(story.contains(&format!(" ms after it was put, as {message}\n")), "{story}");
    }
    let shown = verb(bot.folder.path(), &["outbox", "show", &first.id.to_string()]);
    assert!(shown.contains(&format!("message   {message}")), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_webex_would_not_take_is_refused_before_anything_is_written() {
    let (bot, lab, to) = scene().await;
    let with = |message: NewMessage| Letter::from(Post::new(to.clone(), message));
    let card = || vec![Attachment::adaptive_card(json!({}))];
    let file = |address: &str| vec![address.to_owned()];
    let by_id = || Edited::Message("m".into());
    for (letter, why) in [
        (with(text(" ")), "says nothing"),
        (with(text(&"x".repeat(7440))), "7440 bytes of text, and Webex takes 7439 at most"),
        (with(NewMessage { room_id: Some(lab.as_str().into()), ..text("a") }), "`to` of the letter"),
        (with(NewMessage { to_person_email: Some(ALICE.to_owned()), ..text("a") }), "`to` of the letter"),
        (with(NewMessage { parent_id: Some("m".into()), ..text("a") }), "`in_thread` of the letter"),
        (with(NewMessage { files: file("/etc/passwd"), ..text("a") }), "is no address of a file"),
        (
            with(NewMessage { files: file("https://a.test/b"), attachments: card(), ..text("a") }),
            "one file or one card",
        ),
        (Post::new(Destination::email("alice"), text("a")).into(), "no email address"),
        (edit(&to, by_id(), "").into(), "says nothing"),
        (Edit::new(to.clone(), by_id(), NewMessage { attachments: card(), ..text("a") }).into(), "only the text"),
    ] {
        let error = bot.refusal(letter).await;
        assert!(error.contains(why) && !error.contains('\n'), "{why}: {error}");
    }
    assert_eq!(listed(&bot), Vec::<Value>::new());
    assert!(bot.put("refused", post(&to, &"x".repeat(7439))).await.is_new);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_begins_one_thread_in_each_space_and_later_letters_are_in_it() {
    let (bot, _, to) = scene().await;
    let attic = bot.cloud.space("Attic", &[ALICE]);
    for (nth, says) in ["Disk full", "Still full", "Fine again"].into_iter().enumerate() {
        bot.put(&nth.to_string(), threaded(&to, "disk", says)).await;
    }
    bot.put("other", threaded(&space(&attic), "disk", "Disk full in the attic")).await;
    bot.put("fan", threaded(&to, "fan", "Fan broken")).await;
    bot.settle().await;
    let messages = bot.cloud.messages();
    let find = |says: &str| messages.iter().find(|message| message.text.as_deref() == Some(says)).unwrap();
    let root = find("Disk full");
    for (says, parent) in [
        ("Disk full", None),
        ("Still full", Some(&root.id)),
        ("Fine again", Some(&root.id)),
        ("Disk full in the attic", None),
        ("Fan broken", None),
    ] {
        assert_eq!(find(says).parent_id.as_ref(), parent, "{says}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_whose_root_is_gone_is_begun_anew_once() {
    let (bot, _, to) = scene().await;
    bot.put("1", threaded(&to, "disk", "Disk full")).await;
    bot.settle().await;
    delete(&bot.cloud, &last(&bot.cloud).id).await;
    for (key, says) in [("2", "Still full"), ("3", "Fine again")] {
        bot.put(key, threaded(&to, "disk", says)).await;
    }
    bot.settle().await;
    let messages = bot.cloud.messages();
    let [fresh, reply] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!((fresh.parent_id.as_ref(), reply.parent_id.as_ref()), (None, Some(&fresh.id)));
    let story = explain(&bot, &fresh.id);
    assert!(story.contains("was not posted in its thread: Webex answered 400"), "{story}");
    assert!(!explain(&bot, &reply.id).contains("beside it"));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_root_and_its_receipt_a_thread_goes_on_with_at_worst_a_second_root() {
    // In a direct space that it knows the bot sees that its root is there. One that Webex finds for it, it knows once it has
    // heard of it.
    for (nth, possible) in [(0, 2..=2), (1, 1..=1), (2, 1..=2)] {
        let cloud = Cloud::start(Options::default()).await.unwrap();
        let to = match nth {
            0 => space(&cloud.space("Lab", &[ALICE])),
            1 => Destination::Space(cloud.person(ALICE).direct_room().into(), RoomType::Direct),
            _ => Destination::email(ALICE),
        };
        let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), "", Bot::builder()).await;
        bot.ready().await;
        bot.cloud.fault(Fault::on(Method::POST, "/messages").apply_then_stall());
        bot.put("1", threaded(&to, "disk", "Disk full")).await;
        bot.put("2", threaded(&to, "disk", "Fine again")).await;
        assert!(eventually(async || !bot.cloud.messages().is_empty()).await);
        let bot = next_process(bot).await;
        bot.put("3", threaded(&to, "disk", "Full again")).await;
        bot.settle().await;
        let messages = bot.cloud.messages();
        let roots = messages.len() - 2;
        assert!(possible.contains(&roots), "{messages:?}");
        let root = &messages[roots - 1];
        assert_eq!((root.text.as_deref(), &root.parent_id), (Some("Disk full"), &None));
        for reply in &messages[roots..] {
            assert_eq!(reply.parent_id.as_ref(), Some(&root.id));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_comes_after_the_post_that_it_edits_and_those_that_wait_are_folded_into_the_last() {
    let (bot, _, to) = scene().await;
    bot.cloud.fault(Fault::on(Method::POST, "/messages").stall());
    let building = bot.put("build", post(&to, "Building")).await;
    let mut edits = Vec::new();
    for nth in 1..=3 {
        edits.push(bot.put(&nth.to_string(), edit(&to, Edited::Letter(building.id), &format!("{nth} of 3"))).await);
    }
    bot.put("next", post(&to, "Next")).await;
    arrived(&bot.cloud, Method::POST, "/messages", 1).await;
    bot.cloud.release();
    bot.settle().await;
    assert_eq!((said(&bot.cloud), edits_made(&bot.cloud)), (vec!["3 of 3".to_owned(), "Next".to_owned()], 1));
    assert_eq!(verdicts(&bot), ["sent", "folded", "folded", "edited", "sent"]);
    assert_eq!(listed(&bot)[0]["edits"], 1);
    let story = explain(&bot, &building.id.to_string());
    assert_eq!(story.matches("edit of the post left to a later one: row ").count(), 2, "{story}");
    assert_eq!(story.matches("edit of the post made\n").count(), 1, "{story}");
    let folded = explain(&bot, &edits[0].id.to_string());
    assert!(folded.contains(&format!("left to a later one: row {} of the outbox", edits[2].id)), "{folded}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_has_ten_edits_and_the_text_of_one_more_is_posted_in_its_thread_or_is_a_dead_letter() {
    let (bot, _, to) = scene().await;
    let posted = bot.put("status", post(&to, "0")).await;
    bot.settle().await;
    let status = last(&bot.cloud);
    for nth in 1..=10 {
        bot.put(&nth.to_string(), edit(&to, Edited::Letter(posted.id), &nth.to_string())).await;
        bot.settle().await;
    }
    assert_eq!((said(&bot.cloud), edits_made(&bot.cloud)), (vec!["10".to_owned()], 10));
    let one_more = bot.put("11", edit(&to, Edited::Letter(posted.id), "11")).await;
    bot.settle().await;
    bot.put("12", update(&to, Edited::Letter(posted.id), "12")).await;
    // By Webex's id of it, the ledger does not know how often it was edited. Webex does.
    let by_id = Edited::Message(status.id.as_str().into());
    bot.settle().await;
    let unknown = bot.put("13", edit(&to, by_id.clone(), "13")).await;
    bot.settle().await;
    bot.put("14", update(&to, by_id, "14")).await;
    bot.settle().await;
    assert_eq!(said(&bot.cloud), ["10", "12", "14"]);
    for reply in &bot.cloud.messages()[1..] {
        assert_eq!(reply.parent_id.as_ref(), Some(&status.id));
    }
    for (id, why) in [(one_more.id, "it had its ten edits"), (unknown.id, "The limit of 10 edits")] {
        let story = explain(&bot, &id.to_string());
        assert!(story.contains(" given up after ") && story.contains(why), "{story}");
    }
    let story = explain(&bot, &last(&bot.cloud).id);
    assert!(story.contains("; posted and not edited: Webex answered 400 to messages/{id}: The limit"), "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_edit_is_known_to_be_made_though_its_answer_was_lost() {
    let (bot, _, to) = scene().await;
    let posted = bot.put("status", post(&to, "0")).await;
    for nth in 1..=10 {
        if nth == 10 {
            bot.cloud.fault(Fault::on(Method::PUT, "/messages/*").apply_then_reset());
        }
        bot.put(&nth.to_string(), edit(&to, Edited::Letter(posted.id), &nth.to_string())).await;
        bot.settle().await;
    }
    assert_eq!(said(&bot.cloud), ["10"]);
    assert_eq!(verdicts(&bot).last().unwrap(), "edited");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_webex_does_not_edit_is_posted_or_a_dead_letter_that_says_why() {
    let (bot, _, to) = scene().await;
    let card = json!({"contentType": "application/vnd.microsoft.card.adaptive",
        "content": {"type": "AdaptiveCard", "version": "1.3", "body": [{"type": "TextBlock", "text": "A"}]}});
    let card: Attachment = serde_json::from_value(card).unwrap();
    let with_card = NewMessage { attachments: vec![card], ..text("A card") };
    let card = bot.put("card", Post::new(to.clone(), with_card)).await;
    bot.put("edit", edit(&to, Edited::Letter(card.id), "Edited")).await;
    bot.settle().await;
    bot.put("update", update(&to, Edited::Letter(card.id), "Updated")).await;
    let gone = bot.put("gone", threaded(&to, "gone", "Gone soon")).await;
    bot.settle().await;
    let [_, updated, root] = &bot.cloud.messages()[..] else { panic!("{:?}", said(&bot.cloud)) };
    assert_eq!(updated.parent_id.as_ref(), Some(&bot.cloud.messages()[0].id));
    delete(&bot.cloud, &root.id).await;
    let lost = bot.put("lost", edit(&to, Edited::Letter(gone.id), "Lost")).await;
    bot.put("again", update(&to, by_key("gone"), "Here again")).await;
    bot.settle().await;
    bot.put("joined", threaded(&to, "gone", "And on")).await;
    bot.settle().await;
    assert_eq!(said(&bot.cloud), ["A card", "Updated", "Here again", "And on"]);
    let messages = bot.cloud.messages();
    assert_eq!((&messages[2].parent_id, messages[3].parent_id.as_ref()), (&None, Some(&messages[2].id)));
    assert!(explain(&bot, &lost.id.to_string()).contains("the message was deleted: Webex answered 404"));
    let list = verb(bot.folder.path(), &["outbox", "list", "--state", "dead"]);
    assert!(list.contains("  edit: it has a card") && list.lines().count() == 3, "{list}");
    let shown = verb(bot.folder.path(), &["outbox", "show", &listed(&bot)[1]["id"].as_str().unwrap()[..12]]);
    assert!(shown.contains("note      it has a card"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_by_a_key_posts_what_later_ones_edit_and_works_for_a_person_too() {
    let bot = Harness::start().await;
    let lab = bot.cloud.space("Lab", &[ALICE]);
    for to in [space(&lab), Destination::Email(ALICE.to_owned())] {
        for says in ["firing", "still firing", "resolved"] {
            bot.put(&format!("{says} {to:?}"), update(&to, by_key("alert"), says)).await;
            bot.settle().await;
        }
    }
    assert_eq!(said(&bot.cloud), ["resolved", "resolved"]);
    assert_eq!(edits_made(&bot.cloud), 4);
    let row = &listed(&bot)[0];
    assert_eq!((&row["edits"], &row["verdict"]), (&json!(2), &json!("sent")));
}

#[tokio::test(flavor = "multi_thread")]
async fn capital_letters_in_an_address_make_no_other_destination() {
    let bot = Harness::start().await;
    let [lower, upper] = [ALICE, "Alice@Example.com"].map(|email| Destination::Email(email.to_owned()));
    let posted = bot.put("firing", threaded(&lower, "alert", "firing")).await;
    bot.settle().await;
    bot.put("more", threaded(&upper, "alert", "details")).await;
    bot.put("edit", edit(&upper, Edited::Letter(posted.id), "resolved")).await;
    bot.settle().await;
    let [root, answer] = &bot.cloud.messages()[..] else { panic!("{:?}", said(&bot.cloud)) };
    assert_eq!((root.text.as_deref(), answer.parent_id.as_ref()), (Some("resolved"), Some(&root.id)));
    let story = explain(&bot, &posted.id.to_string());
    assert!(story.contains("edit of the post made\n"), "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_never_overwritten_by_an_update_of_what_it_answers() {
    let (bot, _, to) = scene().await;
    bot.cloud.fault(Fault::on(Method::POST, "/messages").stall());
    bot.put("before", post(&to, "before")).await;
    bot.put("firing", update(&to, by_key("alert"), "firing")).await;
    bot.put("details", threaded(&to, "alert", "details")).await;
    for says in ["still firing", "resolved"] {
        bot.put(says, update(&to, by_key("alert"), says)).await;
    }
    arrived(&bot.cloud, Method::POST, "/messages", 1).await;
    bot.cloud.release();
    bot.settle().await;
    assert_eq!(said(&bot.cloud), ["before", "resolved", "details"], "the one that posts is folded into none");
    assert_eq!(verdicts(&bot), ["sent", "sent", "sent", "folded", "edited"]);
    // And where an answer had to begin the thread anew.
    delete(&bot.cloud, &bot.cloud.messages()[1].id).await;
    bot.put("more", threaded(&to, "alert", "more details")).await;
    bot.put("again", update(&to, by_key("alert"), "firing again")).await;
    bot.settle().await;
    assert_eq!(said(&bot.cloud), ["before", "details", "more details", "firing again"]);
    let messages = bot.cloud.messages();
    assert_eq!(messages[3].parent_id.as_ref(), Some(&messages[2].id));
}

/// Holds the first post, and refuses the second.
fn hold_then_refuse(cloud: &Cloud) {
    cloud.fault(Fault::on(Method::POST, "/messages").stall());
    cloud.fault(Fault::on(Method::POST, "/messages").answer(400, &[], "{}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_waiting_updates_of_a_letter_that_was_refused_one_alone_is_posted() {
    let (bot, _, to) = scene().await;
    hold_then_refuse(&bot.cloud);
    bot.put("before", post(&to, "before")).await;
    let refused = bot.put("build", post(&to, "Building")).await;
    for nth in 1..=10 {
        bot.put(&nth.to_string(), update(&to, Edited::Letter(refused.id), &format!("{nth} of 10"))).await;
    }
    arrived(&bot.cloud, Method::POST, "/messages", 1).await;
    bot.cloud.release();
    bot.settle().await;
    assert_eq!(said(&bot.cloud), ["before", "10 of 10"], "{:?}", verdicts(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_gives_way_only_to_another_that_would_be_posted_too() {
    let (bot, _, to) = scene().await;
    hold_then_refuse(&bot.cloud);
    bot.put("before", post(&to, "before")).await;
    let refused = bot.put("build", post(&to, "Building")).await;
    let of = Edited::Letter(refused.id);
    bot.put("1", update(&to, of.clone(), "1 of 3")).await;
    bot.put("2", update(&to, of.clone(), "2 of 3")).await;
    bot.put("3", edit(&to, of, "3 of 3")).await;
    arrived(&bot.cloud, Method::POST, "/messages", 1).await;
    bot.cloud.release();
    bot.settle().await;
    assert_eq!(said(&bot.cloud), ["before", "2 of 3"]);
    assert_eq!(verdicts(&bot), ["sent", "refused", "folded", "sent", "refused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_deleted_by_its_id_its_letter_or_as_the_root_of_a_thread() {
    let (bot, _, to) = scene().await;
    bot.put("1", post(&to, "by its id")).await;
    bot.settle().await;
    let id = last(&bot.cloud).id;
    let letter = bot.put("2", post(&to, "by its letter")).await.id;
    bot.put("3", threaded(&to, "disk", "by its thread")).await;
    let stays = bot.put("4", post(&to, "stays")).await.id;
    for (nth, of) in [Edited::Message(id.into()), Edited::Letter(letter), by_key("disk")].into_iter().enumerate() {
        bot.put(&format!("deletion {nth}"), Delete::new(to.clone(), of)).await;
    }
    let unsent = Delete::new(to.clone(), Edited::Letter(stays)).replaced_by(Uuid::from_u128(1));
    let unsent = bot.put("replaced", unsent).await.id.to_string();
    bot.settle().await;
    assert_eq!(said(&bot.cloud), ["stays"]);
    assert_eq!(verdicts(&bot)[4..], ["deleted", "deleted", "deleted", "refused"]);
    let story = explain(&bot, &unsent);
    assert!(story.contains("the deletion of the message of row ") && story.contains("so it stays"), "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_deletions_end_within_the_lease() {
    let settings = "[worker]\nlease = \"3s\"\ndeadline = \"2s\"\nmax_attempts = 1";
    let bot = Harness::with(settings, Bot::builder()).await;
    let room = bot.cloud.space("Lab", &[ALICE]);
    for nth in 0..7 {
        bot.put(&nth.to_string(), post(&space(&room), &nth.to_string())).await;
    }
    bot.settle().await;
    let messages: Vec<_> = bot.cloud.messages().into_iter().map(|message| message.id).collect();
    let row = listed(&bot)[0]["id"].clone();
    // As an approval's card that was pressed in several copies is deleted.
    let deletion = json!({"delete": {"to": {"space": [room, "group"]}, "of": {"letter": row},
        "messages": messages[..6], "successor": listed(&bot)[6]["id"]}});
    bot.cloud.fault(Fault::on(Method::DELETE, "/messages/").delay(Duration::from_millis(550)).times(6));
    let deletion = bot.put("deletion", Letter::read(&deletion.to_string()).unwrap()).await.id.to_string();
    bot.settle().await;
    let shown = verb(bot.folder.path(), &["outbox", "show", &deletion]);
    assert!(shown.contains("note      no answer before the lease ends"), "the only try ends in time: {shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_an_edit_is_made_it_is_made_by_the_next_process() {
    let (bot, _, to) = scene().await;
    let posted = bot.put("status", post(&to, "firing")).await;
    bot.settle().await;
    bot.cloud.fault(Fault::on(Method::PUT, "/messages/*").apply_then_stall());
    bot.put("edit", edit(&to, Edited::Letter(posted.id), "resolved")).await;
    arrived(&bot.cloud, Method::PUT, "/messages/*", 1).await;
    let bot = next_process(bot).await;
    bot.settle().await;
    assert_eq!(
        (said(&bot.cloud), edits_made(&bot.cloud)),
        (vec!["resolved".to_owned()], 1),
        "it sees that it was made"
    );
    assert_eq!(verdicts(&bot), ["sent", "edited"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_waits_for_goes_before_what_is_announced() {
    let bot = Harness::with("[worker]\nconcurrency = 1", Bot::builder()).await;
    let rooms: Vec<_> = (0..4).map(|nth| bot.cloud.space(&format!("Lab {nth}"), &[ALICE])).collect();
    bot.cloud.fault(Fault::on(Method::POST, "/messages").stall());
    bot.put("first", post(&space(&rooms[0]), "first")).await;
    arrived(&bot.cloud, Method::POST, "/messages", 1).await;
    for (nth, room) in rooms[1..3].iter().enumerate() {
        bot.put(&format!("news {nth}"), post(&space(room), "news").announced()).await;
    }
    bot.put("answer", post(&space(&rooms[3]), "answer")).await;
    bot.cloud.release();
    bot.settle().await;
    let calls = bot.cloud.calls();
    let posts = calls.iter().filter(|call| call.method == Method::POST && call.path == "/messages");
    assert_eq!(posts.count(), 4);
    assert_eq!(said(&bot.cloud).iter().position(|text| text == "answer"), Some(1), "{:?}", said(&bot.cloud));
}
