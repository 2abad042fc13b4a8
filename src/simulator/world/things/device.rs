//! Devices, each of which has a socket, and how their sockets behave.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::{mpsc, watch};

use crate::simulator::world::{Refusal, time};

/// The most copies of one envelope.
const MOST_COPIES: usize = 100;

/// The close code for a socket that another socket of the same device has replaced.
pub(crate) const REPLACED: u16 = 4000;

/// The close code for a device that was removed.
const GOING_AWAY: u16 = 1001;

/// The devices, and how their sockets behave.
#[derive(Default)]
pub(crate) struct Mercury {
    pub(crate) devices: Vec<Device>,
    pub(crate) manner: Sockets,
    /// Counts the sockets that were ever opened, which numbers them.
    pub(crate) opened: u64,
    /// The number of envelopes of all devices that were sent and not acknowledged yet.
    pub(crate) open: watch::Sender<usize>,
}

pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) owner: String,
    /// The fields it was registered with.
    pub(crate) traits: Map<String, Value>,
    /// The envelopes that were sent and not acknowledged, oldest first.
    pub(crate) unacknowledged: VecDeque<Value>,
    pub(crate) socket: Option<DeviceSocket>,
}

/// An authorized socket, as the world sees it.
pub(crate) struct DeviceSocket {
    pub(crate) number: u64,
    pub(crate) orders: mpsc::UnboundedSender<SocketOrder>,
    /// The number of the last envelope. A lost envelope has a number too.
    pub(crate) sequence: u64,
}

/// What a socket is told to do.
#[derive(Clone, Debug)]
pub(crate) enum SocketOrder {
    /// Send this text.
    Send(String),
    /// Close with this code and reason.
    Close(u16, String),
    /// Break the connection without closing it.
    Drop,
}

/// A device, as a test sees it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct DeviceInfo {
    pub id: String,
    pub name: String,
    /// The address of its owner.
    pub owner: String,
    /// Whether it has an authorized socket.
    pub is_connected: bool,
    /// How many envelopes were sent and not acknowledged.
    pub unacknowledged: usize,
}

/// How sockets behave. Changed by [`Cloud::sockets`](crate::simulator::Cloud::sockets).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sockets {
    /// Answers no ping.
    pub silent: bool,
    /// Refuses every token, with close code 4401.
    pub refused: bool,
    /// How many times each envelope is sent: 1 normally, 2 for duplicates, 0 to lose it, which leaves a gap in the
    /// numbers.
    pub copies: usize,
    /// Sends binary frames instead of text frames.
    pub binary: bool,
    /// Leaves the REST id of the space out of activities.
    pub bare_targets: bool,
    /// How long a socket may take to show its token before it is closed.
    #[serde(rename = "authorizationTimeoutMs", with = "time::millis_of")]
    pub authorization_timeout: Duration,
}

impl Default for Sockets {
    fn default() -> Self {
        Sockets {
            silent: false,
            refused: false,
            copies: 1,
            binary: false,
            bare_targets: false,
            authorization_timeout: Duration::from_secs(30),
        }
    }
}

impl Sockets {
    /// Checks the values, which may have been written by hand.
    pub(crate) fn checked(self) -> Result<Sockets, Refusal> {
        if self.copies > MOST_COPIES {
            return Err(Refusal::bad_request(format!("copies is {}, but at most {MOST_COPIES}", self.copies)));
        }
        Ok(self)
    }
}

impl Device {
    fn name(&self) -> &str {
        self.traits.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// The device as the API shows it. The address of its socket depends on how the client reaches the cloud.
    pub(crate) fn shown(&self, base: &str) -> Value {
        let mut fields = self.traits.clone();
        let sockets = base.replacen("http", "ws", 1);
        fields.insert("url".to_owned(), format!("{base}/wdm/api/v1/devices/{}", self.id).into());
        fields
            .insert("webSocketUrl".to_owned(), format!("{sockets}/mercury/registrations/{}/messages", self.id).into());
        fields.insert("userId".to_owned(), crate::webex::local_part(&self.owner).into());
        Value::Object(fields)
    }

    /// Sends an envelope, with the next number of its socket.
    pub(crate) fn send(&mut self, envelope: &Value, copies: usize) {
        let Some(socket) = &mut self.socket else { return };
        socket.sequence += 1;
        let mut numbered = envelope.clone();
        numbered["sequenceNumber"] = socket.sequence.into();
        for _ in 0..copies {
            // A socket that is just ending takes nothing more. The next socket of the device gets the envelope again.
            let _ = socket.orders.send(SocketOrder::Send(numbered.to_string()));
        }
    }
}

impl Mercury {
    /// Removes a device, and closes its socket. False if there is no such device.
    pub(crate) fn forget(&mut self, id: &str) -> bool {
        let Some(place) = self.devices.iter().position(|device| device.id == id) else { return false };
        if let Some(socket) = self.devices.remove(place).socket {
            let _ = socket.orders.send(SocketOrder::Close(GOING_AWAY, "the device is gone".to_owned()));
        }
        self.count();
        true
    }

    /// Gives every socket the same order.
    pub(crate) fn order(&self, order: &SocketOrder) {
        for socket in self.devices.iter().filter_map(|device| device.socket.as_ref()) {
            let _ = socket.orders.send(order.clone());
        }
    }

    pub(crate) fn infos(&self, email: impl Fn(&str) -> String) -> Vec<DeviceInfo> {
        let info = |device: &Device| DeviceInfo {
            id: device.id.clone(),
            name: device.name().to_owned(),
            owner: email(&device.owner),
            is_connected: device.socket.is_some(),
            unacknowledged: device.unacknowledged.len(),
        };
        self.devices.iter().map(info).collect()
    }

    pub(crate) fn count(&self) {
        self.open.send_replace(self.devices.iter().map(|device| device.unacknowledged.len()).sum());
    }
}
