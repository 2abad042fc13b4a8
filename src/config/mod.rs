//! Settings, one file for each section. Every key is documented in `bot.toml`.
//!
//! Only this room reads the environment. Other rooms receive their own section.

mod access;
mod admin;
mod api_key;
mod approve;
mod audit;
mod cards;
mod check;
mod command;
mod command_argument;
mod commands;
mod confidential;
mod conversations;
mod delivery;
mod doubts;
mod files;
mod flood;
mod hook;
mod hook_expect;
mod hook_expiry;
mod hook_proof;
mod hook_rule;
mod hooks;
mod instance;
mod layers;
mod log;
mod pairing;
mod people;
mod polling;
mod secrets;
mod server;
mod sources;
mod store;
mod validate;
mod values;
mod webex;
mod webhook;
mod websocket;
mod worker;

use serde::Deserialize;

use crate::program::Program;
use crate::state::State;

pub use access::{Access, DmPolicy, GroupPolicy, OnDeny};
pub use admin::Admin;
pub use api_key::{ApiKey, ApiRight};
pub use approve::Approve;
pub(crate) use approve::problem as approve_problem;
pub use audit::Audit;
pub use cards::Cards;
pub use check::ConfigError;
pub(crate) use check::SettingDoubt;
pub use command::CommandRule;
pub use command_argument::{ArgumentType, CommandArgument};
pub use commands::Commands;
pub use conversations::Conversations;
pub(crate) use conversations::LONGEST_QUESTION;
pub use delivery::{Delivery, Mode};
pub use files::Files;
pub use flood::Flood;
pub(crate) use hook::MOST_DESTINATIONS;
pub(crate) use hook::is_plain_name;
pub use hook::{Hook, HookLimit};
pub use hook_expect::HookExpect;
pub use hook_expiry::Expiry;
pub use hook_proof::{AuthJwt, AuthKind, HookAuth, HookSignature};
pub use hook_rule::HookRule;
pub use hooks::Hooks;
pub use instance::Instance;
pub(crate) use layers::{Loaded, Section};
pub use log::{Log, LogFormat};
pub use pairing::Pairing;
pub(crate) use people::{ADMINS, DIRECT, is_person, is_room};
pub use polling::Polling;
pub use secrets::Secrets;
pub use server::Server;
pub use sources::Sources;
pub use store::Store;
pub(crate) use values::encrypted_or_loopback;
pub use values::parse_duration;
pub use webex::Webex;
pub use webhook::Webhook;
pub use websocket::Websocket;
pub use worker::Worker;

/// The annotated file that documents every key and is the lowest layer of the settings.
pub const DEFAULTS: &str = include_str!("../../bot.toml");

/// All settings, read and checked.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// How Webex is reached.
    pub webex: Webex,
    /// How messages reach the bot.
    pub delivery: Delivery,
    /// What Webex posts to us.
    pub webhook: Webhook,
    /// What we ask Webex.
    pub polling: Polling,
    /// The socket we hold open.
    pub websocket: Websocket,
    /// The public listener.
    pub server: Server,
    /// The operators' listener.
    pub admin: Admin,
    /// The ledger.
    pub store: Store,
    /// This daemon beside others.
    pub instance: Instance,
    /// How events are worked off.
    pub worker: Worker,
    /// Files that people attach and replies carry.
    pub files: Files,
    /// What the bot fetches from others.
    pub sources: Sources,
    /// Secrets by name.
    #[serde(default)]
    pub secrets: Secrets,
    /// Buttons to press.
    pub cards: Cards,
    /// Questions that replies ask.
    pub conversations: Conversations,
    /// The commands that every bot has.
    pub commands: Commands,
    /// Who is answered.
    pub access: Access,
    /// Who did what.
    pub audit: Audit,
    /// How strangers are let in.
    pub pairing: Pairing,
    /// How much of one person and of one space is answered.
    pub flood: Flood,
    /// Commands that the settings make, and who may give which command, and where.
    #[serde(default)]
    pub command: Vec<CommandRule>,
    /// What all hooks share.
    pub hooks: Hooks,
    /// Other systems that post to the bot.
    #[serde(default)]
    pub hook: Vec<Hook>,
    /// Scripts that use the bearer API.
    #[serde(default)]
    pub api_key: Vec<ApiKey>,
    /// What is logged.
    pub log: Log,
    /// The sections of the author, by the types they were read as.
    #[serde(skip)]
    pub(crate) own: State,
    /// Sentences about what those sections need and nobody gave.
    #[serde(skip)]
    lacking: Vec<String>,
    /// The program that these settings are for.
    #[serde(skip)]
    pub(crate) program: Program,
    /// Doubts about how the settings were given, such as two variables for one key.
    #[serde(skip)]
    given: Vec<SettingDoubt>,
}

impl Config {
    /// Whether replies can have buttons: cards are enabled, and the delivery mode reports clicks.
    pub fn has_buttons(&self) -> bool {
        self.cards.enabled && self.delivery.mode != Mode::Polling
    }
}
