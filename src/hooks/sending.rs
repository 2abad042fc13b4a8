//! What a sender would post to a hook: the path and the headers that prove it. For trying a hook from the command line.

use secrecy::ExposeSecret;

use super::proof::Auth;
use super::{Hook, Hooks, PATH};
use crate::clock;

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
        let mut delivery = OwnDelivery { path: format!("{PATH}{name}"), headers: Vec::new() };
        hook.show(&mut delivery)?;
        if let Some(signature) = &hook.signature {
            let signed = signature.scheme.sign(body, id, clock::wall().as_second());
            let signed = signed.ok_or("only the sender of this hook can sign: it has the private key")?;
            delivery.headers.extend(signed.into_iter().map(|(name, value)| (name.to_string(), value)));
        }
        Ok(delivery)
    }
}

impl Hook {
    /// Adds what the hook asks for.
    fn show(&self, delivery: &mut OwnDelivery) -> Result<(), String> {
        match &self.auth {
            Auth::Nothing => {}
            Auth::Header(name, secrets) => {
                let secret = secrets.first().map(|secret| secret.expose_secret().to_owned()).unwrap_or_default();
                delivery.headers.push((name.to_string(), secret));
            }
            Auth::Path(secret) => delivery.path = format!("{}/{}", delivery.path, secret.expose_secret()),
            Auth::Jwt(_) => {
                return Err("this hook asks for a JWT, which its sender makes; post one with curl".to_owned());
            }
        }
        Ok(())
    }
}
