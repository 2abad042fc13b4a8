//! Devices, over which Webex's own apps get events. Each device has a socket. An event is sent again over the next
//! socket until the app has acknowledged it.

use std::collections::VecDeque;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::activities;
use super::event::Event;
use super::refusal::Refusal;
use super::state::World;
use super::things::{Account, Device, DeviceSocket, REPLACED, SocketOrder};

/// The most devices of one account. Webex has a limit and publishes no figure.
const MOST_DEVICES: usize = 100;
/// The most envelopes that are kept for a device that acknowledges nothing. Then the oldest is forgotten.
const MOST_KEPT: usize = 10_000;

impl World {
    /// The devices of an account. As with Webex, having none is answered 404.
    pub(crate) fn devices_of(&self, owner: &Account, base: &str) -> Result<Value, Refusal> {
        let own = self.mercury.devices.iter().filter(|device| device.owner == owner.id);
        let own: Vec<_> = own.map(|device| device.shown(base)).collect();
        if own.is_empty() { Err(no_such_device()) } else { Ok(json!({ "devices": own })) }
    }

    pub(crate) fn register_device(
        &mut self,
        owner: &Account,
        traits: Map<String, Value>,
        base: &str,
    ) -> Result<Value, Refusal> {
        check(&traits)?;
        if self.mercury.devices.iter().filter(|device| device.owner == owner.id).count() >= MOST_DEVICES {
            return Err(Refusal::forbidden("User has excessive device registrations"));
        }
        let (id, owner) = (self.mint.uuid().to_string(), owner.id.clone());
        let device = Device { id, owner, traits, unacknowledged: VecDeque::new(), socket: None };
        let shown = device.shown(base);
        self.mercury.devices.push(device);
        Ok(shown)
    }

    pub(crate) fn refresh_device(
        &mut self,
        owner: &Account,
        id: &str,
        traits: Map<String, Value>,
        base: &str,
    ) -> Result<Value, Refusal> {
        let device = self.device_of(owner, id)?;
        check(&traits)?;
        device.traits = traits;
        Ok(device.shown(base))
    }

    pub(crate) fn delete_device(&mut self, owner: &Account, id: &str) -> Result<(), Refusal> {
        self.device_of(owner, id).map(drop)?;
        self.mercury.forget(id);
        Ok(())
    }

    fn device_of(&mut self, owner: &Account, id: &str) -> Result<&mut Device, Refusal> {
        let mut devices = self.mercury.devices.iter_mut();
        devices.find(|device| device.id == id && device.owner == owner.id).ok_or_else(no_such_device)
    }

    /// Whether a socket of this device may be opened.
    pub(crate) fn has_device(&self, id: &str) -> bool {
        self.mercury.devices.iter().any(|device| device.id == id)
    }

    /// Gives a device its socket, if the token is the owner's. First sends what every socket begins with, then
    /// everything that the last socket left unacknowledged. Gives the socket's number, or None for a wrong token.
    pub(crate) fn open_socket(
        &mut self,
        id: &str,
        token: &str,
        orders: mpsc::UnboundedSender<SocketOrder>,
    ) -> Option<u64> {
        let owner = self.by_token(token).map(|account| account.id.clone())?;
        let (hello, noise) = (activities::buffer_state(self), activities::noise(self, "locus.difference"));
        let mercury = &mut self.mercury;
        let device = mercury.devices.iter_mut().find(|device| device.id == id && device.owner == owner)?;
        mercury.opened += 1;
        let socket = DeviceSocket { number: mercury.opened, orders, sequence: 0 };
        if let Some(replaced) = device.socket.replace(socket) {
            let _ = replaced.orders.send(SocketOrder::Close(REPLACED, "replaced".to_owned()));
        }
        device.send(&hello, 1);
        device.send(&noise, 1);
        for envelope in device.unacknowledged.clone() {
            device.send(&envelope, 1);
        }
        Some(mercury.opened)
    }

    /// Takes the socket from a device, once it has ended.
    pub(crate) fn close_socket(&mut self, id: &str, number: u64) {
        let device = self.mercury.devices.iter_mut().find(|device| device.id == id);
        if let Some(device) =
            device.filter(|device| device.socket.as_ref().is_some_and(|socket| socket.number == number))
        {
            device.socket = None;
        }
    }

    /// Marks an envelope as acknowledged, so that it is not sent again.
    pub(crate) fn acknowledge(&mut self, id: &str, envelope: &str) {
        if let Some(device) = self.mercury.devices.iter_mut().find(|device| device.id == id) {
            device.unacknowledged.retain(|kept| kept["id"] != envelope);
        }
        self.mercury.count();
    }

    /// Sends an event to the sockets of those who may see it.
    pub(crate) fn tell_sockets(&mut self, event: &Event) {
        let hears = |device: &&Device| {
            device.socket.is_some() && self.people.get(&device.owner).is_some_and(|owner| self.hears(owner, event))
        };
        let listening: Vec<_> = self.mercury.devices.iter().filter(hears).map(|device| device.id.clone()).collect();
        if listening.is_empty() {
            return;
        }
        let copies = self.mercury.manner.copies;
        let before = activities::before(self, event);
        let Some(envelope) = activities::of(self, event) else { return };
        for device in self.mercury.devices.iter_mut().filter(|device| listening.contains(&device.id)) {
            if let Some(noise) = &before {
                device.send(noise, 1);
            }
            device.send(&envelope, copies);
            // No acknowledgement is expected for an envelope that is lost on the way.
            if copies > 0 {
                device.unacknowledged.push_back(envelope.clone());
            }
            if device.unacknowledged.len() > MOST_KEPT {
                device.unacknowledged.pop_front();
            }
        }
        self.mercury.count();
    }
}

/// Checks that a registration has what Webex requires.
fn check(traits: &Map<String, Value>) -> Result<(), Refusal> {
    let is_there = |name: &&str| traits.get(*name).and_then(Value::as_str).is_some_and(|value| !value.is_empty());
    let needed = [("model", "Missing Model"), ("name", "Missing Name"), ("deviceType", "Missing Device Type")];
    match needed.into_iter().find(|(name, _)| !is_there(name)) {
        Some((_, missing)) => Err(Refusal::bad_request(missing)),
        None => Ok(()),
    }
}

fn no_such_device() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "Device not found")
}
