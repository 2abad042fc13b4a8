//! How the simulated cloud spells its ids.

use uuid::Uuid;

use crate::webex::{encode, local_part};

/// Where rooms, messages, actions, memberships and webhooks live. Unlike people, they carry the cluster of their home,
/// so a bot that compares whole ids instead of their local parts is caught.
pub(crate) const HOME: &str = "urn:TEAM:us-west-2_r";

/// The cluster in the id of every person, organisation and application, wherever they live. Some parts of Webex spell
/// the ids of other things with it too.
pub(crate) const US: &str = "us";

/// The one organisation there is.
pub(crate) fn organization() -> String {
    encode(US, "ORGANIZATION", "0a1b2c3d-0000-4000-8000-5157c0b0a2d0")
}

/// The application on whose behalf webhooks are made.
pub(crate) fn application() -> String {
    encode(US, "APPLICATION", &format!("C{}", "5157c0b0a2d0feed".repeat(4)))
}

/// The same person for the same address in every run, so that tests can quote ids.
pub(crate) fn person(email: &str) -> String {
    encode(US, "PEOPLE", &Uuid::new_v5(&Uuid::NAMESPACE_URL, email.as_bytes()).to_string())
}

/// Where new ids come from. The same seed gives the same ones in the same order.
pub(crate) struct Mint(fastrand::Rng);

impl Default for Mint {
    fn default() -> Self {
        Mint(fastrand::Rng::new())
    }
}

impl Mint {
    pub(crate) fn new(dice: fastrand::Rng) -> Mint {
        Mint(dice)
    }

    /// What makes another mint go on from here.
    pub(crate) fn seed(&self) -> u64 {
        self.0.get_seed()
    }

    /// An id that was never given before.
    pub(crate) fn id(&mut self, kind: &str) -> String {
        encode(HOME, kind, &self.uuid().to_string())
    }

    /// What Cisco's support asks for.
    pub(crate) fn tracking_id(&mut self) -> String {
        format!("ROUTER_{}", self.uuid().simple().to_string().to_uppercase())
    }

    /// 32 hexadecimal digits.
    pub(crate) fn hex(&mut self) -> String {
        self.uuid().simple().to_string()
    }

    /// What nobody else knows.
    pub(crate) fn secret(&mut self) -> String {
        self.hex() + &self.hex()
    }

    /// A bare one, for what the REST API does not know.
    pub(crate) fn uuid(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.0.u128(..).to_be_bytes()).into_uuid()
    }
}

/// A licence by its short name.
pub(crate) fn license(name: &str) -> String {
    encode(US, "LICENSE", &format!("0a1b2c3d-0000-4000-8000-5157c0b0a2d0:{name}"))
}

/// The role that makes an administrator.
pub(crate) fn administrator_role() -> String {
    role("full_admin")
}

/// A role by its short name.
pub(crate) fn role(name: &str) -> String {
    encode(US, "ROLE", &format!("id_{name}"))
}

/// A membership is its person and its room or team.
pub(crate) fn membership(kind: &str, person: &str, whole: &str) -> String {
    encode(HOME, kind, &format!("{}:{}", local_part(person), local_part(whole)))
}

/// A file is its message and its place in it.
pub(crate) fn content(message: &str, index: usize) -> String {
    encode(HOME, "CONTENT", &format!("{}/{index}", local_part(message)))
}

/// The same thing, as another cluster would spell it.
pub(crate) fn respelled(id: &str, cluster: &str, kind: &str) -> String {
    encode(cluster, kind, &local_part(id))
}

/// Whether two ids of things of one kind mean the same thing.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a == b || local_part(a) == local_part(b)
}

/// Whether this is an id at all, in whatever spelling.
pub(crate) fn is_id(id: &str) -> bool {
    let local = local_part(id);
    Uuid::try_parse(local.split(['/', ':']).next().unwrap_or_default()).is_ok()
}
