//! A bot for whoever is on call: who it is, alerts that somebody has to take, and handing over. It says something on its own:
//! to whoever is on call when it starts, and to whoever is after a handover.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use switchboard::card::{Element, Submit, Text};
use switchboard::webex::MessageId;
use switchboard::{
    Args, Bot, Card, Command, CommandError, Context, Destination, Handle, Inputs, Param, Reply, Result, escape,
};

/// `[oncall]` in `bot.toml`.
#[derive(serde::Deserialize)]
pub struct Oncall {
    /// Who takes turns, by email; the first one begins. There is no default, so `oncall check` says what is missing.
    pub people: Vec<String>,
    /// How long an alert may be taken.
    #[serde(default = "an_hour")]
    pub within: Duration,
}

fn an_hour() -> Duration {
    Duration::from_secs(3600)
}

/// Whose turn it is, as a place in the list, and by which message it came to that; it begins anew with the process.
#[derive(Default)]
struct Turn(Mutex<(usize, Option<MessageId>)>);

/// The bot, for `main` and for the tests.
pub fn bot() -> Bot {
    let alert = Command::new("alert", "Has somebody look at it", alert).action("take", take);
    Bot::builder()
        .name("oncall")
        .version(env!("CARGO_PKG_VERSION"))
        .settings::<Oncall>("oncall")
        .state(Turn::default())
        .on_start(started)
        .command(Command::new("oncall", "Who is on call", oncall))
        .command(Command::new("handover", "The next one is on call", handover))
        .command(alert.param(Param::text("what").rest()))
}

/// Who is on call.
fn on_call(context: &Context) -> Result<String> {
    let turn = context.state::<Turn>()?;
    let (place, _) = *turn.0.lock().unwrap_or_else(PoisonError::into_inner);
    at(context, place)
}

fn at(context: &Context, place: usize) -> Result<String> {
    let people = &context.settings::<Oncall>()?.people;
    let person = people.get(place % people.len().max(1));
    person.cloned().ok_or_else(|| CommandError::User("Nobody is in oncall.people.".to_owned()))
}

/// Whoever is on call first is told so, once a day however often the bot is started.
async fn started(handle: Handle) -> anyhow::Result<()> {
    let oncall = handle.settings::<Oncall>()?;
    if let Some(first) = oncall.people.first() {
        let day = UNIX_EPOCH.elapsed()?.as_secs() / 86_400;
        let says = Reply::text("I am up, and you are on call.");
        handle.say(&format!("started/{day}"), Destination::email(first), says).await?;
    }
    Ok(())
}

async fn oncall(context: Context, _: Args) -> Result<Reply> {
    Ok(Reply::text(format!("{} is on call.", on_call(&context)?)))
}

async fn handover(context: Context, _: Args) -> Result<Reply> {
    let turn = context.state::<Turn>()?;
    let mut turn = turn.0.lock().unwrap_or_else(PoisonError::into_inner);
    let (place, by) = &mut *turn;
    // A handler may be called twice for a message: the second time it has handed over already.
    if by.as_ref() != context.message() {
        let before = at(&context, *place)?;
        if context.sender().email != before {
            return Err(CommandError::User(format!("Only {before} can hand over.")));
        }
        (*place, *by) = (*place + 1, context.message().cloned());
    }
    let (before, now) = (at(&context, *place - 1)?, at(&context, *place)?);
    context.say(Destination::email(&now), Reply::text(format!("You are on call now, after {before}.")));
    Ok(Reply::text(format!("{now} is on call now.")))
}

async fn alert(context: Context, args: Args) -> Result<Reply> {
    let what: String = args.get("what")?;
    let who = on_call(&context)?;
    let card = Card::new()
        .with(Text::foreign(&what).large())
        .with(Element::facts([("On call", escape(&who).as_str()), ("From", escape(&context.sender().email).as_str())]))
        .action(Submit::new("I take it", "take").argument("what", &what).positive())
        .lives(context.settings::<Oncall>()?.within);
    Ok(Reply::markdown(format!("Alert for {}: {}", escape(&who), escape(&what))).with_card(card))
}

async fn take(context: Context, inputs: Inputs) -> Result<Reply> {
    let what = inputs.argument("what").unwrap_or_default();
    Ok(Reply::text(format!("{} looks at it: {what}", context.sender().email)))
}
