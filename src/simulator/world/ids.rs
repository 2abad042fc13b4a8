//! How the simulated cloud spells its ids.

use uuid::Uuid;

use crate::webex::{encode, local_part};

/// The cluster in the ids of rooms, messages, actions, memberships and webhooks. The ids of people have another one, so
/// a bot that compares whole ids instead of their local parts is caught.
pub(crate) const HOME: &str = "urn:TEAM:us-west-2_r";

/// The cluster in the ids of all people, organisations and applications. Some parts of Webex use it in the ids of other
/// things too.
pub(crate) const US: &str = "us";

/// The id of the only organisation.
pub(crate) fn organization() -> String {
    encode(US, "ORGANIZATION", "0a1b2c3d-0000-4000-8000-5157c0b0a2d0")
}

/// The id of the application that owns webhooks.
pub(crate) fn application() -> String {
    encode(US, "APPLICATION", &format!("C{}", "5157c0b0a2d0feed".repeat(4)))
}

/// The id of the person with this address. It is the same in every run, so that tests can quote it.
pub(crate) fn person(email: &str) -> String {
    encode(US, "PEOPLE", &Uuid::new_v5(&Uuid::NAMESPACE_URL, email.as_bytes()).to_string())
}

/// The source of new ids. The same seed gives the same ids in the same order.
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

    /// A seed with which another mint continues from here.
    pub(crate) fn seed(&self) -> u64 {
        self.0.get_seed()
    }

    /// An id that was never given before.
    pub(crate) fn id(&mut self, kind: &str) -> String {
        encode(HOME, kind, &self.uuid().to_string())
    }

    /// A tracking id, which Cisco's support asks for.
    pub(crate) fn tracking_id(&mut self) -> String {
        format!("ROUTER_{}", self.uuid().simple().to_string().to_uppercase())
    }

    /// 32 hexadecimal digits.
    pub(crate) fn hex(&mut self) -> String {
        self.uuid().simple().to_string()
    }

    /// A secret that nobody else knows.
    pub(crate) fn secret(&mut self) -> String {
        self.hex() + &self.hex()
    }

    /// A bare uuid, for things that the REST API does not have.
    pub(crate) fn uuid(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.0.u128(..).to_be_bytes()).into_uuid()
    }
}

/// The id of a licence, by its short name.
pub(crate) fn license(name: &str) -> String {
    encode(US, "LICENSE", &format!("0a1b2c3d-0000-4000-8000-5157c0b0a2d0:{name}"))
}

/// The id of the role of administrators.
pub(crate) fn administrator_role() -> String {
    role("full_admin")
}

/// The id of a role, by its short name.
pub(crate) fn role(name: &str) -> String {
    encode(US, "ROLE", &format!("id_{name}"))
}

/// The id of a membership: its person and its room or team.
pub(crate) fn membership(kind: &str, person: &str, whole: &str) -> String {
    encode(HOME, kind, &format!("{}:{}", local_part(person), local_part(whole)))
}

/// The id of a file: its message and its index there.
pub(crate) fn content(message: &str, index: usize) -> String {
    encode(HOME, "CONTENT", &format!("{}/{index}", local_part(message)))
}

/// The id as another cluster would spell it.
pub(crate) fn respelled(id: &str, cluster: &str, kind: &str) -> String {
    encode(cluster, kind, &local_part(id))
}

/// Whether two ids of things of one kind mean the same thing.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a == b || local_part(a) == local_part(b)
}

/// Whether the text is an id, in any spelling.
pub(crate) fn is_id(id: &str) -> bool {
    let local = local_part(id);
    Uuid::try_parse(local.split(['/', ':']).next().unwrap_or_default()).is_ok()
}
