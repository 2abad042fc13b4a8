//! The laboratory runs a bot under test, with a Webex cloud, people and spaces in the same process.
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
//! The bot is the whole daemon, as `simulate` runs it, on a free port and in a folder of its own. Both end with the
//! [`Lab`], so tests can run beside each other. Every error here is meant to fail the test: return it with `?`, or call
//! `unwrap`.

mod filling;
mod person;
mod running;

use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;

pub use filling::Filled;
pub use person::{Person, Space};
use running::RunningBot;

use crate::app::Handle;
use crate::bot::Bot;
use crate::simulator::{Cloud, Message, Options};

/// The mail domain of people who are named without one.
const HOME: &str = "example.com";

/// Settings for tests: the bot answers everybody, has no flood limits, and repeats a failed try at once.
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

/// A running bot, and the cloud it runs against. It is cheap to clone. All clones are the same laboratory, which ends
/// when the last of them and of its [people](Person) is dropped.
#[derive(Clone)]
pub struct Lab(RunningBot);

impl Lab {
    /// Starts a bot that answers everybody in direct messages, and everybody who mentions it in spaces. Returns when
    /// the bot is ready.
    ///
    /// # Errors
    /// The bot cannot start, for example because settings are wrong or two commands have one name.
    pub async fn start(bot: Bot) -> anyhow::Result<Lab> {
        Lab::with("", bot).await
    }

    /// Like [`Lab::start`], with settings in the form of `bot.toml`. They replace those of the open bot.
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
    /// The same errors as [`Lab::start`].
    pub async fn with(settings: &str, bot: Bot) -> anyhow::Result<Lab> {
        let (bot_name, bot_email) = bot.program().in_simulation();
        let options = Options { bot_name, bot_email, fetch: false, ..Options::default() };
        Lab::on(Cloud::start(options).await?, settings, bot).await
    }

    /// Like [`Lab::with`], on a cloud that was started before with its own [options](Options).
    ///
    /// # Errors
    /// The same errors as [`Lab::start`].
    pub async fn on(cloud: Cloud, settings: &str, bot: Bot) -> anyhow::Result<Lab> {
        let folder = tempfile::tempdir().context("cannot make a folder for the ledger")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut variables = cloud.environment(listener.local_addr()?);
        variables.extend(SETTINGS.map(|(key, value)| (format!("SWITCHBOARD_{key}"), value.to_owned())));
        let ledger = format!("sqlite:{}", folder.path().join("ledger.db").display());
        variables.push(("SWITCHBOARD_STORE__URL".to_owned(), ledger));
        let config = bot.load_above(settings, &variables)?;
        let app = bot.build_on(listener, config).await?;
        let lab = Lab(RunningBot::start(cloud, app, folder));
        lab.0.is_ready().await?;
        Ok(lab)
    }

    /// Sets how long the laboratory waits for the bot before it fails; 30 seconds otherwise.
    #[must_use]
    pub fn within(self, patience: Duration) -> Lab {
        Lab(self.0.within(patience))
    }

    /// A person who speaks to the bot. They are created if nobody has that name. A name without a domain is at
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

    /// Everything that was said so far, by whom and where, with the contents of cards and who pressed which button: see
    /// [`Cloud::conversation`]. It has no ids and no times, so a test has the same transcript in every run. Only the
    /// order of messages that the bot sends to several spaces at one time can differ.
    pub fn transcript(&self) -> String {
        self.0.cloud().conversation()
    }

    /// Everything that the bot said so far, to anybody, oldest first.
    pub fn answers(&self) -> Vec<Message> {
        self.0.answers()
    }

    /// Waits until the bot has finished all its work. You need it only for what no [`Person`] did, since their methods
    /// wait by themselves.
    ///
    /// # Errors
    /// The bot takes too long, and the error says what is still open. Or the bot has ended, and the error says why.
    pub async fn settle(&self) -> anyhow::Result<()> {
        self.0.settle().await
    }

    /// Waits until the transcript contains this text, and gives the transcript. Use it for what the bot says on its
    /// own, at a time that the test does not know.
    ///
    /// # Errors
    /// The text does not appear in time, and the error shows what was said. Or the bot has ended.
    pub async fn until(&self, text: &str) -> anyhow::Result<String> {
        self.0.until(text).await
    }

    /// The cloud, for causing faults, and for everything that no person does.
    pub fn cloud(&self) -> &Cloud {
        self.0.cloud()
    }

    /// The bot, for its metrics.
    pub fn bot(&self) -> &Handle {
        self.0.bot()
    }

    /// Stops the bot as SIGTERM does, and waits for its end. Otherwise the bot is cut off when the laboratory is
    /// dropped.
    ///
    /// # Errors
    /// The bot did not stop in time, or it failed; the error says why.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.0.stop().await
    }
}
