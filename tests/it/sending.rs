//! `switchboard send`: one message now, from a terminal or a script.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use switchboard::simulator::{Cloud, Options};

use crate::harness::switchboard;

/// Runs `switchboard send`, with this on its standard input; the exit code, and all that it printed.
fn send(cloud: &Cloud, folder: &Path, args: &[&str], input: &str) -> (i32, String) {
    let mut command = switchboard();
    command.arg("send").args(args).current_dir(folder).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("SWITCHBOARD_WEBEX__API_URL", cloud.api_url()).env("WEBEX_BOT_TOKEN", cloud.bot().token);
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Whoever has its text already does not read it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_piped_is_sent_in_a_thread_and_a_long_text_in_parts() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let lab = cloud.space("Lab", &["alice@example.com"]);
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str], input: &str| send(&cloud, folder.path(), &[&["--room", &lab], args].concat(), input);
    let (code, said) = run(&[], "piped\ntext\n");
    assert_eq!((code, said.lines().count()), (0, 1), "{said}");
    let root = said.trim().strip_prefix("sent ").unwrap().to_owned();
    assert_eq!(run(&["--thread", &root, "-"], "an answer").0, 0);
    assert_eq!(run(&["the", "arguments"], "are taken, and not this").0, 0);
    let (code, said) = run(&["--thread", &root], &"word ".repeat(3000));
    assert_eq!((code, said.lines().count()), (0, 3), "{said}");
    let messages = cloud.messages();
    let said: Vec<_> = messages.iter().map(|message| message.text.as_deref().unwrap()).collect();
    assert_eq!(said[..3], ["piped\ntext", "an answer", "the arguments"]);
    assert_eq!(said[3..].iter().map(|part| part.matches("word").count()).sum::<usize>(), 3000);
    let threads: Vec<_> = messages.iter().map(|message| message.parent_id.as_ref() == Some(&root)).collect();
    assert_eq!(threads, [false, true, false, true, true, true]);
    let (_, one) = run(&["--json", "one"], "");
    assert_eq!(serde_json::from_str::<Value>(&one).unwrap()["text"], "one");
    let (_, several) = run(&["--json", "--markdown"], &"word ".repeat(3000));
    assert_eq!(serde_json::from_str::<Value>(&several).unwrap().as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_where_there_is_nothing_to_say_or_the_card_is_wrong() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let lab = cloud.space("Lab", &["alice@example.com"]);
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str], input: &str| send(&cloud, folder.path(), &[&["--room", &lab], args].concat(), input);
    for args in [&[][..], &["-"], &[""], &[" "], &["--markdown", "\n"], &["\u{200b}"]] {
        let (code, said) = run(args, " \n");
        assert!(code == 2 && said.contains("the text is empty"), "{args:?}: {said}");
    }
    let card = |content: &Value| std::fs::write(folder.path().join("card.json"), content.to_string()).unwrap();
    for (content, says) in [
        (json!({"type": "AdaptiveCard", "version": "1.9"}), "card.json: is wrong at version"),
        (json!({"type": "AdaptiveCard", "version": "1.3", "body": [{"type": "Media"}]}), "body[0].type"),
    ] {
        card(&content);
        let (code, said) = run(&["--card", "card.json"], "");
        assert!(code == 2 && said.contains(says), "{said}");
    }
    std::fs::write(folder.path().join("card.json"), "{").unwrap();
    for (file, says) in [("card.json", "is no JSON"), ("none.json", "cannot be read")] {
        let (code, said) = run(&["--card", file], "");
        assert!(code == 2 && said.contains(says), "{said}");
    }
    assert!(cloud.messages().is_empty());
    let submit = json!({"type": "Action.Submit", "title": "Go", "data": {"say": "status"}});
    card(&json!({"type": "AdaptiveCard", "version": "1.3", "body": [{"type": "TextBlock", "text": "Disk full"}],
        "actions": [submit]}));
    let (code, said) = run(&["--card", "card.json"], "");
    assert!(code == 0 && said.contains("sent ") && said.contains("will do nothing"), "{said}");
    assert_eq!(run(&["--card", "card.json", "read me"], "").0, 0);
    let messages = cloud.messages();
    assert!(messages.iter().all(|said| said.attachments[0]["content"]["body"][0]["text"] == "Disk full"));
    assert_eq!((messages[0].text.as_deref(), messages[1].text.as_deref()), (Some("Disk full"), Some("read me")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_does_not_exist_is_named() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let id = |kind: &str| {
        use base64::Engine;
        let id = format!("ciscospark://us/{kind}/11111111-1111-4111-8111-111111111111");
        base64::engine::general_purpose::STANDARD_NO_PAD.encode(id)
    };
    let (room, person) = (id("ROOM"), id("PEOPLE"));
    for (args, says) in [
        (
            ["--room", &*room],
            format!("Webex knows no space {room}, or the bot is not a member of it; `switchboard rooms`"),
        ),
        (["--to", &*person], format!("Webex knows no person {person}")),
    ] {
        let (code, said) = send(&cloud, folder.path(), &[&args[..], &["hello"]].concat(), "");
        assert!(code == 1 && said.contains(&says), "{said}");
    }
    let spaces = ["Lab", "Double", "Double"].map(|title| cloud.space(title, &["alice@example.com"]));
    for (title, says) in [
        ("lab", "--room: the bot is in no space with the title \"lab\", but in one with the title \"Lab\""),
        ("Double", "--room: 2 spaces have the title \"Double\"; name one by its id"),
    ] {
        let (code, said) = send(&cloud, folder.path(), &["--room", title, "hello"], "");
        assert!(code == 2 && said.contains(says), "{code}: {said}");
    }
    assert_eq!(send(&cloud, folder.path(), &["--room", "Lab", "hello"], "").0, 0);
    let rooms: Vec<_> = cloud.messages().into_iter().map(|message| message.room_id).collect();
    assert_eq!(rooms, spaces[..1]);
}
