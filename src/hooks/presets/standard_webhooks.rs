//! `standard-webhooks`: senders that sign as Standard Webhooks has it. What they post is their own, so only its type is
//! told.

use super::payload::{Payload, Preset, Proof, Signal};
use crate::signature::SignatureForm;

pub(super) const PRESET: Preset = Preset {
    name: "standard-webhooks",
    signature: Some(SignatureForm::standard_webhooks),
    proof: Proof::Signature,
    setup: include_str!("setup/standard-webhooks.txt"),
    hidden: &[],
    read,
};

fn read(payload: &Payload<'_>) -> Signal {
    let (event, kind) = (payload.text("/type"), payload.safe("/type"));
    Signal {
        event: event.to_owned(),
        title: event.to_owned(),
        at: payload.time("/timestamp"),
        delivery: payload.id("webhook-id").or_else(|| payload.id("svix-id")),
        says: (!kind.is_empty()).then(|| format!("**{kind}**")),
        ..Signal::default()
    }
}
