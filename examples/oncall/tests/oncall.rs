//! What people say to the bot and read of it.

use switchboard::lab::Lab;

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

const SETTINGS: &str = "[oncall]\npeople = ['alice@example.com', 'bob@example.com']";

#[tokio::test]
async fn an_alert_is_taken_once() -> Result {
    let lab = Lab::with(SETTINGS, oncall::bot()).await?;
    let (alice, bob) = (lab.person("alice"), lab.person("bob"));
    let ops = lab.space("Ops", &[&alice, &bob]);
    let alerted = bob.says_in(&ops, "alert the disk of db-1 is full").await?;
    alice.presses(&alerted[0], "I take it", ()).await?;
    bob.presses(&alerted[0], "I take it", ()).await?;
    let transcript = lab.transcript();
    assert!(transcript.contains("alice@example.com looks at it: the disk of db-1 is full"), "{transcript}");
    assert!(!transcript.contains("bob@example.com looks at it"), "{transcript}");
    Ok(())
}

#[tokio::test]
async fn whoever_is_on_call_hands_over() -> Result {
    let lab = Lab::with(SETTINGS, oncall::bot()).await?;
    let (alice, bob) = (lab.person("alice"), lab.person("bob"));
    assert_eq!(bob.says("handover").await?[0].said(), "Only alice@example.com can hand over.");
    assert_eq!(alice.says("handover").await?[0].said(), "bob@example.com is on call now.");
    assert_eq!(alice.says("oncall").await?[0].said(), "bob@example.com is on call.");
    assert!(lab.transcript().contains("bot to bob: You are on call now, after alice@example.com."));
    Ok(())
}

#[tokio::test]
async fn whoever_is_on_call_is_told_at_the_start() -> Result {
    let lab = Lab::with(SETTINGS, oncall::bot()).await?;
    lab.until("bot: I am up, and you are on call.").await?;
    Ok(())
}

#[tokio::test]
async fn without_people_it_does_not_start() {
    let missing = Lab::start(oncall::bot()).await.err().map(|error| error.to_string());
    let says = "oncall.people is missing: set SWITCHBOARD_ONCALL__PEOPLE, or give people under [oncall] in bot.toml";
    assert_eq!(missing.as_deref(), Some(says));
}
