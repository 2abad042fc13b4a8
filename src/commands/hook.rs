//! `hook`: lets admins make hooks for other systems, give them new secrets, and remove them. Addresses and secrets are
//! told in a direct message only.

use jiff::civil::Date;

use crate::access::Sender;
use crate::config::ADMINS;
use crate::handler::{Args, Command, CommandError, Context, Origin, Param, Reply, Result};
use crate::hooks::{HookError, HookMaker, HookOrder, NewHook, last_day};
use crate::outbox::Destination;
use crate::store::{AuditEntry, Via};
use crate::text::{code_block, quoted, table};
use crate::webex::RoomType;

const ADD: &str = "add";
const ROTATE: &str = "rotate";
const REMOVE: &str = "remove";

pub(super) fn command() -> Command {
    Command::new("hook", "Addresses at which other systems post to me", run)
        .param(Param::text("action").choices(["list", ADD, ROTATE, REMOVE]).default("list"))
        .param(Param::text("name").optional())
        .param(Param::text("preset").optional().about("the kind of system, such as github; generic if none is given"))
        .param(Param::text("to").optional().about("a space or a person; here if none is given"))
        .param(Param::date("expires").optional().about("its last day, in UTC"))
        .details(
            "`hook add ci preset=github` makes the address /hooks/ci, and what GitHub posts there is told here. With \
             `to=ops@example.org` it is told there, and with `expires=2027-01-31` it ends with that day. The address, the \
             secret and what to set at the sender are in our direct message. `hook rotate ci` makes a new secret, and the \
             old one is good for a while. `hook remove ci` ends it. Hooks with rules are made in bot.toml.",
        )
        .allow([ADMINS])
}

/// The arguments that only `hook add` has.
struct Wanted {
    preset: Option<String>,
    to: Option<String>,
    expires: Option<Date>,
}

async fn run(context: Context, args: Args) -> Result<Reply> {
    let maker = context.state::<HookMaker>()?;
    let (action, name): (String, Option<String>) = (args.get("action")?, args.get("name")?);
    let wanted = Wanted { preset: args.get("preset")?, to: args.get("to")?, expires: args.get("expires")? };
    let is_more = wanted.preset.is_some() || wanted.to.is_some() || wanted.expires.is_some();
    let Some(name) = name else {
        if action != "list" || is_more {
            return Err(CommandError::Usage("I need the name of the hook.".to_owned()));
        }
        return list(&context, &maker).await;
    };
    let order = order(&context);
    // What has a name that the command does not know is taken for a value without one.
    if let Some(unknown) = [Some(&name), wanted.preset.as_ref()].into_iter().flatten().find(|value| value.contains('='))
    {
        let says =
            format!("I don't know what \"{}\" means. `hook add` has preset=, to= and expires=.", quoted(unknown));
        return Err(CommandError::Usage(says));
    }
    if action == ADD {
        return add(&context, &maker, name, wanted, order).await;
    }
    if is_more || action == "list" {
        return Err(CommandError::Usage(format!("I don't know what to do with more than `hook {action}` has.")));
    }
    if action == REMOVE {
        maker.remove(&name, order).await.map_err(told)?;
        return Ok(Reply::markdown(format!("The hook `{name}` is removed: it takes nothing any more.")));
    }
    maker.rotate(&name, order).await.map_err(told)?;
    Ok(Reply::markdown(format!("The hook `{name}` has a new secret. {}", where_it_is(&context))))
}

async fn add(
    context: &Context,
    maker: &HookMaker,
    name: String,
    wanted: Wanted,
    order: HookOrder<'_>,
) -> Result<Reply> {
    let here = if context.is_direct() { context.sender().email.clone() } else { context.room().to_string() };
    let Wanted { preset, to, expires } = wanted;
    let preset = preset.unwrap_or_else(|| "generic".to_owned()).to_lowercase();
    let hook = maker.add(NewHook { name, preset, to: to.unwrap_or(here), expires }, order).await.map_err(told)?;
    Ok(Reply::markdown(format!("The hook `{}` is made. {}", hook.name, where_it_is(context))))
}

async fn list(context: &Context, maker: &HookMaker) -> Result<Reply> {
    let hooks = maker.list().await?;
    if hooks.is_empty() {
        return Ok(Reply::markdown("No hook was made from the chat. `hook add NAME preset=github` makes one."));
    }
    let rows = hooks.iter().map(|(hook, state)| {
        let ends = hook.expires_at.map(last_day).unwrap_or_default();
        let state = state.words().to_owned();
        [hook.name.clone(), hook.preset.clone(), state, ends, hook.email.clone(), hook.to.clone()]
    });
    let text = table(["NAME", "PRESET", "STATE", "LAST DAY", "MADE BY", "TO"], &[], rows);
    let reply = Reply::markdown(code_block(&text));
    if context.is_direct() {
        return Ok(reply);
    }
    context.say(direct(context), reply);
    Ok(Reply::text("The list is in our direct message."))
}

/// Where the address and the secret are.
fn where_it_is(context: &Context) -> &'static str {
    if context.is_direct() {
        "Its address and secret are above."
    } else {
        "Its address and secret are in our direct message."
    }
}

fn direct(context: &Context) -> Destination {
    match context.is_direct() {
        true => Destination::Space(context.room().clone(), RoomType::Direct),
        false => Destination::Person(context.sender().id.clone()),
    }
}

fn order(context: &Context) -> HookOrder<'_> {
    let Sender { id, email } = context.sender();
    let via = match context.origin() {
        Origin::Message(_) => Via::Message,
        Origin::Click(_) => Via::Click,
    };
    let audit = AuditEntry {
        via,
        person: Some(id.to_string()),
        email: Some(email.clone()),
        room: Some(context.room().to_string()),
        place: Some(if context.is_direct() { "direct" } else { "group" }),
        ..AuditEntry::default()
    };
    HookOrder { event: context.event, by: context.sender(), direct: direct(context), audit }
}

fn told(error: HookError) -> CommandError {
    match error {
        HookError::Refused(says) => CommandError::User(says),
        HookError::Store(error) => error.into(),
    }
}
