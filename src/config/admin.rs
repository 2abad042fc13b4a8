//! `[admin]`: the operators' listener.

use std::net::SocketAddr;

use serde::Deserialize;

use super::check::Check;
use super::values::optional_address;

/// `[admin]`
#[derive(Clone, Debug, Deserialize)]
pub struct Admin {
    /// The operators' address; `None` turns the listener off.
    #[serde(deserialize_with = "optional_address")]
    pub listen: Option<SocketAddr>,
}

impl Admin {
    /// `public` is the address of the webhook server.
    pub(super) fn check(&self, public: SocketAddr, check: &mut Check) {
        check.must(
            "admin.listen",
            self.listen.is_none_or(|operators| !clash(public, operators)),
            "has the port of server.listen; give each a port of its own",
        );
    }
}

/// Whether two listeners on these addresses would need the same port.
fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let is_same = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && is_same
}
