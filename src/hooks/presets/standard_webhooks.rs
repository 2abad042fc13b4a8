//! `standard-webhooks`: senders that sign as Standard Webhooks has it. What they post is their own, so only its type is
//! told.

use super::payload::{Payload, Preset, Signal};
use crate::signature::{Encoding, KeyForm, Separator, SignatureForm};

pub(super) const PRESET: Preset = Preset { name: "standard-webhooks", signature: Some(signature), read };

fn signature() -> SignatureForm {
    SignatureForm {
        header: "webhook-signature".to_owned(),
        encoding: Encoding::Base64,
        prefix: "v1,".to_owned(),
        separator: Separator::Blank,
        key: KeyForm::Whsec,
        signed: "{id}.{timestamp}.{body}".to_owned(),
        timestamp: Some("webhook-timestamp".to_owned()),
        id: Some("webhook-id".to_owned()),
        ..SignatureForm::default()
    }
}

fn read(payload: &Payload<'_>) -> Signal {
    let (event, kind) = (payload.text("/type"), payload.safe("/type"));
    Signal {
        event: event.to_owned(),
        title: event.to_owned(),
        at: payload.time("/timestamp"),
        delivery: Some(payload.header("webhook-id").to_owned()).filter(|id| !id.is_empty()),
        says: (!kind.is_empty()).then(|| format!("**{kind}**")),
        ..Signal::default()
    }
}
