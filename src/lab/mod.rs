//! The laboratory: a bot under test, with a Webex cloud, people and spaces in the same process.
//!
//! A test of a command says something as somebody and reads what the bot said:
//!
//! ```
//! use switchboard::card::{Input, Submit};
//! use switchboard::lab::Lab;
//! use switchboard::{Args, Bot, Card, Command, Context, Inputs, Param, Reply, Result};
//!
//! fn order() -> Command {
//!     async fn ask(_: Context, args: Args) -> Result<Reply> {
//!         let dish: String = args.get("dish")?;
//!         let card = Card::new()
//!             .with(Input::choice("size", &[("Large", "large"), ("Small", "small")]).label("Size"))
//!             .action(Submit::new("Order", "take").argument("dish", dish));
//!         Ok(Reply::text("Which size?").with_card(card))
//!     }
//!     async fn take(_: Context, inputs: Inputs) -> Result<Reply> {
//!         let (size, dish) = (inputs.required("size", "size")?, inputs.argument("dish").unwrap_or_default());
//!         Ok(Reply::text(format!("One {size} {dish} is on its way.")))
//!     }
//!     Command::new("order", "Orders lunch", ask).param(Param::text("dish")).action("take", take)
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> anyhow::Result<()> {
//! let lab = Lab::start(Bot::builder().command(order())).await?;
//! let alice = lab.person("alice");
//! let asked = alice.says("order pizza").await?;
//! alice.presses(&asked[0], "Order", [("size", "large")]).await?;
//! assert!(lab.transcript().contains("One large pizza is on its way."));
//! # assert_eq!(lab.transcript(), "\
//! # alice: order pizza
//! # bot: Which size?
//! #   | Size [size: large | small]
//! #   | <Order>
//! # alice presses Order (size=large)
//! # bot (reply): One large pizza is on its way.
//! # ");
//! # Ok(())
//! # }
//! ```
//!
//! The bot is the whole daemon, as `simulate` runs it, on a port that was free and in a folder of its own; both are gone
//! with the [`Lab`]. So tests run beside each other.

mod filling;
mod person;
mod running;

use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;

pub use filling::Filled;
pub use person::{Person, Space};
use running::Running;

use crate::app::Handle;
use crate::bot::Bot;
use crate::simulator::{Cloud, Message, Options};

/// Where people are who are named without a domain.
const HOME: &str = "example.com";

/// An open bot whose tries follow each other at once: tests say more at one time than people do, and wait for failures.
const SETTINGS: [(&str, &str); 9] = [
    ("ACCESS__DM_POLICY", "open"),
    ("ACCESS__GROUP_POLICY", "mention"),
    ("INSTANCE__ALONE", "false"),
    ("FLOOD__PERSON", "0"),
    ("FLOOD__SPACE", "0"),
    ("WEBEX__TIMEOUT", "5s"),
    ("WORKER__VISIBLE_WITHIN", "500ms"),
    ("WORKER__BACKOFF", "10ms"),
    ("WORKER__BACKOFF_MAX", "100ms"),
];

/// A bot that runs, and the cloud it runs against. Cheap to clone; all clones are the same laboratory, which ends with
/// the last of them and of its [people](Person).
#[derive(Clone)]
pub struct Lab(Running);

impl Lab {
    /// Starts a bot that answers everybody, and in spaces whoever mentions it. Returns when it is ready.
    ///
    /// # Errors
    /// What keeps the bot from running: wrong settings, or two commands of one name.
    pub async fn start(bot: Bot) -> anyhow::Result<Lab> {
        Lab::with("", bot).await
    }

    /// The same with settings, as they stand in `bot.toml`, above those of an open bot.
    ///
    /// ```
    /// # use switchboard::{Bot, lab::Lab};
    /// # #[tokio::main]
    /// # async fn main() -> anyhow::Result<()> {
    /// let lab = Lab::with("[access]\ndm_policy = 'pairing'\nadmins = ['alice@example.com']", Bot::builder()).await?;
    /// let asked = lab.person("bob").says("help").await?;
    /// assert!(asked[0].said().contains("code"));
    /// assert_eq!(lab.person("alice").heard().len(), 1, "she is asked whether to let him in");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Lab::start`].
    pub async fn with(settings: &str, bot: Bot) -> anyhow::Result<Lab> {
        let (bot_name, bot_email) = bot.program().in_simulation();
        let options = Options { bot_name, bot_email, fetch: false, ..Options::default() };
        Lab::on(Cloud::start(options).await?, settings, bot).await
    }

    /// The same on a cloud that was started before, with [options](Options) of its own.
    ///
    /// # Errors
    /// As [`Lab::start`].
    pub async fn on(cloud: Cloud, settings: &str, bot: Bot) -> anyhow::Result<Lab> {
        let folder = tempfile::tempdir().context("cannot make a folder for the ledger")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut variables = cloud.environment(listener.local_addr()?);
        variables.extend(SETTINGS.map(|(key, value)| (format!("SWITCHBOARD_{key}"), value.to_owned())));
        let ledger = format!("sqlite:{}", folder.path().join("ledger.db").display());
        variables.push(("SWITCHBOARD_STORE__URL".to_owned(), ledger));
        let config = bot.load_above(settings, &variables)?;
        let app = bot.build_on(listener, config).await?;
        let lab = Lab(Running::start(cloud, app, folder));
        lab.0.is_ready().await?;
        Ok(lab)
    }

    /// The same laboratory, in which the bot may take so long for what it is at, and not 30 seconds.
    #[must_use]
    pub fn within(self, patience: Duration) -> Lab {
        Lab(self.0.within(patience))
    }

    /// Somebody who speaks to the bot; made if there is nobody of that name. A name without a domain is one at
    /// `example.com`.
    pub fn person(&self, name: &str) -> Person {
        let email = if name.contains('@') { name.to_owned() } else { format!("{name}@{HOME}") };
        Person { acts: self.0.cloud().person(&email), bot: self.0.clone() }
    }

    /// A space with these people and the bot.
    pub fn space(&self, title: &str, people: &[&Person]) -> Space {
        let emails: Vec<_> = people.iter().map(|person| person.email()).collect();
        Space { id: self.0.cloud().space(title, &emails), title: title.to_owned() }
    }

    /// Everything that was said so far, by whom and where, with what is on the cards and who pressed what: see
    /// [`Cloud::conversation`]. It has no ids and no times, so the same test has the same transcript in every run, unless
    /// the bot speaks in several spaces at one time, which it does in any order.
    pub fn transcript(&self) -> String {
        self.0.cloud().conversation()
    }

    /// Everything that the bot said so far, to whomever, oldest first.
    pub fn answers(&self) -> Vec<Message> {
        self.0.answers()
    }

    /// Waits until the bot has worked off everything that it was told. Everything that a [`Person`] does waits by itself.
    ///
    /// # Errors
    /// When it takes too long, with what is still open; or when the bot has ended, with why.
    pub async fn settle(&self) -> anyhow::Result<()> {
        self.0.settle().await
    }

    /// Waits until the transcript holds this text: what the bot says on its own is said at any time. Gives the transcript.
    ///
    /// # Errors
    /// When it takes too long, with what was said.
    pub async fn until(&self, text: &str) -> anyhow::Result<String> {
        self.0.until(text).await
    }

    /// The cloud, for what goes wrong in it and for what is not said by anybody.
    pub fn cloud(&self) -> &Cloud {
        self.0.cloud()
    }

    /// The bot, for its metrics.
    pub fn bot(&self) -> &Handle {
        self.0.bot()
    }

    /// Stops the bot as SIGTERM does, and says how it ended. Without it the bot is cut off when the laboratory is dropped.
    ///
    /// # Errors
    /// Why the bot did not end well.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.0.stop().await
    }
}
