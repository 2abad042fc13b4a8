//! `pairing`: lets admins list strangers, and let them in or not.

use super::direct_only::require_direct;
use crate::access::Sender;
use crate::clock;
use crate::handler::{Args, Command, CommandError, Context, Inputs, Param, Reply, Result};
use crate::pairing::{self, CODE, COMMAND, PairingDecision, PairingError, Scope};
use crate::store::{AuditEntry, PairingState, Via};
use crate::text::{code_block, escape, quoted, table};

/// The most requests that are listed, newest first. `switchboard pairing list` shows all.
const MOST: usize = 20;

pub(super) fn command() -> Command {
    let verbs = ["list", PairingDecision::Approve.word(), PairingDecision::Deny.word()];
    let pressed = |decision| move |context, inputs| pressed(context, inputs, decision);
    Command::new(COMMAND, "Who asks to be let in, and letting them in", run)
        .param(Param::text("action").choices(verbs).default("list"))
        .param(Param::text("code").optional())
        .action(PairingDecision::Approve.word(), pressed(PairingDecision::Approve))
        .action(PairingDecision::Deny.word(), pressed(PairingDecision::Deny))
        .details(
            "Admins get a card with buttons for it. `pairing list` shows who waits. `/pairing approve CODE` lets somebody \
             in, and `/pairing deny CODE` does not; their email does as well as the code. They are told. In a direct \
             message only, since others would read it.",
        )
        .allow([crate::config::ADMINS])
}

async fn run(context: Context, mut args: Args) -> Result<Reply> {
    require_direct(&context)?;
    let verb = args.next().unwrap_or_default();
    let Some(decision) =
        [PairingDecision::Approve, PairingDecision::Deny].into_iter().find(|known| known.word() == verb)
    else {
        args.finish()?;
        return list(&context).await;
    };
    let who = args.required("code")?;
    decide(&context, &who, decision, Scope::Anything, Via::Message).await
}

/// A button on the card about a stranger. It decides a request that waits, and never changes a decision.
async fn pressed(context: Context, inputs: Inputs, decision: PairingDecision) -> Result<Reply> {
    require_direct(&context)?;
    decide(&context, inputs.argument(CODE).unwrap_or_default(), decision, Scope::Waiting, Via::Click).await
}

async fn decide(context: &Context, who: &str, decision: PairingDecision, scope: Scope, via: Via) -> Result<Reply> {
    let Sender { id, email } = context.sender();
    let audit = AuditEntry {
        via,
        person: Some(id.to_string()),
        email: Some(email.clone()),
        room: Some(context.room().to_string()),
        place: Some("direct"),
        ..AuditEntry::default()
    };
    let decided = match pairing::decide(&context.services.store, who, decision, scope, email, audit).await {
        Ok(decided) => decided,
        Err(PairingError::Store(error)) => Err(error)?,
        Err(refusal) => return Err(CommandError::User(format!("Nothing is decided: {refusal}."))),
    };
    let email = escape(&decided.pairing.request.email);
    Ok(Reply::markdown(match decided.state {
        PairingState::Approved => format!("{email} is let in, and knows it from me."),
        PairingState::Denied | PairingState::Pending | PairingState::Revoked => {
            format!("{email} is not let in, and knows it from me.")
        }
    }))
}

async fn list(context: &Context) -> Result<Reply> {
    let now = clock::wall_ms();
    let mut waiting = context.services.store.pairings().await?;
    waiting.retain(|pairing| pairing::state_word(pairing, now) == "pending");
    if waiting.is_empty() {
        return Ok(Reply::text("Nobody waits to be let in."));
    }
    let rows = waiting.iter().take(MOST).map(|pairing| {
        let request = &pairing.request;
        [request.code.clone(), request.email.clone(), quoted(&request.asked)]
    });
    let mut text = table(["CODE", "WHO", "WROTE"], &[], rows);
    if waiting.len() > MOST {
        text.push_str(&format!("\nand {} more", waiting.len() - MOST));
    }
    Ok(Reply::markdown(format!("{}\n\nSay `/pairing approve` or `/pairing deny` with a code.", code_block(&text))))
}
