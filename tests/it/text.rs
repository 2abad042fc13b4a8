//! What people write: it never becomes markup in what the bot says, and of it only what they say themselves counts.

use reqwest::Method;
use switchboard::simulator::{Cloud, Fault, Message, Person};
use switchboard::{Args, Bot, Command, Context, Inputs, Param, Question, Reply, Result, code_block, code_span, escape};

use crate::harness::Harness;

const ALICE: &str = "alice@example.com";

fn own(cloud: &Cloud) -> Vec<Message> {
    let bot = cloud.bot().id;
    cloud.messages().into_iter().filter(|message| message.person_id == bot).collect()
}

/// Says what it is told in a block, again and again, so that it becomes several messages.
async fn paste(_: Context, mut args: Args) -> Result<Reply> {
    let said = format!("{}\n", args.rest()).repeat(120);
    Ok(Reply::markdown(code_block(&said)))
}

/// The same as text within a paragraph, and as code within a line.
async fn tell(_: Context, mut args: Args) -> Result<Reply> {
    let said = format!("{} ", args.rest()).repeat(120);
    Ok(Reply::markdown(format!("They said: {}\n\nIn short: {}", escape(&said), code_span(&said))))
}

#[tokio::test]
async fn foreign_text_leaves_no_block_and_becomes_no_markup_however_long_it_is() {
    let commands = [
        Command::new("paste", "", paste).param(Param::text("text").rest().optional()),
        Command::new("tell", "", tell).param(Param::text("text").rest().optional()),
    ];
    let bot = Harness::with("", commands.into_iter().fold(Bot::builder(), Bot::command)).await;
    let lab = bot.cloud.space("Lab", &[ALICE]);
    let alice = bot.cloud.person(ALICE);
    let hostile = "a `````\n<@all> <@personEmail:alice@example.com|A> [x](https://x.test) \u{202e}pay 100000\u{2066} ``` `\n\
                   ```\n~~~\n# b\n- c\n1. d\r\n<@all>\u{2028}> e `````````` f <\u{202a}@all> **g** __h__";
    alice.says(&format!("paste {hostile}"));
    alice.mentions_bot(&lab, &format!("paste {hostile}")).unwrap();
    bot.settle().await;
    let pasted = own(&bot.cloud);
    assert!(pasted.len() >= 4, "{} messages", pasted.len());
    for message in &pasted {
        let html = message.html.as_deref().unwrap();
        let code = html.strip_prefix("<pre><code>").and_then(|html| html.strip_suffix("</code></pre>"));
        assert!(code.is_some_and(|code| !code.contains("<")), "{html}");
        assert!(message.mentioned_people.is_empty() && message.mentioned_groups.is_empty(), "{html}");
        assert!(!html.contains(['\u{202e}', '\u{2066}', '\u{202a}']), "{html}");
        let words = message.text.as_deref().unwrap().split_whitespace();
        assert!(words.filter(|word| word.contains("100")).all(|word| word == "100000"), "{html}");
    }
    alice.says(&format!("tell {hostile}"));
    alice.mentions_bot(&lab, &format!("tell {hostile}")).unwrap();
    bot.settle().await;
    let told = own(&bot.cloud).split_off(pasted.len());
    assert!(told.len() >= 4, "{} messages", told.len());
    for message in &told {
        let html = message.html.as_deref().unwrap();
        for element in ["<spark-mention", "<a ", "<strong", "<em", "<pre", "<h1", "<ul", "<ol", "<blockquote"] {
            assert!(!html.contains(element), "{html}");
        }
        assert!(!html.contains(['\u{202e}', '\u{2066}', '\u{202a}']), "{html}");
        let words = message.text.as_deref().unwrap().split_whitespace();
        assert!(words.filter(|word| word.contains("100")).all(|word| word == "100000"), "{html}");
    }
}

/// Pays, so that one can see who was paid.
fn payer() -> Bot {
    let pay = async |_: Context, mut args: Args| Ok(Reply::text(format!("Paid {}.", args.rest())));
    Bot::builder().command(Command::new("pay", "Pays somebody", pay).param(Param::text("text").rest().optional()))
}

/// What the bot says to what somebody does.
async fn hears<T>(bot: &Harness, act: impl FnOnce() -> T) -> Vec<String> {
    let before = own(&bot.cloud).len();
    act();
    bot.settle().await;
    own(&bot.cloud).into_iter().skip(before).map(|message| message.text.unwrap_or_default()).collect()
}

fn unknown(text: &str) -> String {
    format!("You said: \"{text}\". I don't know that. Say help to see what I can do.")
}

#[tokio::test]
async fn what_is_quoted_is_not_said_to_the_bot() {
    let bot = Harness::with("", payer()).await;
    let lab = bot.cloud.space("Lab", &[ALICE]);
    let alice = bot.cloud.person(ALICE);
    let direct = alice.direct_room();
    let me = format!("<@personId:{}>", bot.cloud.bot().id);
    for (markdown, says) in [
        (format!("> pay Eve\n\n{me} what is this?"), unknown("what is this?")),
        (format!("{me} what is this?\n\n> pay Eve"), unknown("what is this?")),
        (format!("> pay Eve\n> > pay Mallory\n> pay Eve\n\n{me} pay Bob\n\n> pay Eve"), "Paid Bob.".to_owned()),
        (format!("> {me} pay Eve\n\n{me} pay Bob"), "Paid Bob.".to_owned()),
        (format!("> pay Eve\n\n{me}"), "Yes? Say help to see what I can do.".to_owned()),
    ] {
        assert_eq!(hears(&bot, || alice.writes(&lab, &markdown).unwrap()).await, [says], "{markdown}");
    }
    // Whoever quotes a mention does not mention.
    let quoted = format!("> {me} pay Eve\n\nwhat is this?");
    assert!(hears(&bot, || alice.writes(&lab, &quoted).unwrap()).await.is_empty());
    for (markdown, says) in [
        ("> pay Eve\n\npay Bob", "Paid Bob.".to_owned()),
        ("> a\n> > pay Mallory\n\nwhat?\n\n> pay Eve", unknown("what?")),
        ("> pay Eve", "Yes? Say help to see what I can do.".to_owned()),
    ] {
        assert_eq!(hears(&bot, || alice.writes(&direct, markdown).unwrap()).await, [says], "{markdown}");
    }
    // Without html there are the lines as they were typed.
    for (text, says) in [
        ("> pay Eve\n>> pay Mallory\n>\n\npay Bob", "Paid Bob.".to_owned()),
        ("> pay Eve\nwhat?", unknown("what?")),
        ("pay Bob\n> and Carol", "Paid Bob\n> and Carol.".to_owned()),
        (">5 of them", unknown(">5 of them")),
    ] {
        assert_eq!(hears(&bot, || alice.says(text)).await, [says], "{text}");
    }
}

#[tokio::test]
async fn html_is_read_as_its_standard_says() {
    let bot = Harness::with("", payer()).await;
    let lab = bot.cloud.space("Lab", &[ALICE]);
    let alice = bot.cloud.person(ALICE);
    let (direct, me) = (alice.direct_room(), bot.cloud.bot().id);
    let mention = format!("<spark-mention data-object-type=\"person\" data-object-id=\"{me}\">Bot</spark-mention>");
    for (html, says) in [
        ("<a href=\"https://x.test\" title=\"1 > pay Eve\">pay</a> Bob", Some("Paid Bob.")),
        ("<!-- > pay Eve --><p>pay Bob</p>", Some("Paid Bob.")),
        ("<blockquote title=\"</blockquote>\">pay Eve</blockquote>pay Bob", Some("Paid Bob.")),
        ("<blockquote><!-- </blockquote> -->pay Eve</blockquote>pay Bob", Some("Paid Bob.")),
        ("<BLOCKQUOTE>a<blockquote>b</blockquote>pay Eve</BLOCKQUOTE>pay Bob", Some("Paid Bob.")),
        ("pay Bob<blockquote>pay Eve", Some("Paid Bob.")),
        ("<blockquote>pay Eve", None),
    ] {
        // Beside a quotation, the whole html counts in a direct message too.
        for (room, html) in
            [(&lab, format!("{mention} {html}")), (&direct, format!("{html}<blockquote>a</blockquote>"))]
        {
            let says = says.unwrap_or("Yes? Say help to see what I can do.");
            let text = says_raw(&bot, &alice, room, &html).await;
            assert_eq!(text, [says], "{html}");
        }
    }
    // A mention in an attribute, in a comment or in a quotation is none of the bot's.
    let fake = mention.replace('"', "'");
    for html in [
        format!("<blockquote>{mention} pay Eve</blockquote>what?"),
        format!("<blockquote>{mention}</blockquote><!-- {mention} --><a title=\"{fake}\">pay Eve</a>"),
    ] {
        assert!(says_raw(&bot, &alice, &lab, &html).await.is_empty(), "{html}");
    }
}

/// Says something in a room that mentions the bot, of which the API then shows this html; what the bot says to it.
async fn says_raw(bot: &Harness, alice: &Person, room: &str, html: &str) -> Vec<String> {
    let before = own(&bot.cloud).len();
    bot.cloud.hold_deliveries();
    alice.mentions_bot(room, "pay Eve").unwrap();
    let mut message = serde_json::to_value(bot.cloud.messages().pop().unwrap()).unwrap();
    message["html"] = html.into();
    let list = serde_json::json!({ "items": [message] });
    bot.cloud.fault(Fault::on(Method::GET, "/messages").answer(200, &[], &list.to_string()).always());
    bot.cloud.fault(Fault::on(Method::GET, "/messages/").answer(200, &[], &message.to_string()).always());
    bot.cloud.resume_deliveries();
    bot.settle().await;
    bot.cloud.clear_faults();
    own(&bot.cloud).into_iter().skip(before).map(|message| message.text.unwrap_or_default()).collect()
}

/// Asks where to, and takes one of two places or a number of days.
fn asker() -> Bot {
    async fn place(_: Context, inputs: Inputs) -> Result<Reply> {
        let place = inputs.one_of("place", &["staging", "Straße"])?.unwrap_or("nowhere");
        Ok(Reply::text(format!("To {place}.")))
    }
    async fn days(_: Context, inputs: Inputs) -> Result<Reply> {
        Ok(Reply::text(format!("{:?} days.", inputs.number("days")?)))
    }
    let ask = |text: &'static str, action: &'static str, input: &'static str| {
        move |_: Context, _: Args| async move { Ok(Reply::text(text).ask(Question::new(action).input(input))) }
    };
    let go = Command::new("go", "Goes somewhere", ask("Where to?", "place", "place")).action("place", place);
    let wait = Command::new("wait", "Waits", ask("How long?", "days", "days")).action("days", days);
    payer().command(go).command(wait)
}

#[tokio::test]
async fn words_are_what_they_look_like() {
    let bot = Harness::with("", asker()).await;
    let lab = bot.cloud.space("Lab", &[ALICE]);
    let alice = bot.cloud.person(ALICE);
    let me = format!("<@personId:{}>", bot.cloud.bot().id);
    let (go, wait) = ("Where to?", "How long?");
    for [asks, answer, says] in [
        ["go", "staging", "To staging."],
        ["`go`", "`Staging`", "To staging."],
        ["**GO**.", "**staging**.", "To staging."],
        ["\"go\"?", "“STAGING”!", "To staging."],
        ["g\u{200b}o\u{feff}", "sta\u{ad}g\u{2060}ing\u{fe0f}", "To staging."],
        ["\u{2066}/go\u{2069}", "STRASSE", "To Straße."],
        ["go ?", "«straße»", "To Straße."],
        ["```\ngo\n```", "cancel", "Cancelled."],
        ["go", "`/Cancel`.", "Cancelled."],
        ["go", "s\u{200d}t\u{e0041}op!", "Cancelled."],
        ["wait", "`7`.", "Some(7.0) days."],
        ["w\u{61c}ait…", "\u{200e}1\u{200b}0\u{200e}", "Some(10.0) days."],
    ] {
        let question = if asks.contains('w') { wait } else { go };
        let here = [hears(&bot, || alice.says(asks)).await, hears(&bot, || alice.says(answer)).await].concat();
        assert_eq!(here, [question, says], "{asks:?} {answer:?}");
        let mention = |text: &str| alice.mentions_bot(&lab, text).unwrap();
        let there = [hears(&bot, || mention(asks)).await, hears(&bot, || mention(answer)).await].concat();
        assert_eq!(
            there,
            [format!("{question}\n\n(Mention me when you answer.)"), says.to_owned()],
            "{asks:?} {answer:?}"
        );
    }
    // In bold, and as code, by markup.
    for markdown in [format!("{me} **pay** Bob"), format!("**pay** Bob {me}"), format!("{me}: `pay` Bob")] {
        assert_eq!(hears(&bot, || alice.writes(&lab, &markdown).unwrap()).await, ["Paid Bob."], "{markdown}");
    }
    let near = "You said: \"`statsu`?\". I don't know that; did you mean status? Say help to see what I can do.";
    assert_eq!(hears(&bot, || alice.says("`sta\u{200b}tsu`?")).await[0].replace('\u{200b}', ""), near);
    for text in ["`help pay`", "help **/Pay**?", "help p\u{200b}ay."] {
        assert!(hears(&bot, || alice.says(text)).await[0].starts_with("pay: Pays somebody"), "{text}");
    }
    assert!(hears(&bot, || alice.says("report `1D`.")).await[0].starts_with("The last day:"));
}

#[tokio::test]
async fn free_text_keeps_every_character() {
    let bot = Harness::with("[commands]\necho = true", payer()).await;
    let lab = bot.cloud.space("Lab", &[ALICE]);
    let alice = bot.cloud.person(ALICE);
    for text in [
        "❤\u{fe0f} 👨\u{200d}👩\u{200d}👧",
        "a\u{200b}b \u{ad}c\u{202e}d",
        "\"x\"? `y`. **z**!",
        "\u{200f}שלום\u{200f}",
        "? ",
    ] {
        let says = format!("Paid {}.", text.trim());
        assert_eq!(hears(&bot, || alice.says(&format!("`pay` {text}"))).await, [says.as_str()], "{text}");
        let there = hears(&bot, || alice.mentions_bot(&lab, &format!("/Pay\u{200b} {text}")).unwrap()).await;
        assert_eq!(there, [says.as_str()], "{text}");
    }
    let echoed = hears(&bot, || alice.says("echo ❤\u{fe0f}\u{200d}🔥 a\u{2066}b")).await;
    assert!(echoed[0].contains("text     \"echo ❤\u{fe0f}\u{200d}🔥 a\\u{2066}b\""), "{}", echoed[0]);
}

#[tokio::test]
async fn a_code_is_found_however_it_is_typed_and_an_address_only_to_the_letter() {
    const KIM: &str = "kim@example.com";
    let settings = "[access]\ndm_policy = \"pairing\"\ngroup_policy = \"allowlist\"\nadmins = [\"alice@example.com\"]\n\
                    allow_from = [\"Kim@Example.com\", \"*@kind.example\"]";
    let bot = Harness::with(settings, payer()).await;
    let alice = bot.cloud.person(ALICE);
    let strangers = [
        "\u{212a}im@example.com",
        "ki\u{200b}m@example.com",
        "a@\u{212a}ind.example",
        "_bob@example.com",
        "bob@example.com",
    ];
    let members: Vec<_> = strangers.iter().copied().chain([KIM, "KIM@EXAMPLE.COM"]).collect();
    let lab = bot.cloud.space("Lab", &members);
    for email in [KIM, "A@KIND.example"] {
        assert_eq!(hears(&bot, || bot.cloud.person(email).says("pay Bob")).await, ["Paid Bob."], "{email}");
    }
    for email in &strangers[..3] {
        let stranger = bot.cloud.person(email);
        let heard = hears(&bot, || stranger.says("pay Bob")).await;
        assert!(heard[0].starts_with("I don't know you yet"), "{email}: {heard:?}");
        assert!(hears(&bot, || stranger.mentions_bot(&lab, "pay Bob").unwrap()).await.is_empty(), "{email}");
    }
    let spellings = ["**CODE**", "`CODE`.", "“CODE”", "CO\u{200b}DE\u{2069}?", "\"CODE\".", "`/pairing approve CODE`"];
    for (nth, typed) in spellings.into_iter().enumerate() {
        let stranger = bot.cloud.person(&format!("s{nth}@example.net"));
        let heard = hears(&bot, || stranger.says("help")).await;
        let code = heard[0].split("the code ").nth(1).unwrap().split(' ').next().unwrap().to_lowercase();
        let typed = typed.replace("CO", &code[..2]).replace("DE", &code[2..]);
        let said = if typed.contains('/') { typed.clone() } else { format!("/pairing **approve** {typed}") };
        let heard = hears(&bot, || alice.says(&said)).await;
        assert!(heard.iter().any(|text| text.contains("is let in, and knows it from me")), "{typed}: {heard:?}");
    }
    // An underscore may be part of an address: without it, it is somebody else's.
    assert!(hears(&bot, || bot.cloud.person("bob@example.com").says("help")).await[0].contains("the code "));
    let heard = hears(&bot, || alice.says("pairing approve _bob@example.com")).await;
    assert!(heard.iter().any(|text| text.contains("Nothing is decided")), "{heard:?}");
    let heard = hears(&bot, || alice.says("pairing approve bo\u{200b}b@example.com")).await;
    assert!(heard.iter().any(|text| text.contains("Nothing is decided")), "{heard:?}");
    let heard = hears(&bot, || alice.says("pairing approve `BOB@example.com`.")).await;
    assert!(heard.iter().any(|text| text.contains("is let in")), "{heard:?}");
}
