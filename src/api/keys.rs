//! The keys of the API: who a caller is, and what they may do.

use axum::http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};

use super::answer::Refusal;
use crate::config::{self, ApiRight};
use crate::outbox::Destination;
use crate::places::{Place, PlaceError, Places};
use crate::signature;
use crate::store::{Pin, StoreError};

/// A key of the settings.
pub struct ApiKey {
    pub name: String,
    /// The whole value of the header `Authorization`.
    shown: SecretString,
    /// Where its messages may go.
    to: Vec<Place>,
    may: Vec<ApiRight>,
}

/// All keys of the settings.
pub struct ApiKeys(Vec<ApiKey>);

impl ApiKeys {
    /// The keys as the settings have them. `room` is where the messages of a key without `to` may go.
    pub fn new(keys: &[config::ApiKey], room: Option<&str>) -> ApiKeys {
        let ready = |config::ApiKey { name, key, to, may }: &config::ApiKey| {
            let to: Vec<&str> =
                if to.is_empty() { room.into_iter().collect() } else { to.iter().map(|to| &**to).collect() };
            ApiKey {
                name: name.clone(),
                shown: SecretString::from(format!("Bearer {}", key.expose_secret())),
                to: to.into_iter().map(Place::of).collect(),
                may: may.clone(),
            }
        };
        ApiKeys(keys.iter().map(ready).collect())
    }

    /// The key that a caller shows. Each key is compared in constant time, whether an earlier one was the right one or
    /// not.
    pub(super) fn shown_by(&self, headers: &HeaderMap) -> Option<&ApiKey> {
        let shown = signature::shown(headers, &header::AUTHORIZATION)?;
        let mut found = None;
        for key in &self.0 {
            if signature::is_same(&key.shown, &shown) {
                found = Some(key);
            }
        }
        found
    }
}

impl ApiKey {
    pub(super) fn may(&self, right: ApiRight) -> bool {
        self.may.contains(&right)
    }

    /// The destinations of a request, each once: those that it names, or else the only one of the key.
    pub(super) async fn destinations(
        &self,
        named: Option<Vec<String>>,
        places: &Places,
    ) -> Result<Vec<Destination>, Refusal> {
        let Some(named) = named else {
            return match &self.to[..] {
                [only] => Ok(vec![resolve(only, places).await?]),
                _ => Err(Refusal::invalid("to", "is missing, and this key may post to several destinations")),
            };
        };
        if named.is_empty() || named.iter().any(|to| to.trim().is_empty()) {
            return Err(Refusal::invalid("to", "is empty; give the title or id of a space, an email or a person id"));
        }
        let mut found: Vec<Destination> = Vec::new();
        for name in named {
            let to = self.destination(&Place::of(&name), places).await?;
            if found.iter().all(|other| other.lane() != to.lane()) {
                found.push(to);
            }
        }
        Ok(found)
    }

    /// The destination of the key that this place means. A title that is not the key's is never looked for: a caller
    /// learns nothing of other spaces, and costs no calls to Webex.
    async fn destination(&self, place: &Place, places: &Places) -> Result<Destination, Refusal> {
        const FORBIDDEN: Refusal =
            Refusal::Forbidden("this key may not post to that destination; `to` of its [[api_key]] says where");
        if let Some(own) = self.to.iter().find(|own| *own == place) {
            return resolve(own, places).await;
        }
        match place {
            Place::Titled(title) => {
                let own = self.last_seen(title, places).await.map_err(Refusal::NotStored)?;
                resolve(own.ok_or(FORBIDDEN)?, places).await
            }
            Place::Known(to) => self.known(to, places).await.ok_or(FORBIDDEN),
        }
    }

    /// The only space of the key that had this title when it was last seen.
    async fn last_seen(&self, title: &str, places: &Places) -> Result<Option<&Place>, StoreError> {
        let pins = places.last_seen(title).await?;
        let mut seen = pins.iter().filter_map(|pin| Some((&pin.room, self.to.iter().find(|own| is_of(own, pin))?)));
        let first = seen.next();
        let is_only = first.is_some_and(|(room, _)| seen.all(|(other, _)| other == room));
        Ok(first.filter(|_| is_only).map(|(_, own)| own))
    }

    /// The destination of the key with this id or address.
    async fn known(&self, to: &Destination, places: &Places) -> Option<Destination> {
        let is_space = matches!(to, Destination::Space(..));
        // A title means no person.
        for own in self.to.iter().filter(|own| is_space || own.title().is_none()) {
            // What cannot be found now is not what the caller names.
            if let Ok(own) = places.resolve(own).await
                && own.lane() == to.lane()
            {
                return Some(own);
            }
        }
        None
    }
}

/// Whether the pin is that of this destination.
fn is_of(own: &Place, pin: &Pin) -> bool {
    match own {
        Place::Titled(title) => *title == pin.title,
        Place::Known(Destination::Space(room, _)) => room.as_str() == pin.room,
        Place::Known(_) => false,
    }
}

/// The destination that one of the key's own places means.
async fn resolve(place: &Place, places: &Places) -> Result<Destination, Refusal> {
    places.resolve_lately(place).await.map_err(|error| match error {
        PlaceError::Unplaced(unplaced) => Refusal::invalid("to", unplaced.to_string()),
        PlaceError::Webex(_) => Refusal::Unavailable("Webex does not say now which space has that title"),
        PlaceError::Store(error) => Refusal::NotStored(error),
    })
}
