//! What tests and demonstrations can read, and wait for.

use std::net::SocketAddr;

use axum::http::Method;
use serde::Serialize;
use tokio::sync::broadcast;

use super::cloud::Cloud;
use crate::simulator::watch::calls::{Call, Pattern};
use crate::simulator::watch::deliveries::Delivery;
use crate::simulator::watch::transcript;
use crate::simulator::world::things::{Account, Content, DeviceInfo, Message, Room, RoomType, Webhook};

/// A room, as tests see it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct RoomInfo {
    pub id: String,
    /// The title as the bot sees it. A direct room has the name of the other person.
    pub title: String,
    #[serde(rename = "type")]
    pub kind: RoomType,
}

impl Cloud {
    /// The environment variables that connect a bot, which listens at this address, to the cloud: the address of Webex,
    /// the bot's token, its public URL, and the secret of its webhooks.
    pub fn environment(&self, bot: SocketAddr) -> Vec<(String, String)> {
        [
            ("SWITCHBOARD_WEBEX__API_URL", self.api_url()),
            ("SWITCHBOARD_WEBEX__TOKEN", self.inner.bot.token.clone()),
            ("SWITCHBOARD_WEBSOCKET__CATALOG_URL", self.catalog_url()),
            ("SWITCHBOARD_DELIVERY__MODE", "webhook".to_owned()),
            ("SWITCHBOARD_WEBHOOK__PUBLIC_URL", format!("http://{bot}/webex/webhook")),
            ("SWITCHBOARD_WEBHOOK__PATH", "/webex/webhook".to_owned()),
            ("SWITCHBOARD_WEBHOOK__SECRET", self.world().mint.secret()),
            ("SWITCHBOARD_ADMIN__LISTEN", String::new()),
            ("PORT", bot.port().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// The bot's account, with its token.
    pub fn bot(&self) -> Account {
        self.inner.bot.clone()
    }

    /// Everybody except the bot, in the order in which they appeared.
    pub fn people(&self) -> Vec<Account> {
        self.world().people.iter().filter(|account| account.id != self.inner.bot.id).cloned().collect()
    }

    /// Every room, oldest first.
    pub fn rooms(&self) -> Vec<RoomInfo> {
        let world = self.world();
        let info = |room: &Room| RoomInfo {
            id: room.id.clone(),
            title: world.title(room, &self.inner.bot.id),
            kind: room.kind,
        };
        world.rooms.iter().map(info).collect()
    }

    /// Everything that was said and not deleted, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.world().messages.iter().cloned().collect()
    }

    /// A posted file, by its URL in [`Message::files`] or by the last part of that.
    pub fn content(&self, url: &str) -> Option<Content> {
        let id = url.rsplit('/').next().unwrap_or(url);
        self.world().contents.get(&crate::webex::local_part(id)).cloned()
    }

    /// The conversation as text, for people and for snapshots: `alice: help`, `bot: ...`, and in a space `alice in Lab:
    /// ...`. Further lines of a message are indented. Replies in a thread, edits, cards and files are marked. If the
    /// bot wrote to several people directly, each of its messages says to whom.
    pub fn transcript(&self) -> String {
        transcript::transcript(&self.world(), &self.inner.bot)
    }

    /// Like [`Cloud::transcript`], with the contents of cards from top to bottom, and with clicks: `alice presses Order
    /// (size=large)`. Inputs are in brackets with their ids, and buttons in angle brackets.
    pub fn conversation(&self) -> String {
        transcript::conversation(&self.world(), &self.inner.bot)
    }

    /// Receives each message from now on, as it is posted.
    pub fn subscribe(&self) -> broadcast::Receiver<Message> {
        self.live.journal.listen()
    }

    /// Every webhook, of every account.
    pub fn webhooks(&self) -> Vec<Webhook> {
        self.world().webhooks.iter().cloned().collect()
    }

    /// The calls of the API so far, oldest first, at most the last hundred thousand.
    pub fn calls(&self) -> Vec<Call> {
        self.inner.calls.kept().all()
    }

    /// Waits until `count` such calls have arrived since the start, answered or not. A path that ends in a slash
    /// matches everything below it, as in [`Fault::on`](crate::simulator::Fault::on).
    pub async fn call_made(&self, method: Method, path: &str, count: usize) {
        self.inner.calls.wait_for(Pattern { method: method.as_str(), path }, count).await;
    }

    /// Waits until a [`Fault`](crate::simulator::Fault) stalls a call. A call that has arrived need not be stalled yet.
    pub async fn call_stalled(&self) {
        self.inner.faults.wait_for_stall().await;
    }

    /// Waits until no delivery is queued or on its way, and everything sent over sockets was acknowledged. It waits for
    /// ever while deliveries are held back, or while a device has lost its socket before acknowledging.
    pub async fn delivered(&self) {
        self.live.courier.settled().await;
        let mut open = self.world().mercury.open.subscribe();
        // The sender lives as long as we do, so this cannot fail.
        let _ = open.wait_for(|open| *open == 0).await;
    }

    /// Every attempt to deliver, oldest first, at most the last hundred thousand.
    pub fn delivery_log(&self) -> Vec<Delivery> {
        self.live.courier.delivered().all()
    }

    /// Every device, oldest first.
    pub fn devices(&self) -> Vec<DeviceInfo> {
        let world = self.world();
        world.mercury.infos(|id| world.people.get(id).map_or(String::new(), |owner| owner.email.clone()))
    }
}
