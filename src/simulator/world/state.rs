//! Everything the cloud knows. Changes are plain state changes, made by the methods in the files beside this one; what
//! webhooks tell about them is kept in `happened` until the cloud takes it out and delivers it.

use std::collections::HashMap;

use super::change::WorldChange;
use super::event::Event;
use super::ids::Mint;
use super::quirks::Quirks;
use super::shelf::Shelf;
use super::things::{Account, Action, Content, Grant, Meeting, Mercury, Message, Room, Scan, Team, Webhook};
use super::time::Clock;

/// All of it.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) mint: Mint,
    pub(crate) clock: Clock,
    pub(crate) quirks: Quirks,
    pub(crate) people: Shelf<Account>,
    /// Lower-case addresses, and whose they are.
    pub(crate) by_email: HashMap<String, String>,
    /// Whether the token of somebody new follows from the address.
    pub(crate) has_quotable_tokens: bool,
    /// Tokens, and whose they are.
    pub(crate) by_token: HashMap<String, String>,
    pub(crate) rooms: Shelf<Room>,
    /// Direct rooms by their two people, the smaller id first.
    pub(crate) direct: HashMap<(String, String), String>,
    pub(crate) teams: Shelf<Team>,
    pub(crate) messages: Shelf<Message>,
    pub(crate) contents: HashMap<String, Content>,
    /// What the malware scan makes of each new file.
    pub(crate) scan: Scan,
    pub(crate) actions: Shelf<Action>,
    pub(crate) webhooks: Shelf<Webhook>,
    pub(crate) mercury: Mercury,
    pub(crate) meetings: Shelf<Meeting>,
    /// By client id.
    pub(crate) grants: HashMap<String, Grant>,
    /// What is to be delivered, and to which webhooks.
    pub(crate) happened: Vec<(Event, Vec<String>)>,
    /// What people see has changed, and the watchers were not told yet.
    pub(crate) changes: Vec<WorldChange>,
}

impl World {
    /// Nobody and nothing, and where new ids will come from.
    pub(crate) fn new(mint: Mint) -> World {
        World { mint, ..World::default() }
    }
}
