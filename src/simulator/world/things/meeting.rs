//! Meetings as REST shows them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const SITE: &str = "simulated.webex.com";

/// A meeting.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub(crate) struct Meeting {
    pub(crate) id: String,
    pub(crate) number: String,
    pub(crate) title: String,
    pub(crate) agenda: Option<String>,
    pub(crate) password: String,
    pub(crate) timezone: String,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) recurrence: Option<String>,
    pub(crate) host_id: String,
    pub(crate) host_name: String,
    pub(crate) host_email: String,
    pub(crate) room_id: Option<String>,
    pub(crate) is_adhoc: bool,
    pub(crate) invitees: Vec<Invitee>,
    pub(crate) send_email: bool,
    pub(crate) created: Timestamp,
}

/// A person who is invited to a meeting.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invitee {
    pub(crate) email: String,
    #[serde(default)]
    pub(crate) display_name: Option<String>,
    #[serde(default)]
    pub(crate) co_host: bool,
}

impl Meeting {
    pub(crate) fn web_link(&self) -> String {
        format!("https://{SITE}/meet/{}", self.id)
    }

    /// The meeting as REST shows it, with its times in this zone.
    pub(crate) fn shown(&self, zone: &TimeZone) -> Value {
        let time = |time: Timestamp| {
            let zoned = time.to_zoned(zone.clone());
            if zone == &TimeZone::UTC {
                zoned.timestamp().to_string()
            } else {
                zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
            }
        };
        let mut meeting = json!({
            "id": self.id,
            "meetingNumber": self.number,
            "title": self.title,
            "password": self.password,
            "phoneAndVideoSystemPassword": digits(&self.id, 8),
            "meetingType": "meetingSeries",
            "state": "active",
            "timezone": self.timezone,
            "start": time(self.start),
            "end": time(self.end),
            "hostUserId": self.host_id,
            "hostDisplayName": self.host_name,
            "hostEmail": self.host_email,
            "hostKey": digits(&self.number, 6),
            "siteUrl": SITE,
            "webLink": self.web_link(),
            "sipAddress": format!("{}@{SITE}", self.number),
            "dialInIpAddress": "192.0.2.1",
            "enabledAutoRecordMeeting": false,
            "enabledJoinBeforeHost": self.is_adhoc,
            "joinBeforeHostMinutes": if self.is_adhoc { 5 } else { 0 },
            "publicMeeting": false,
            "sendEmail": self.send_email,
            "telephony": {"accessCode": self.number, "callInNumbers": [], "links": []},
        });
        for (name, value) in [("agenda", &self.agenda), ("recurrence", &self.recurrence), ("roomId", &self.room_id)] {
            if let Some(value) = value {
                meeting[name] = json!(value);
            }
        }
        meeting
    }
}

/// Digits that look random and are always the same for the same text.
pub(crate) fn digits(text: &str, count: usize) -> String {
    let digits = text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| char::from(b'0' + byte % 10));
    digits.rev().take(count).collect()
}
