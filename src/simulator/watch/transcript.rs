//! The conversation as a person would read it.

use std::fmt::Write;

use crate::simulator::world::World;
use crate::simulator::world::things::{Account, Action, Message, RoomType};
use crate::simulator::world::written::shown;

/// The transcript of all rooms together, in the order in which things were said.
pub(crate) fn transcript(world: &World, bot: &Account) -> String {
    let several = writes_to_several(world, bot);
    let mut transcript = String::new();
    for message in world.messages.iter() {
        let card = if message.attachments.is_empty() { "" } else { " [card]" };
        // Writing to a string cannot fail.
        let _ = writeln!(transcript, "{}", line(world, bot, message, several, card));
    }
    transcript
}

/// The transcript with the contents of cards, and with clicks.
pub(crate) fn conversation(world: &World, bot: &Account) -> String {
    let several = writes_to_several(world, bot);
    let mut clicks = world.actions.iter().peekable();
    let mut conversation = String::new();
    for message in world.messages.iter() {
        let place = world.messages.place(&message.id).unwrap_or_default();
        while let Some(click) = clicks.next_if(|click| click.after <= place) {
            let _ = writeln!(conversation, "{}", pressed(world, click));
        }
        let cards = message.attachments.iter().filter_map(|card| card.get("content"));
        let card: String = cards.flat_map(shown::lines).map(|line| format!("\n| {line}")).collect();
        let _ = writeln!(conversation, "{}", line(world, bot, message, several, &card));
    }
    for click in clicks {
        let _ = writeln!(conversation, "{}", pressed(world, click));
    }
    conversation
}

/// Whether the bot wrote to more than one person directly.
fn writes_to_several(world: &World, bot: &Account) -> bool {
    let is_direct = |message: &&Message| message.room_type == RoomType::Direct && message.person_id == bot.id;
    let mut written_to = world.messages.iter().filter(is_direct).map(|message| &message.room_id);
    let first = written_to.next();
    written_to.any(|room| Some(room) != first)
}

fn pressed(world: &World, click: &Action) -> String {
    let who = world.people.get(&click.person_id).map_or("", |person| nickname(&person.email));
    let room = world.rooms.get(&click.room_id).filter(|room| room.kind == RoomType::Group);
    let place = room.map(|room| format!(" in {}", room.title)).unwrap_or_default();
    format!("{who}{place} presses {}", click.pressed.as_deref().unwrap_or("a button that is not on that card"))
}

/// A message, with the remark about its card.
fn line(world: &World, bot: &Account, message: &Message, several: bool, card: &str) -> String {
    let room = world.rooms.get(&message.room_id);
    let is_bot = message.person_id == bot.id;
    let mut who = if is_bot { "bot".to_owned() } else { nickname(&message.person_email).to_owned() };
    match (message.room_type, room) {
        (RoomType::Group, Some(room)) => who.push_str(&format!(" in {}", room.title)),
        (RoomType::Direct, Some(room)) if is_bot && several => {
            let other = room.members.iter().find(|member| member.person_id != bot.id);
            let other = other.and_then(|member| world.people.get(&member.person_id));
            who.push_str(&format!(" to {}", other.map_or("", |other| nickname(&other.email))));
        }
        (RoomType::Group | RoomType::Direct, _) => {}
    }
    if message.parent_id.is_some() {
        who.push_str(" (reply)");
    }
    let mut said = message.said().to_owned();
    if message.updated.is_some() {
        said.push_str(" (edited)");
    }
    said.push_str(card);
    for file in &message.files {
        let content = file.rsplit('/').next().and_then(|id| world.contents.get(&crate::webex::local_part(id)));
        let source = content.and_then(|content| content.source.as_ref());
        let source = source.map(|source| format!(" of {source}")).unwrap_or_default();
        said.push_str(&format!(" [file {}{source}]", content.map_or("", |content| content.name.as_str())));
    }
    let said = said.replace('\n', "\n  ");
    format!("{who}: {}", said.trim_start()).replace("\n  \n", "\n\n")
}

fn nickname(email: &str) -> &str {
    email.split('@').next().unwrap_or(email)
}
