//! Commands that the settings make.

use switchboard::Bot;

use crate::harness::{Harness, SECRET, switchboard};

const OFFICE: &str = r#"
[[command]]
name = "office"
about = "Says where we are"
aliases = ["where"]
text = "{{ sender.email }} finds us in {{ args.city }} for {{ args.days + 1 }} days{% if args.now %}, now{% endif %}: {{ args.note }}"
args = [
    { name = "city", about = "the town", choices = ["Berlin", "Paris"] },
    { name = "days", type = "integer", default = "2" },
    { name = "now", type = "flag" },
    { name = "note", default = "-", rest = true },
]
"#;

/// What the bot answers Alice.
async fn answer(bot: &Harness, text: &str) -> String {
    let alice = bot.cloud.person("alice@example.com");
    alice.says(text);
    bot.settle().await;
    let said = bot.cloud.messages().into_iter().rfind(|message| message.person_id == bot.cloud.bot().id);
    said.and_then(|message| message.markdown.or(message.text)).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_six_lines_is_answered_and_explained_in_help() {
    let bot = Harness::with(OFFICE, Bot::builder()).await;
    assert_eq!(answer(&bot, "office paris").await, "alice@example.com finds us in Paris for 3 days: \\-");
    let full = answer(&bot, "where days=4 city=Berlin now bring  \"a\" cake").await;
    assert_eq!(full, "alice@example.com finds us in Berlin for 5 days, now: bring  \"a\" cake");
    let help = answer(&bot, "help office").await;
    for part in ["Says where we are", "office <Berlin|Paris> [days] [now] [note...]", "the town", "where"] {
        assert!(help.contains(part), "{part}: {help}");
    }
    assert!(answer(&bot, "office Rome").await.contains("is not a choice for city; say one of Berlin, Paris"));
    assert!(answer(&bot, "office Paris many").await.contains("\"many\" is no whole number"));
    let hostile = "office Paris 1 note=<@all> [here](https://evil.example) **bold**";
    let said = answer(&bot, hostile).await;
    assert!(!said.contains("<@") && !said.contains("](https") && !said.contains("**bold"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_given_by_whom_its_own_rule_allows() {
    let settings = "[[command]]\nname = \"office\"\ntext = \"Paris\"\nallow = [\"bob@example.com\"]";
    let bot = Harness::with(settings, Bot::builder()).await;
    assert!(!answer(&bot, "office").await.contains("Paris"));
    bot.cloud.person("bob@example.com").says("office");
    assert!(bot.transcript().await.contains("Paris"));
}

#[test]
fn a_wrong_one_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for (command, says) in [
        ("name = \"a\"\ntext = \"{{ args.b }}\"", "command a: text: there is no args.b; there are sender.email"),
        ("name = \"a\"\ntext = \"{{ secret.ci }}\"", "command a: text: secret.ci would be shown to whoever"),
        ("name = \"a\"\ntext = \"{{ x\"", "command a: text: "),
        ("name = \"help\"\ntext = \"x\"", "command help: two commands are called \"help\"; rename one of them"),
        ("name = \"a b\"\ntext = \"x\"", "a command is called by one word in lower case"),
        ("name = \"a\"\nabout = \"x\"", "(a) has about, aliases or args, which only a new command can have"),
        ("name = \"a\"\ntext = \"x\"\nargs = [{ name = \"b-c\" }]", "no template can write the name \"b-c\""),
        (
            "name = \"a\"\ntext = \"x\"\nargs = [{ name = \"b\", type = \"integer\", default = \"x\" }]",
            "has a default that it cannot have",
        ),
        ("name = \"a\"\ntext = \"x\"\nargs = [{ name = \"b\", type = \"int\" }]", "must be one of text, integer"),
    ] {
        let settings = format!("[webex]\ntoken = \"x\"\n[webhook]\nsecret = \"{SECRET}\"\n[[command]]\n{command}\n");
        std::fs::write(folder.path().join("bot.toml"), settings).unwrap();
        let output = switchboard().arg("check").current_dir(folder.path()).output().unwrap();
        let all = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command}: {all}");
        assert!(all.contains(says) && all.contains("bot.toml, line"), "{command}: {all}");
    }
}
