//! Messages and their files: who may post, read, change and list what. Limits and sentences are Webex's.

use std::collections::HashSet;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::contents::Content;
use super::event::Event;
use super::people::{Account, AccountType};
use super::refusal::Refusal;
use super::rooms::{Room, RoomType};
use super::state::World;
use super::written::markdown::{Mention, Rendered};
use super::written::{cards, html, markdown};
use super::{ids, time};
use crate::simulator::watch::journal::Change;
use crate::webex::local_part;

/// Bytes of UTF-8, for text and markdown each.
const LONGEST: usize = 7439;
const TOO_LONG: &str = "Unable to post message to room: Message length limited to 7439 characters before encryption and \
                        10000 characters after encryption.";
const MOST_EDITS: u8 = 10;

/// A message as REST shows it, in the order of fields that Webex uses.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Message {
    pub id: String,
    pub room_id: String,
    pub room_type: RoomType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    pub person_id: String,
    pub person_email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub markdown: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentioned_people: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentioned_groups: Vec<String>,
    #[serde(serialize_with = "time::millis")]
    pub created: Timestamp,
    #[serde(serialize_with = "time::optional_millis", skip_serializing_if = "Option::is_none")]
    pub updated: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    #[serde(skip)]
    pub(crate) edits: u8,
}

/// A message about to be posted.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) parent_id: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) markdown: Option<String>,
    pub(crate) html: Option<String>,
    pub(crate) attachments: Vec<Value>,
    pub(crate) files: Vec<Upload>,
    /// Typed into a Webex app, which sends html and never markdown: only the html is kept.
    pub(crate) typed: bool,
}

/// A file about to be posted.
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
}

impl Upload {
    pub(crate) fn new(name: &str, content_type: &str, bytes: &[u8]) -> Upload {
        let (name, content_type) = (name.to_owned(), content_type.to_owned());
        Upload { name, content_type, bytes: Bytes::copy_from_slice(bytes) }
    }
}

/// What to list. Ids are as the caller spelled them.
pub(crate) struct Listing {
    pub(crate) room_id: String,
    pub(crate) parent_id: Option<String>,
    pub(crate) mentioned_people: Option<String>,
    pub(crate) before: Option<Timestamp>,
    pub(crate) before_message: Option<String>,
    pub(crate) max: usize,
}

impl World {
    /// Posts to a room of one's own. Files become URLs under `api_url`, which is how Webex gives them out.
    pub(crate) fn post(
        &mut self,
        actor: &Account,
        room_id: &str,
        draft: Draft,
        api_url: &str,
    ) -> Result<Message, Refusal> {
        let room = self.room_of(actor, room_id)?;
        check_content(&draft)?;
        if self.quirks.five_buttons && draft.attachments.iter().any(|card| cards::longest_row(card) > 5) {
            return Err(Refusal::bad_request("Invalid Adaptive Card Json: at most five actions"));
        }
        if room.traits.is_announcement_only && !room.is_moderator(&actor.id) {
            return Err(Refusal::forbidden("Only a moderator can post in an announcement-only room."));
        }
        let parent_id = draft.parent_id.as_deref().map(|parent| self.thread(room, parent)).transpose()?;
        let room_id = room.id.clone();
        Ok(self.put(actor, &room_id, Draft { parent_id, ..draft }, api_url))
    }

    /// The same without asking whether Webex would allow it.
    pub(crate) fn put(&mut self, actor: &Account, room_id: &str, draft: Draft, api_url: &str) -> Message {
        let room = self.rooms.get(room_id);
        let rendered = self.rendered(room, &draft);
        let id = self.mint.id("MESSAGE");
        let files = draft.files.into_iter().enumerate().map(|(index, upload)| (ids::content(&id, index), upload));
        let files: Vec<_> = files.collect();
        let (text, html, mentions) = match rendered {
            Some(rendered) => (draft.text.or(Some(rendered.text)), Some(rendered.html), rendered.mentions),
            None => (draft.text, None, Vec::new()),
        };
        let (mut people, groups) = split(mentions);
        if let (Some(room), true) = (room, self.quirks.all_reaches_bots && !groups.is_empty()) {
            let members = room.members.iter().filter_map(|member| self.people.get(&member.person_id));
            let bots = members.filter(|member| member.kind == AccountType::Bot && !people.contains(&member.id));
            let bots: Vec<_> = bots.map(|bot| bot.id.clone()).collect();
            people.extend(bots);
        }
        let message = Message {
            id: id.clone(),
            room_id: room_id.to_owned(),
            room_type: room.map_or(RoomType::Direct, |room| room.kind),
            text: text.filter(|text| !text.is_empty()),
            attachments: draft.attachments,
            files: files.iter().map(|(content, _)| format!("{api_url}/contents/{content}")).collect(),
            person_id: actor.id.clone(),
            person_email: actor.email.clone(),
            markdown: draft.markdown.filter(|_| !draft.typed),
            html,
            mentioned_people: people,
            mentioned_groups: groups,
            created: room.map_or_else(|| self.clock.now(), |room| self.clock.after(room.last_activity)),
            updated: None,
            parent_id: draft.parent_id,
            edits: 0,
        };
        for (content, Upload { name, content_type, bytes }) in files {
            let file = Content { name, content_type, bytes, message_id: id.clone(), scan: self.scan };
            self.contents.insert(local_part(&content), file);
        }
        self.keep(message.clone());
        self.tell(Event::message("created", &actor.id, &message));
        self.changes.push(Change::said(&message));
        message
    }

    pub(crate) fn keep(&mut self, message: Message) {
        let (room_id, created) = (message.room_id.clone(), message.created);
        let place = self.messages.push(&message.id.clone(), message);
        if let Some(room) = self.rooms.get_mut(&room_id) {
            room.messages.push(place);
            room.last_activity = room.last_activity.max(created);
        }
    }

    /// One message, if this account may read it.
    pub(crate) fn message_for(&self, actor: &Account, id: &str) -> Result<&Message, Refusal> {
        let message = self.messages.get(id).ok_or_else(Refusal::no_such_message)?;
        let is_member = self.rooms.get(&message.room_id).is_some_and(|room| room.has(&actor.id));
        let may_read = is_member && may_read(actor, message.room_type, &message.person_id, &message.mentioned_people);
        match may_read {
            true => Ok(message),
            false if is_member && self.quirks.unseen_forbidden => Err(Refusal::forbidden("Failed to get activity")),
            false => Err(Refusal::no_such_message()),
        }
    }

    /// The newest messages of a room, newest first, and whether there are older ones.
    pub(crate) fn list(&self, actor: &Account, listing: &Listing) -> Result<(Vec<&Message>, bool), Refusal> {
        let room = self.room_of(actor, &listing.room_id)?;
        let is_me = |id: &str| id == "me" || ids::same(id, &actor.id);
        match &listing.mentioned_people {
            Some(who) if !is_me(who) => return Err(Refusal::forbidden("Failed to get activity")),
            // A bot may not read along in a space.
            None if actor.kind == AccountType::Bot && room.kind == RoomType::Group => {
                return Err(Refusal::forbidden("Failed to get activity"));
            }
            Some(_) | None => {}
        }
        let mut end = room.messages.len();
        if let Some(before) = listing.before {
            let older = |place: &usize| self.messages.at(*place).is_some_and(|message| message.created < before);
            end = end.min(room.messages.partition_point(older));
        }
        if let Some(id) = &listing.before_message {
            let place = self.messages.place(id).ok_or_else(Refusal::no_such_message)?;
            end = end.min(room.messages.partition_point(|other| *other < place));
        }
        let wanted = |message: &&Message| {
            (listing.mentioned_people.is_none() || message.mentioned_people.contains(&actor.id))
                && listing
                    .parent_id
                    .as_ref()
                    .is_none_or(|thread| message.parent_id.as_ref().is_some_and(|parent| ids::same(parent, thread)))
        };
        let newest_first = room.messages.iter().take(end).rev().filter_map(|place| self.messages.at(*place));
        let mut found: Vec<_> = newest_first.filter(wanted).take(listing.max.saturating_add(1)).collect();
        let more = found.len() > listing.max;
        found.truncate(listing.max);
        Ok((found, more))
    }

    /// Changes the text of one's own message.
    pub(crate) fn edit(&mut self, actor: &Account, id: &str, room_id: &str, draft: Draft) -> Result<Message, Refusal> {
        let message = self.message_for(actor, id)?;
        let room = self.rooms.get(&message.room_id).filter(|room| ids::same(&room.id, room_id));
        let room = room.ok_or_else(Refusal::no_such_room)?;
        if message.person_id != actor.id {
            return Err(Refusal::forbidden("Unable to edit a message of another person."));
        }
        if !message.files.is_empty() || !message.attachments.is_empty() {
            return Err(Refusal::bad_request("Editing a message with files or attachments is not supported."));
        }
        if message.edits >= MOST_EDITS {
            return Err(Refusal::bad_request("The limit of 10 edits of this message is reached."));
        }
        check_content(&draft)?;
        let rendered = self.rendered(Some(room), &draft);
        let clock = self.clock;
        let message = self.messages.get_mut(id).ok_or_else(Refusal::no_such_message)?;
        message.edits += 1;
        message.updated = Some(clock.after(message.updated.unwrap_or(message.created)));
        message.markdown = draft.markdown.filter(|_| !draft.typed);
        (message.text, message.html, (message.mentioned_people, message.mentioned_groups)) = match rendered {
            Some(rendered) => (draft.text.or(Some(rendered.text)), Some(rendered.html), split(rendered.mentions)),
            None => (draft.text, None, Default::default()),
        };
        let message = message.clone();
        self.changes.push(Change::edited(&message));
        let event = Event::message("updated", &actor.id, &message);
        if self.quirks.edits_told {
            self.tell(event);
        } else {
            // Webhooks are not told, but Webex's own apps have to show it.
            self.tell_sockets(&event);
        }
        Ok(message)
    }

    /// Removes one's own message.
    pub(crate) fn delete(&mut self, actor: &Account, id: &str) -> Result<(), Refusal> {
        let message = self.message_for(actor, id)?;
        if message.person_id != actor.id {
            return Err(Refusal::forbidden("Unable to delete a message of another person."));
        }
        let (room_id, files) = (message.room_id.clone(), message.files.len());
        let event = Event::message("deleted", &actor.id, message);
        let place = self.messages.place(id);
        if let (Some(room), Some(place)) = (self.rooms.get_mut(&room_id), place) {
            room.messages.retain(|other| *other != place);
        }
        self.messages.remove(id);
        self.drop_files(id, files);
        self.tell(event);
        Ok(())
    }

    /// A thread's id is the id of its first message, which is in the same room and in no thread.
    fn thread(&self, room: &Room, parent: &str) -> Result<String, Refusal> {
        let parent = self.messages.get(parent).filter(|parent| parent.room_id == room.id);
        let parent = parent.ok_or_else(|| Refusal::bad_request("Unable to find the parent of the message."))?;
        match parent.parent_id {
            None => Ok(parent.id.clone()),
            Some(_) => Err(Refusal::bad_request("The parent of a message cannot be a reply itself.")),
        }
    }

    /// What Webex derives from markdown or html, if there is any.
    fn rendered(&self, room: Option<&Room>, draft: &Draft) -> Option<Rendered> {
        match (&draft.markdown, &draft.html) {
            (Some(markdown), _) => Some(self.render(room, markdown)),
            (None, Some(html)) => Some(html::clean(html)),
            (None, None) => None,
        }
    }

    fn render(&self, room: Option<&Room>, markdown: &str) -> Rendered {
        markdown::render(markdown, |email_or_id| {
            let person = self.by_email(email_or_id).or_else(|| self.people.get(email_or_id))?;
            // Only who is in the room can be mentioned.
            let name = if self.quirks.full_names { &person.display_name } else { person.first_name() };
            room.is_some_and(|room| room.has(&person.id)).then(|| (person.id.clone(), name.to_owned()))
        })
    }
}

/// Whether a member of a room may read a message of it: in a space, a bot sees what mentions it and what it wrote.
pub(crate) fn may_read(member: &Account, room_type: RoomType, author_id: &str, mentioned_people: &[String]) -> bool {
    match (member.kind, room_type) {
        (AccountType::Person, _) | (AccountType::Bot, RoomType::Direct) => true,
        (AccountType::Bot, RoomType::Group) => author_id == member.id || mentioned_people.contains(&member.id),
    }
}

fn check_content(draft: &Draft) -> Result<(), Refusal> {
    let is_blank = |text: &Option<String>| text.as_deref().is_none_or(str::is_empty);
    if [&draft.text, &draft.markdown, &draft.html].into_iter().all(is_blank)
        && draft.files.is_empty()
        && draft.attachments.is_empty()
    {
        return Err(Refusal::bad_request("Both text and file cannot be empty."));
    }
    if [&draft.text, &draft.markdown, &draft.html].into_iter().flatten().any(|text| text.len() > LONGEST) {
        return Err(Refusal::bad_request(TOO_LONG));
    }
    if draft.files.len() > 1 {
        return Err(Refusal::bad_request("Only one file per message is allowed."));
    }
    if draft.attachments.len() > 1 {
        return Err(Refusal::bad_request("Only one card per message is allowed."));
    }
    if !draft.attachments.is_empty() && !draft.files.is_empty() {
        return Err(Refusal::bad_request("A message cannot have both files and attachments."));
    }
    if draft.html.is_some() && draft.markdown.is_some() {
        return Err(Refusal::bad_request("A message cannot have both markdown and html."));
    }
    if let Some(problem) = draft.attachments.iter().find_map(cards::problem) {
        return Err(Refusal::bad_request(format!("Invalid Adaptive Card Json: {problem}")));
    }
    Ok(())
}

/// People and groups, each named once.
fn split(mentions: Vec<Mention>) -> (Vec<String>, Vec<String>) {
    let (mut people, mut groups, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for mention in mentions {
        if seen.insert(mention.clone()) {
            match mention {
                Mention::Person(id) => people.push(id),
                Mention::All => groups.push("all".to_owned()),
            }
        }
    }
    (people, groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_back_without_gaps_or_repeats_and_survive_a_deletion() {
        let mut world = World::default();
        let (alice, bob) = (world.account("alice@example.com"), world.account("bob@example.com"));
        let room = world.direct_room(&alice, &bob);
        let draft = |text: usize| Draft { text: Some(text.to_string()), ..Draft::default() };
        let ids: Vec<_> = (0..10).map(|text| world.put(&alice, &room, draft(text), "").id).collect();
        let page = |world: &World, before_message: Option<&String>| {
            let listing = Listing {
                room_id: ids::respelled(&room, ids::US, "ROOM"),
                parent_id: None,
                mentioned_people: None,
                before: None,
                before_message: before_message.map(|id| ids::respelled(id, ids::US, "MESSAGE")),
                max: 4,
            };
            let (found, more) = world.list(&bob, &listing).unwrap();
            (found.iter().map(|message| message.text.clone().unwrap()).collect::<String>(), more)
        };
        assert_eq!(page(&world, None), ("9876".to_owned(), true));
        assert_eq!(page(&world, Some(&ids[6])), ("5432".to_owned(), true));
        world.delete(&alice, &ids[2]).unwrap();
        assert_eq!(page(&world, Some(&ids[2])), ("10".to_owned(), false));
    }
}
