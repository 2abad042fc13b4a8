//! Posts, changes and deletes messages and their files. Limits and sentences are Webex's.

use std::collections::HashSet;

use super::change::WorldChange;
use super::draft::{MessageDraft, Upload, check_content};
use super::event::Event;
use super::ids;
use super::refusal::Refusal;
use super::state::World;
use super::things::{Account, AccountType, Content, Message, Room, RoomType};
use super::written::markdown::{self, Mention, Rendered};
use super::written::{cards, html};
use crate::webex::local_part;

const MOST_EDITS: u8 = 10;

impl World {
    /// Posts a message to a room of the actor. Its files become URLs under `api_url`, as with Webex.
    pub(crate) fn post(
        &mut self,
        actor: &Account,
        room_id: &str,
        draft: MessageDraft,
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
        Ok(self.put(actor, &room_id, MessageDraft { parent_id, ..draft }, api_url))
    }

    /// Posts a message without checking whether Webex would allow it.
    pub(crate) fn put(&mut self, actor: &Account, room_id: &str, draft: MessageDraft, api_url: &str) -> Message {
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
        for (content, Upload { name, content_type, bytes, source }) in files {
            let file = Content { name, content_type, bytes, source, message_id: id.clone(), scan: self.scan };
            self.contents.insert(local_part(&content), file);
        }
        self.keep(message.clone());
        self.tell(Event::message("created", &actor.id, &message));
        self.changes.push(WorldChange::said(&message));
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

    /// Changes the text of the actor's own message.
    pub(crate) fn edit(
        &mut self,
        actor: &Account,
        id: &str,
        room_id: &str,
        draft: MessageDraft,
    ) -> Result<Message, Refusal> {
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
        self.changes.push(WorldChange::edited(&message));
        let event = Event::message("updated", &actor.id, &message);
        if self.quirks.edits_told {
            self.tell(event);
        } else {
            // Webhooks do not get edits, but Webex's own apps have to show them.
            self.tell_sockets(&event);
        }
        Ok(message)
    }

    /// Deletes the actor's own message.
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

    /// The id of the thread of a reply: the id of the thread's first message, which must be in the same room and no
    /// reply itself.
    fn thread(&self, room: &Room, parent: &str) -> Result<String, Refusal> {
        let parent = self.messages.get(parent).filter(|parent| parent.room_id == room.id);
        let parent = parent.ok_or_else(|| Refusal::bad_request("Unable to find the parent of the message."))?;
        match parent.parent_id {
            None => Ok(parent.id.clone()),
            Some(_) => Err(Refusal::bad_request("The parent of a message cannot be a reply itself.")),
        }
    }

    /// The HTML and text that Webex derives from a message's markdown or HTML, if it has any.
    fn rendered(&self, room: Option<&Room>, draft: &MessageDraft) -> Option<Rendered> {
        match (&draft.markdown, &draft.html) {
            (Some(markdown), _) => Some(self.render(room, markdown)),
            (None, Some(html)) => Some(html::clean(html)),
            (None, None) => None,
        }
    }

    fn render(&self, room: Option<&Room>, markdown: &str) -> Rendered {
        markdown::render(markdown, |email_or_id| {
            let person = self.by_email(email_or_id).or_else(|| self.people.get(email_or_id))?;
            // Only people in the room can be mentioned.
            let name = if self.quirks.full_names { &person.display_name } else { person.first_name() };
            room.is_some_and(|room| room.has(&person.id)).then(|| (person.id.clone(), name.to_owned()))
        })
    }
}

/// The mentioned people and groups, each once.
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
