//! What people write is text: it never becomes markup in what the bot says.

use switchboard::simulator::{Cloud, Message};
use switchboard::{Args, Bot, Command, Context, Reply, Result, code_block, code_span, escape};

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
    let commands = [Command::new("paste [text...]", "", paste), Command::new("tell [text...]", "", tell)];
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
