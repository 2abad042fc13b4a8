//! Begins a thread whose root letters keep up to date, or begins it anew with a link to the old root.

use super::Outbox;
use super::post::Instead;
use crate::outbox::{Destination, Edit, Post};
use crate::signature::digest;
use crate::store::{Claimed, RootText, Settlement};
use crate::webex::{MessageId, NewMessage};

impl Outbox {
    /// Posts the text of an edit as the root of its thread. `why` says why `old`, the root before, is not edited.
    pub(super) async fn begin(
        &self,
        row: Claimed,
        edit: &Edit,
        post: Post,
        why: String,
        old: Option<MessageId>,
    ) -> Settlement {
        let before = match &old {
            Some(old) => self.address(edit, old).await,
            None => None,
        };
        let no_edit = old.map(|_| {
            tracing::info!(why, "a message cannot be edited; its new text begins its thread anew");
            format!("posted and not edited: {why}")
        });
        let post = Post { message: linked(&post.message, before.as_deref()), ..post };
        self.post(row, &post, Instead { no_edit, begins: true, shows: shows(edit, before) }).await
    }

    /// The address by which Webex's clients open a message. None if nobody knows its space.
    async fn address(&self, edit: &Edit, message: &MessageId) -> Option<String> {
        let room = match &edit.to {
            Destination::Space(room, _) => room.clone(),
            Destination::Person(_) | Destination::Email(_) => {
                let found = tokio::time::timeout(self.lease.mul_f64(0.1), self.webex.message(message));
                found.await.ok()?.ok()?.room_id
            }
        };
        Some(format!("webexteams://im?space={}&message={}", room.local(), message.local()))
    }
}

/// The message with a link to the one before it.
pub(super) fn linked(message: &NewMessage, before: Option<&str>) -> NewMessage {
    let mut message = message.clone();
    let Some(before) = before else { return message };
    match (&mut message.markdown, &mut message.text) {
        (Some(markdown), _) => markdown.push_str(&format!("\n\n[The message before]({before})")),
        (None, Some(text)) => text.push_str(&format!("\n\nThe message before: {before}")),
        (None, None) => {}
    }
    message
}

/// What the root of the thread shows after this edit, if letters keep that up to date.
pub(super) fn shows(edit: &Edit, before: Option<String>) -> Option<RootText> {
    Some(RootText { state: edit.state.clone()?, digest: digest_of(edit), before })
}

/// The hash of the text of an edit.
pub(super) fn digest_of(Edit { message, .. }: &Edit) -> String {
    let text = message.markdown.as_ref().or(message.text.as_ref());
    hex::encode(&digest(text.map(String::as_bytes).unwrap_or_default())[..16])
}
