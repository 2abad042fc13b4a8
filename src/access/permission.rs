//! Decides who may give a command, and where, by what the command declares or the settings say instead.

use super::{ListEntry, Policy, is_listed};
use crate::config::{ADMINS, DIRECT, is_person, is_room};
use crate::webex::{PersonId, RoomId, RoomType};

/// Who may give one command, and where. By default everyone the bot answers may, in every space.
#[derive(Clone, Debug, Default)]
pub struct Permission {
    /// The people besides the admins, who always may.
    allow: Option<Vec<ListEntry>>,
    rooms: Option<Vec<AllowedSpace>>,
    /// Entries that name neither a person nor a space.
    wrong: Vec<String>,
}

#[derive(Clone, Debug)]
enum AllowedSpace {
    Direct,
    Space(RoomId),
}

impl Permission {
    /// Lets only these people, and the admins, give the command.
    pub fn allow(&mut self, people: impl IntoIterator<Item = impl AsRef<str>>) {
        let (mut allow, mut wrong) = (Vec::new(), Vec::new());
        for entry in people {
            match entry.as_ref().trim() {
                ADMINS => {}
                entry if is_person(entry) => allow.push(ListEntry::parse(entry)),
                entry => wrong.push(entry.to_owned()),
            }
        }
        self.allow = Some(allow);
        self.wrong.extend(wrong);
    }

    /// Lets people give the command only in these spaces.
    pub fn rooms(&mut self, rooms: impl IntoIterator<Item = impl AsRef<str>>) {
        let (mut spots, mut wrong) = (Vec::new(), Vec::new());
        for entry in rooms {
            match entry.as_ref().trim() {
                DIRECT => spots.push(AllowedSpace::Direct),
                entry if is_room(entry) => spots.push(AllowedSpace::Space(entry.into())),
                entry => wrong.push(entry.to_owned()),
            }
        }
        self.rooms = Some(spots);
        self.wrong.extend(wrong);
    }

    /// The people who may give the command besides the admins. None if everybody may.
    pub(super) fn people(&self) -> Option<&[ListEntry]> {
        self.allow.as_deref()
    }

    /// Whether in spaces only admins may give it.
    pub(super) fn is_direct_only(&self) -> bool {
        self.rooms.as_ref().is_some_and(|rooms| rooms.iter().all(|spot| matches!(spot, AllowedSpace::Direct)))
    }

    /// The entries that name neither a person nor a space.
    pub fn wrong(&self) -> &[String] {
        &self.wrong
    }
}

impl Policy {
    /// Whether a person whom the bot answers may give a command at this place.
    ///
    /// # Errors
    /// The rule that forbids it, for the log and the audit. Do not run the command.
    pub fn permits(
        &self,
        permission: &Permission,
        id: &PersonId,
        email: &str,
        room: &RoomId,
        kind: RoomType,
    ) -> Result<(), &'static str> {
        if self.is_admin(id, email) {
            return Ok(());
        }
        if permission.allow.as_ref().is_some_and(|people| !is_listed(people, id, email)) {
            return Err("not listed in the command's allow");
        }
        let here = |spot: &AllowedSpace| match spot {
            AllowedSpace::Direct => kind == RoomType::Direct,
            AllowedSpace::Space(space) => space == room,
        };
        if permission.rooms.as_ref().is_some_and(|rooms| !rooms.iter().any(here)) {
            return Err("asked in a space that is not among the command's rooms");
        }
        Ok(())
    }
}
