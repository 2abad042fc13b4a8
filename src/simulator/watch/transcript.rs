//! The conversation as a person would read it.

use std::fmt::Write;

use crate::simulator::world::World;
use crate::simulator::world::things::{Account, Message, RoomType};

/// All rooms together, in the order in which things were said.
pub(crate) fn transcript(world: &World, bot: &Account) -> String {
    let is_direct = |message: &&Message| message.room_type == RoomType::Direct && message.person_id == bot.id;
    let mut written_to = world.messages.iter().filter(is_direct).map(|message| &message.room_id);
    let first = written_to.next();
    let several = written_to.any(|room| Some(room) != first);
    let mut transcript = String::new();
    for message in world.messages.iter() {
        // Writing to a string cannot fail.
        let _ = writeln!(transcript, "{}", line(world, bot, message, several));
    }
    transcript
}

fn line(world: &World, bot: &Account, message: &Message, several: bool) -> String {
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
    let mut said = message.markdown.as_deref().or(message.text.as_deref()).unwrap_or_default().replace('\n', "\n  ");
    if message.updated.is_some() {
        said.push_str(" (edited)");
    }
    if !message.attachments.is_empty() {
        said.push_str(" [card]");
    }
    for file in &message.files {
        let content = file.rsplit('/').next().and_then(|id| world.contents.get(&crate::webex::local_part(id)));
        said.push_str(&format!(" [file {}]", content.map_or("", |content| content.name.as_str())));
    }
    format!("{who}: {}", said.trim_start()).replace("\n  \n", "\n\n")
}

fn nickname(email: &str) -> &str {
    email.split('@').next().unwrap_or(email)
}
