//! What a sender would post to a hook: the path and the headers that prove it. For trying a hook from the command line.

use std::time::Duration;

use axum::http::header;
use secrecy::ExposeSecret;

use super::proof::{Auth, BEARER};
use super::{Hook, Hooks, PATH};
use crate::clock;

/// How long a token is good that is made for one delivery.
const TOKEN_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// The path and the headers of a delivery. Both may hold secrets.
pub struct OwnDelivery {
    pub path: String,
    pub headers: Vec<(String, String)>,
}

impl Hooks {
    /// A delivery of this body to the hook of this name, under this id.
    ///
    /// # Errors
    /// There is no such hook, or only its sender can prove itself.
    pub fn own_delivery(&self, name: &str, body: &[u8], id: &str) -> Result<OwnDelivery, String> {
        let hook = self.named(name)?;
        let now = clock::wall().as_second();
        let mut delivery = OwnDelivery { path: format!("{PATH}{name}"), headers: Vec::new() };
        hook.show(&mut delivery, now)?;
        if let Some(signature) = &hook.signature {
            let signed = signature.scheme.sign(body, id, now);
            let signed = signed.ok_or("only the sender of this hook can sign: it has the private key")?;
            delivery.headers.extend(signed.into_iter().map(|(name, value)| (name.to_string(), value)));
        }
        Ok(delivery)
    }
}

impl Hook {
    /// Adds what the hook asks for.
    fn show(&self, delivery: &mut OwnDelivery, now: i64) -> Result<(), String> {
        match &self.auth {
            Auth::Nothing => {}
            Auth::Header(name, secrets) => {
                let secret = secrets.first().map(|secret| secret.expose_secret().to_owned()).unwrap_or_default();
                delivery.headers.push((name.to_string(), secret));
            }
            Auth::Path(secret) => delivery.path = format!("{}/{}", delivery.path, secret.expose_secret()),
            Auth::Jwt(jwt) => {
                let token = jwt.sign(now, TOKEN_LIFETIME).ok_or(
                    "only the sender of this hook can sign its JWT: it has the private key; make one there, and post it \
                     with curl",
                )?;
                delivery.headers.push((header::AUTHORIZATION.to_string(), format!("{BEARER}{token}")));
            }
        }
        Ok(())
    }
}
