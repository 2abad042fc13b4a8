//! Turns the body of a webhook's delivery into an event.

use jiff::Timestamp;
use serde::Deserialize;

use super::foreign::is_id;
use super::other::posted;
use crate::event::{Added, CLICKS, Event, MEMBERSHIPS, MESSAGES, Occurrence, is_plausible};
use crate::webex::{RoomType, read};

/// The resource of the envelopes by which `check --deep` tests the way in. Signing one takes the secret.
pub const CANARY: &str = "switchboardCanary";

/// What a body contains.
#[derive(Debug)]
pub enum ParsedEnvelope {
    /// An event.
    Event(Event),
    /// The test that `check --deep` sends through the public URL, to see it arrive.
    Canary,
}

impl ParsedEnvelope {
    /// Reads the body of a delivery. It must have the resource and the event, and also the id in `data` if the bot
    /// works on the resource.
    ///
    /// # Errors
    /// A sentence for the log about what is wrong with the body. Answer 400.
    pub fn parse(body: &[u8]) -> Result<ParsedEnvelope, String> {
        let envelope: Envelope = read(body).map_err(|error| error.to_string())?.value;
        Ok(match (envelope.resource.as_str(), envelope.event.as_str()) {
            (CANARY, _) => ParsedEnvelope::Canary,
            (MESSAGES, "created") => ParsedEnvelope::Event(Event::Message(envelope.occurrence()?)),
            (CLICKS, "created") => ParsedEnvelope::Event(Event::Click(envelope.occurrence()?)),
            (MEMBERSHIPS, "created") => ParsedEnvelope::Event(Event::Added(envelope.added()?)),
            (resource, event) => ParsedEnvelope::Event(Event::Other(posted(resource, event, body))),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    resource: String,
    event: String,
    actor_id: Option<String>,
    /// An event of another resource may have any `data`.
    #[serde(default)]
    data: EnvelopeData,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EnvelopeData {
    id: Option<String>,
    room_id: Option<String>,
    person_id: Option<String>,
    room_type: Option<RoomType>,
    created: Option<Timestamp>,
}

impl Envelope {
    /// What a person did.
    fn occurrence(self) -> Result<Occurrence, String> {
        let EnvelopeData { id, room_id, person_id, room_type, created } = self.data;
        let known = |id: &String| is_id(id);
        let id = id.filter(known).ok_or("data.id is missing or is no id")?;
        let room = room_id.filter(known).map(Into::into);
        let actor = person_id.filter(known).or(self.actor_id).map(Into::into);
        Ok(Occurrence { id, room, actor, room_type, created: created.filter(is_plausible) })
    }

    /// The person in a membership is the one who was added. The actor added them.
    fn added(mut self) -> Result<Added, String> {
        let member = self.data.person_id.take().filter(|id| is_id(id)).map(Into::into);
        Ok(Added { member, membership: self.occurrence()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webex::PersonId;

    #[test]
    fn only_what_is_needed_must_be_there() {
        let parse = |body: &str| ParsedEnvelope::parse(body.as_bytes());
        let body =
            r#"{"resource":"messages","event":"created","data":{"id":"m1","roomId":"r1","personId":"p1"},"new":1}"#;
        let Ok(ParsedEnvelope::Event(Event::Message(message))) = parse(body) else { panic!("not a message") };
        assert_eq!((message.id.as_str(), message.room, message.actor), ("m1", Some("r1".into()), Some("p1".into())));
        assert!(matches!(
            parse(r#"{"resource":"rooms","event":"created"}"#),
            Ok(ParsedEnvelope::Event(Event::Other(_)))
        ));
        assert!(matches!(
            parse(r#"{"resource":"messages","event":"deleted","data":{}}"#),
            Ok(ParsedEnvelope::Event(Event::Other(_)))
        ));
        assert!(matches!(
            parse(r#"{"resource":"meetings","event":"created","data":{"id":7}}"#),
            Ok(ParsedEnvelope::Event(Event::Other(_)))
        ));
        for data in ["null", "7", r#""id""#, "[]", r#"["r",2,3,4,5,6]"#, r#"{"id":7,"created":{}}"#] {
            let body = format!(r#"{{"resource":"rooms","event":"created","data":{data}}}"#);
            assert!(matches!(parse(&body), Ok(ParsedEnvelope::Event(Event::Other(_)))), "{data}");
        }
        for not_an_envelope in
            ["", "[]", "{}", "null", r#"{"resource":"messages","event":"created"}"#, r#"{"resource":1,"event":2}"#]
        {
            assert!(parse(not_an_envelope).is_err(), "{not_an_envelope}");
        }
    }

    #[test]
    fn what_is_odd_and_not_needed_counts_as_missing() {
        let body = |data: &str| format!(r#"{{"resource":"messages","event":"created","actorId":5,"data":{data}}}"#);
        for created in
            ["5", "null", r#""9999-12-30T22:00:00.999Z""#, r#""""#, r#""yesterday""#, r#""1970-01-01T00:00:00Z""#]
        {
            let data = format!(r#"{{"id":"m1","roomId":["r"],"personId":null,"roomType":7,"created":{created}}}"#);
            let Ok(ParsedEnvelope::Event(Event::Message(event))) = ParsedEnvelope::parse(body(&data).as_bytes()) else {
                panic!("{created}")
            };
            assert_eq!((event.id.as_str(), event.room, event.actor, event.created), ("m1", None, None, None));
        }
        for id in ["..", ".", "", "a b", "a\nb", "\u{e9}"].map(|id| serde_json::json!({"id": id}).to_string()) {
            assert!(ParsedEnvelope::parse(body(&id).as_bytes()).is_err(), "{id}");
        }
    }

    #[test]
    fn the_bots_own_doing_is_recognised_in_any_spelling_of_its_id() {
        let uuid = "11111111-1111-4111-8111-111111111111";
        let body = |id: String| serde_json::json!({"resource": "messages", "event": "created", "data": {"id": "m", "personId": id}});
        let me = PersonId::from(crate::webex::encode("us", "PEOPLE", uuid));
        for (id, own) in [
            (crate::webex::encode("urn:TEAM:eu-central-1_k", "PEOPLE", uuid), true),
            (uuid.to_uppercase(), true),
            (crate::webex::encode("us", "PEOPLE", "22222222-2222-4222-8222-222222222222"), false),
        ] {
            let Ok(ParsedEnvelope::Event(event)) = ParsedEnvelope::parse(body(id).to_string().as_bytes()) else {
                panic!("not an event")
            };
            assert_eq!(event.is_by(&me), own, "{event:?}");
        }
    }
}
