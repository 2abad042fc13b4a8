//! The whole state of the cloud. The methods in the files beside this one change it. They put the events for webhooks
//! into `happened`, where the cloud takes them out to deliver them.

use std::collections::HashMap;

use super::change::WorldChange;
use super::event::Event;
use super::ids::Mint;
use super::quirks::Quirks;
use super::shelf::Shelf;
use super::things::{Account, Action, Content, Grant, Meeting, Mercury, Message, Room, Scan, Team, Webhook};
use super::time::Clock;

/// The state of the cloud.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) mint: Mint,
    pub(crate) clock: Clock,
    pub(crate) quirks: Quirks,
    pub(crate) people: Shelf<Account>,
    /// The id of each account by its address in lower case.
    pub(crate) by_email: HashMap<String, String>,
    /// Whether the token of a new account is derived from its address.
    pub(crate) has_quotable_tokens: bool,
    /// The id of each account by its tokens.
    pub(crate) by_token: HashMap<String, String>,
    pub(crate) rooms: Shelf<Room>,
    /// Direct rooms by their two people, the smaller id first.
    pub(crate) direct: HashMap<(String, String), String>,
    pub(crate) teams: Shelf<Team>,
    pub(crate) messages: Shelf<Message>,
    pub(crate) contents: HashMap<String, Content>,
    /// The result of the malware scan for each new file.
    pub(crate) scan: Scan,
    pub(crate) actions: Shelf<Action>,
    pub(crate) webhooks: Shelf<Webhook>,
    pub(crate) mercury: Mercury,
    pub(crate) meetings: Shelf<Meeting>,
    /// The grants by client id.
    pub(crate) grants: HashMap<String, Grant>,
    /// The events to deliver, and the ids of their webhooks.
    pub(crate) happened: Vec<(Event, Vec<String>)>,
    /// The visible changes that watchers have not been told yet.
    pub(crate) changes: Vec<WorldChange>,
}

impl World {
    /// An empty world, with the source of its new ids.
    pub(crate) fn new(mint: Mint) -> World {
        World { mint, ..World::default() }
    }
}
