//! The state file of the cloud: people, rooms, messages, files, clicks and webhooks, as one JSON document that replaces
//! the one before. It is written soon after a change, at most a tenth of the time, and once more at the end.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::ids::Mint;
use super::state::World;
use super::things::{Account, Action, Content, Grant, Meeting, Message, Room, RoomType, Team, Webhook};

/// The version of the document. A cloud reads no other version.
const VERSION: u32 = 1;
/// About how long after a change the file is written.
const PAUSE: Duration = Duration::from_secs(1);
/// Writing takes at most one part in this many of the time.
const SHARE: u32 = 10;

/// The content of the state file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedWorld {
    version: u32,
    /// The seed of the next ids, so that no id is given twice.
    seed: u64,
    people: Vec<Account>,
    rooms: Vec<Room>,
    messages: Vec<SavedMessage>,
    contents: Vec<(String, Content)>,
    actions: Vec<Action>,
    webhooks: Vec<Webhook>,
    teams: Vec<Team>,
    meetings: Vec<Meeting>,
    grants: Vec<Grant>,
    /// The tokens of all people, including refreshed ones.
    tokens: Vec<(String, String)>,
}

/// A message, with the fields that REST does not show.
#[derive(Serialize, Deserialize)]
struct SavedMessage {
    #[serde(flatten)]
    message: Message,
    edits: u8,
}

impl SavedWorld {
    pub(crate) fn of(world: &World) -> SavedWorld {
        SavedWorld {
            version: VERSION,
            seed: world.mint.seed(),
            people: world.people.iter().cloned().collect(),
            rooms: world.rooms.iter().cloned().collect(),
            messages: world
                .messages
                .iter()
                .map(|message| SavedMessage { message: message.clone(), edits: message.edits })
                .collect(),
            contents: world.contents.iter().map(|(id, content)| (id.clone(), content.clone())).collect(),
            actions: world.actions.iter().cloned().collect(),
            webhooks: world.webhooks.iter().cloned().collect(),
            teams: world.teams.iter().cloned().collect(),
            meetings: world.meetings.iter().cloned().collect(),
            grants: world.grants.values().cloned().collect(),
            tokens: world.tokens().map(|(token, person)| (token.clone(), person.clone())).collect(),
        }
    }

    fn world(self) -> World {
        let mut world = World::new(Mint::new(fastrand::Rng::with_seed(self.seed)));
        for account in self.people {
            world.know(account);
        }
        for room in self.rooms {
            if let (RoomType::Direct, [one, other]) = (room.kind, &room.members[..]) {
                world.know_direct(&one.person_id, &other.person_id, &room.id);
            }
            world.rooms.push(&room.id.clone(), room);
        }
        for SavedMessage { message, edits } in self.messages {
            world.keep(Message { edits, ..message });
        }
        world.contents = self.contents.into_iter().collect();
        for action in self.actions {
            world.actions.push(&action.id.clone(), action);
        }
        for webhook in self.webhooks {
            world.webhooks.push(&webhook.id.clone(), webhook);
        }
        for team in self.teams {
            world.teams.push(&team.id.clone(), team);
        }
        for meeting in self.meetings {
            world.meetings.push(&meeting.id.clone(), meeting);
        }
        world.grants = self.grants.into_iter().map(|grant| (grant.client_id.clone(), grant)).collect();
        for (token, person) in self.tokens {
            world.add_token(token, &person);
        }
        // Nobody watches yet.
        world.changes.clear();
        world
    }
}

/// Reads the world from a file. None if the file does not exist yet.
pub(crate) fn load(path: &Path) -> io::Result<Option<World>> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let saved: SavedWorld = serde_json::from_slice(&text).map_err(|error| {
        let why = format!("it is not a state file of this simulator ({error}); move it away to begin anew");
        io::Error::new(io::ErrorKind::InvalidData, why)
    })?;
    if saved.version != VERSION {
        let why = format!("it has version {}, and this simulator reads version {VERSION}", saved.version);
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(Some(saved.world()))
}

/// Writes a file beside the old one and then replaces it, so that the file is whole at any instant.
fn save(saved: &SavedWorld, path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(io::BufWriter::new(&mut file), saved)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Keeps the file up to date until the cloud stops. `revisions` changes with the world.
pub(crate) async fn keep(
    path: PathBuf,
    mut revisions: watch::Receiver<u64>,
    stopping: CancellationToken,
    saved: impl Fn() -> SavedWorld,
) {
    let mut pause = PAUSE;
    loop {
        let changed = stopping.run_until_cancelled(revisions.changed()).await;
        stopping.run_until_cancelled(tokio::time::sleep(pause)).await;
        revisions.mark_unchanged();
        let began = Instant::now();
        let (saved, path) = (saved(), path.clone());
        let written = tokio::task::spawn_blocking(move || {
            save(&saved, &path).map_err(|error| format!("cannot write {}: {error}", path.display()))
        });
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(error, "the simulated cloud's state could not be saved"),
            Err(error) => tracing::error!(%error, "the simulated cloud's state could not be saved"),
        }
        pause = PAUSE.max(began.elapsed() * SHARE);
        if changed.is_none() || stopping.is_cancelled() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::simulator::world::draft::{MessageDraft, Upload};
    use crate::simulator::world::things::AccountType;

    #[test]
    fn what_is_saved_is_read_back_and_goes_on() {
        let mut world = World::new(Mint::new(fastrand::Rng::with_seed(7)));
        let bot = world.add_account(AccountType::Bot, "bot@webex.bot".into(), "Bot".into(), "token".into());
        let alice = world.account("alice@example.com");
        let room = world.direct_room(&alice, &bot);
        let upload =
            Upload { name: "a.txt".into(), content_type: "text/plain".into(), bytes: "hello".into(), source: None };
        let said = world.put(&alice, &room, MessageDraft { files: vec![upload], ..MessageDraft::default() }, "");
        let text = |text: &str| MessageDraft { text: Some(text.to_owned()), ..MessageDraft::default() };
        let edited = world.put(&alice, &room, text("edit me"), "").id;
        for _ in 0..10 {
            world.edit(&alice, &edited, &room, text("edited")).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        assert!(load(&path).unwrap().is_none());
        save(&SavedWorld::of(&world), &path).unwrap();

        let mut again = load(&path).unwrap().unwrap();
        let view = |world: &World| {
            json!([SavedWorld::of(world).rooms, SavedWorld::of(world).people, SavedWorld::of(world).messages])
        };
        assert_eq!(view(&again), view(&world));
        assert_eq!(again.by_token(&alice.token).unwrap().email, alice.email);
        assert_eq!(again.direct_room(&bot, &alice), room);
        assert_eq!(again.message_for(&bot, &said.id).unwrap().files, said.files);
        assert_eq!(again.contents.values().next().unwrap().bytes, "hello");
        assert!(again.edit(&alice, &edited, &room, text("once more")).is_err(), "the limit is forgotten");
        assert_eq!(again.mint.id("ROOM"), world.mint.id("ROOM"), "ids go on where they were");
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        for (text, about) in
            [("hello", "not a state file"), (r#"{"version":1}"#, "missing field"), ("", "not a state file")]
        {
            std::fs::write(&path, text).unwrap();
            let error = load(&path).err().unwrap().to_string();
            assert!(error.contains(about), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
