//! Everything the cloud knows. Changes are plain state changes, made by the methods in the files beside this one; what
//! webhooks tell about them is kept in `happened` until the cloud takes it out and delivers it.

use std::collections::HashMap;

use super::actions::Action;
use super::contents::{Content, Scan};
use super::events::Event;
use super::ids::{Mint, Shelf};
use super::journal::Change;
use super::meetings::Meeting;
use super::mercury::Mercury;
use super::messages::Message;
use super::oauth::Grant;
use super::people::Account;
use super::quirks::Quirks;
use super::rooms::Room;
use super::teams::Team;
use super::time::Clock;
use super::webhooks::Webhook;

/// All of it.
#[derive(Default)]
pub(super) struct World {
    pub(super) mint: Mint,
    pub(super) clock: Clock,
    pub(super) quirks: Quirks,
    pub(super) people: Shelf<Account>,
    /// Lower-case addresses, and whose they are.
    pub(super) by_email: HashMap<String, String>,
    /// Whether the token of somebody new follows from the address.
    pub(super) has_quotable_tokens: bool,
    /// Tokens, and whose they are.
    pub(super) by_token: HashMap<String, String>,
    pub(super) rooms: Shelf<Room>,
    /// Direct rooms by their two people, the smaller id first.
    pub(super) direct: HashMap<(String, String), String>,
    pub(super) teams: Shelf<Team>,
    pub(super) messages: Shelf<Message>,
    pub(super) contents: HashMap<String, Content>,
    /// What the malware scan makes of each new file.
    pub(super) scan: Scan,
    pub(super) actions: Shelf<Action>,
    pub(super) webhooks: Shelf<Webhook>,
    pub(super) mercury: Mercury,
    pub(super) meetings: Shelf<Meeting>,
    /// By client id.
    pub(super) grants: HashMap<String, Grant>,
    /// What is to be delivered, and to which webhooks.
    pub(super) happened: Vec<(Event, Vec<String>)>,
    /// What people see changed, and whoever watches was not told yet.
    pub(super) changes: Vec<Change>,
}

impl World {
    /// Nobody and nothing, and where new ids will come from.
    pub(super) fn new(mint: Mint) -> World {
        World { mint, ..World::default() }
    }
}
