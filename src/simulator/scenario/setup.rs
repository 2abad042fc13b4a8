//! What tests and demonstrations do with a cloud: look at everything, have people act, have things go wrong.

use std::net::SocketAddr;

use axum::http::Method;
use jiff::SignedDuration;
use serde::Serialize;
use tokio::sync::{broadcast, watch};

use super::faults::{Fault, Pattern};
use super::person::Person;
use crate::simulator::Cloud;
use crate::simulator::delivery::manner::{Deliveries, Delivery};
use crate::simulator::watch::calls::Call;
use crate::simulator::watch::journal::Happening;
use crate::simulator::watch::transcript;
use crate::simulator::world::event::Event;
use crate::simulator::world::refusal::Refusal;
use crate::simulator::world::things::account::Account;
use crate::simulator::world::things::content::{Content, Scan};
use crate::simulator::world::things::message::Message;
use crate::simulator::world::things::room::{Room, RoomType};
use crate::simulator::world::things::webhook::{Webhook, WebhookStatus};
use crate::simulator::world::webhooks::WebhookDraft;

/// A room, as the scenario sees it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct RoomInfo {
    pub id: String,
    /// As the bot sees it: a direct room is called like the other person.
    pub title: String,
    #[serde(rename = "type")]
    pub kind: RoomType,
}

impl Cloud {
    /// The base URL of the API, such as `http://127.0.0.1:40123/v1`.
    pub fn api_url(&self) -> String {
        format!("{}/v1", self.inner.base)
    }

    /// The address of the chat page.
    pub fn page_url(&self) -> String {
        format!("{}/", self.inner.base)
    }

    /// What a bot that listens at this address needs to know of the cloud, as its environment would say it: where Webex
    /// is, the token, where it is called, and the secret of its webhooks.
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

    /// The bot, token included.
    pub fn bot(&self) -> Account {
        self.inner.bot.clone()
    }

    /// Everybody but the bot, in the order they appeared.
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

    /// Somebody who acts; made if nobody has this address.
    pub fn person(&self, email: &str) -> Person {
        Person::new(self.clone(), self.change(|world| world.account(email)))
    }

    /// Opens a space with these people, the first of whom made it, and then adds the bot. Gives the room's id.
    pub fn space(&self, title: &str, members: &[&str]) -> String {
        let bot = &self.inner.bot;
        self.change(|world| {
            let members: Vec<_> = members.iter().map(|email| world.account(email)).collect();
            let creator = members.first().unwrap_or(bot);
            let room = world.open_space(creator, title);
            for member in members.iter().skip(1).chain([bot]) {
                // Whoever is named twice, or is the bot in its own space, is there already.
                let _ = world.add_member(creator, &room, member, false);
            }
            room
        })
    }

    /// Everything that was said and not deleted, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.world().messages.iter().cloned().collect()
    }

    /// A posted file, by the last part of its URL in [`Message::files`] or by that whole URL.
    pub fn content(&self, url: &str) -> Option<Content> {
        let id = url.rsplit('/').next().unwrap_or(url);
        self.world().contents.get(&crate::webex::local_part(id)).cloned()
    }

    /// The conversation, for people and for snapshots: `alice: help`, `bot: ...`, and in a space `alice in Lab: ...`.
    /// A message of several lines goes on indented; a reply in a thread is marked; so are edits, cards and files.
    /// Where the bot wrote to several people directly, it says to whom.
    pub fn transcript(&self) -> String {
        transcript::transcript(&self.world(), &self.inner.bot)
    }

    /// Each message from now on, as it is posted.
    pub fn subscribe(&self) -> broadcast::Receiver<Message> {
        self.inner.journal.listen()
    }

    /// Every webhook, of whomever.
    pub fn webhooks(&self) -> Vec<Webhook> {
        self.world().webhooks.iter().cloned().collect()
    }

    /// Registers a webhook with the bot's token, as another program that shares the token would.
    ///
    /// # Errors
    /// When Webex would refuse it.
    pub fn add_webhook(&self, webhook: WebhookDraft) -> Result<Webhook, Refusal> {
        self.change(|world| world.create_webhook(&self.inner.bot, webhook))
    }

    /// Switches a webhook off or on, as Webex does after too many failures. False if there is none.
    pub fn set_webhook_status(&self, id: &str, status: WebhookStatus) -> bool {
        self.change(|world| world.webhooks.get_mut(id).map(|webhook| webhook.status = status).is_some())
    }

    /// Has the bot removed from a space.
    ///
    /// # Errors
    /// When it is not in it.
    pub fn remove_bot(&self, room_id: &str) -> Result<(), Refusal> {
        let bot = &self.inner.bot;
        self.change(|world| {
            let creator = world.room_of(bot, room_id)?.creator_id.clone();
            let creator = world.people.get(&creator).cloned().ok_or_else(Refusal::no_such_room)?;
            world.remove_member(&creator, room_id, bot)
        })
    }

    /// The calls of the API so far, oldest first; the last hundred thousand.
    pub fn calls(&self) -> Vec<Call> {
        self.inner.calls.all()
    }

    /// Has something go wrong from now on.
    pub fn fault(&self, fault: Fault) {
        self.inner.faults.add(fault);
        self.inner.journal.tell(Happening::State);
    }

    /// Forgets all faults that were not used up. Calls that are stalled stay so.
    pub fn clear_faults(&self) {
        self.inner.faults.clear();
        self.inner.journal.tell(Happening::State);
    }

    /// Changes when whoever sits before the page has mended everything that was broken, so that a bot in the same program
    /// can end the pauses that a fault asked for.
    pub fn mended(&self) -> watch::Receiver<u64> {
        self.inner.mended.subscribe()
    }

    /// Lets the stalled calls go on, and forgets the faults that would stall more.
    pub fn release(&self) {
        self.inner.faults.release();
        self.inner.journal.tell(Happening::State);
    }

    /// Answers 404 to the first so many reads of each message and each click, as when REST lags behind the webhook.
    pub fn hide_from_first_reads(&self, reads: usize) {
        self.inner.faults.hide(reads);
        self.inner.journal.tell(Happening::State);
    }

    /// What the malware scan makes of each file that is posted from now on.
    pub fn scan_files(&self, scan: Scan) {
        self.world().scan = scan;
        self.inner.journal.tell(Happening::State);
    }

    /// Sets the cloud's clock wrong: positive is ahead of this machine's.
    pub fn set_clock_offset(&self, offset: SignedDuration) {
        self.world().clock.offset = offset;
        self.inner.journal.tell(Happening::State);
    }

    /// Returns once `count` such calls have arrived since the start, answered or not. A path that ends in a slash
    /// stands for everything below it, as in [`Fault::on`].
    pub async fn call_made(&self, method: Method, path: &str, count: usize) {
        self.inner.calls.wait_for(Pattern { method: method.as_str(), path }, count).await;
    }

    /// Returns once a call is held by [`Fault::stall`] or [`Fault::apply_then_stall`]: a call that has arrived may not have
    /// been struck yet.
    pub async fn call_stalled(&self) {
        self.inner.faults.held().await;
    }

    /// Changes how webhooks are delivered from now on.
    pub fn deliveries(&self, change: impl FnOnce(&mut Deliveries)) {
        self.inner.courier.manner.send_modify(change);
        self.inner.journal.tell(Happening::State);
    }

    /// Holds deliveries back until [`Cloud::resume_deliveries`].
    pub fn hold_deliveries(&self) {
        self.deliveries(|manner| manner.held = true);
    }

    /// Delivers what was held back, and delivers at once again.
    pub fn resume_deliveries(&self) {
        self.deliveries(|manner| manner.held = false);
    }

    /// Delivers `messages/created` of this message once more. False if there is no such message.
    pub fn deliver_again(&self, message_id: &str) -> bool {
        self.change(|world| {
            let event =
                world.messages.get(message_id).map(|message| Event::message("created", &message.person_id, message));
            event.map(|event| world.tell(event)).is_some()
        })
    }

    /// Returns once no delivery is queued or on its way, and everything sent over sockets was acknowledged. While
    /// deliveries are held it waits, and so it does for a device that has lost its socket before acknowledging.
    pub async fn delivered(&self) {
        self.inner.courier.settled().await;
        self.acknowledged().await;
    }

    /// Every attempt to deliver, oldest first; the last hundred thousand.
    pub fn delivery_log(&self) -> Vec<Delivery> {
        self.inner.courier.log()
    }
}
