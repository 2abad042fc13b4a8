//! A Webex cloud inside the binary: the REST API a bot calls, the webhooks it is called by, and the people it talks to.
//!
//! `switchboard simulate` runs the daemon against it, and so do the tests. [`Cloud`] is started, people act through
//! [`Person`], and what may go wrong is set with [`Fault`] and [`Deliveries`]. Everything is in memory.
//!
//! `world`, `messages`, `actions` and `webhooks` are state and rules, and know of HTTP only the status of a refusal;
//! `api` is the REST surface over them; `deliver` posts what happened. This room imports nothing of the daemon but the
//! spelling of ids and the signature.

mod actions;
mod api;
mod deliver;
mod events;
mod faults;
mod ids;
mod markdown;
mod messages;
mod person;
mod refusal;
mod time;
mod transcript;
mod webhooks;
mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::Method;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use deliver::{Deliveries, Delivery};
pub use faults::{Call, Fault};
pub use messages::{Content, Message};
pub use person::Person;
pub use refusal::Refusal;
pub use webhooks::{Webhook, WebhookDraft, WebhookStatus};
pub use world::{Account, AccountType, RoomType};

use deliver::Courier;
use events::Event;
use faults::{Calls, Faults, Pattern};
use ids::Mint;
use world::World;

/// Whoever follows the conversation may fall this many messages behind.
const FOLLOWED: usize = 1024;
/// A client that does not finish its request does not hold up the end for longer.
const LONGEST_STOP: Duration = Duration::from_secs(5);

/// How a cloud begins.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The bot's address.
    pub bot_email: String,
    /// The bot's display name; mentions show its first word.
    pub bot_name: String,
    /// The bot's token.
    pub bot_token: String,
    /// How webhooks are delivered.
    pub deliveries: Deliveries,
    /// Where chance begins: the same seed gives the same ids and the same luck to the same acts.
    pub seed: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            bot_email: "switchboard@webex.bot".to_owned(),
            bot_name: "Switchboard".to_owned(),
            bot_token: "simulated-bot-token".to_owned(),
            deliveries: Deliveries::default(),
            seed: None,
        }
    }
}

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

/// A running cloud. Cheap to clone; all clones are the same cloud.
#[derive(Clone)]
pub struct Cloud {
    inner: Arc<Inner>,
}

struct Inner {
    api_url: String,
    bot: Account,
    world: Mutex<World>,
    courier: Courier,
    faults: Faults,
    calls: Calls,
    said: broadcast::Sender<Message>,
    runtime: Handle,
    stopping: CancellationToken,
    server: Mutex<Option<JoinHandle<()>>>,
}

impl Cloud {
    /// Starts to serve. Must be called within a tokio runtime, where the cloud then lives until [`Cloud::stop`].
    ///
    /// # Errors
    /// When the address cannot be bound or the delivering client cannot be set up.
    pub async fn start(options: Options) -> io::Result<Cloud> {
        let listener = TcpListener::bind(options.listen).await?;
        let mut world = World::default();
        if let Some(seed) = options.seed {
            world.mint = Mint::seeded(seed);
        }
        let email = options.bot_email.to_lowercase();
        let bot = world.enrol(AccountType::Bot, email, options.bot_name, options.bot_token);
        let cloud = Cloud {
            inner: Arc::new(Inner {
                api_url: format!("http://{}/v1", listener.local_addr()?),
                bot,
                world: Mutex::new(world),
                courier: Courier::new(options.deliveries)?,
                faults: Faults::default(),
                calls: Calls::default(),
                said: broadcast::Sender::new(FOLLOWED),
                runtime: Handle::current(),
                stopping: CancellationToken::new(),
                server: Mutex::new(None),
            }),
        };
        let stopping = cloud.inner.stopping.clone();
        let serving = axum::serve(listener, api::router(cloud.clone()))
            .with_graceful_shutdown(async move { stopping.cancelled().await });
        let server = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the simulated cloud stopped serving");
            }
        });
        *cloud.inner.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        Ok(cloud)
    }

    /// Stops serving and delivering. Stalled calls are dropped, and what was not delivered yet is lost.
    pub async fn stop(&self) {
        self.inner.stopping.cancel();
        let server = self.inner.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut server) = server
            && tokio::time::timeout(LONGEST_STOP, &mut server).await.is_err()
        {
            server.abort();
        }
    }

    /// The base URL of the API, such as `http://127.0.0.1:40123/v1`.
    pub fn api_url(&self) -> String {
        self.inner.api_url.clone()
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
        let info = |room: &world::Room| RoomInfo {
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
                let _ = world.add_member(creator, &room, member);
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
        self.inner.said.subscribe()
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
    }

    /// Forgets all faults that were not used up. Calls that are stalled stay so.
    pub fn clear_faults(&self) {
        self.inner.faults.clear();
    }

    /// Lets the stalled calls go on, and forgets the faults that would stall more.
    pub fn release(&self) {
        self.inner.faults.release();
    }

    /// Returns once `count` such calls have arrived since the start, answered or not. A path that ends in a slash stands
    /// for everything below it, as in [`Fault::on`].
    pub async fn call_made(&self, method: Method, path: &str, count: usize) {
        self.inner.calls.wait_for(Pattern::new(method, path), count).await;
    }

    /// Changes how webhooks are delivered from now on.
    pub fn deliveries(&self, change: impl FnOnce(&mut Deliveries)) {
        self.inner.courier.manner.send_modify(change);
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

    /// Returns once no delivery is queued or on its way. While deliveries are held it waits.
    pub async fn delivered(&self) {
        self.inner.courier.settled().await;
    }

    /// Every attempt to deliver, oldest first; the last hundred thousand.
    pub fn delivery_log(&self) -> Vec<Delivery> {
        self.inner.courier.log()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.inner.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every change of the world goes through here: what it made happen is queued before anything else can happen.
    fn change<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world();
        let outcome = act(&mut world);
        for (event, audience) in std::mem::take(&mut world.happened) {
            self.dispatch(&event, audience);
        }
        for message in std::mem::take(&mut world.said) {
            // Nobody has to follow.
            let _ = self.inner.said.send(message);
        }
        outcome
    }
}
