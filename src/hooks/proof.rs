//! How a sender proves itself: what it shows to be let in, and how its signature is made.

use axum::http::{HeaderMap, HeaderName, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::code::Code;
use crate::config::{AuthKinds, EncodingName, HashName, HookAuth, HookSignature, KeyName, SeparatorName};
use crate::signature::{self, Algorithm, Encoding, KeyForm, Separator, SignatureForm};

/// The header in which Webex Connect has the service key.
const SERVICE_KEY: HeaderName = HeaderName::from_static("key");

/// What a sender has to show.
pub(super) enum Auth {
    Nothing,
    /// A header with one of these values. The first of the codes is for a wrong value, the other for none.
    Header(HeaderName, Vec<SecretString>, [Code; 2]),
    /// The last part of the path.
    Path(SecretString),
}

impl Auth {
    /// # Errors
    /// A name that is no header's.
    pub(super) fn new(auth: Option<&HookAuth>) -> Result<Auth, String> {
        let Some(HookAuth::Kinds(kinds)) = auth else { return Ok(Auth::Nothing) };
        let AuthKinds { bearer, basic, header, service_key, url_token } = &**kinds;
        let failed = [Code::AuthenticationFailed; 2];
        let with = |before: &str, text: &str| vec![SecretString::from(format!("{before}{text}"))];
        if let Some(token) = bearer {
            return Ok(Auth::Header(header::AUTHORIZATION, with("Bearer ", token.expose_secret()), failed));
        }
        if let Some(basic) = basic {
            let encoded = STANDARD.encode(basic.expose_secret());
            return Ok(Auth::Header(header::AUTHORIZATION, with("Basic ", &encoded), failed));
        }
        if let Some(header) = header {
            let name = header.name.parse().map_err(|_| format!("auth.header: \"{}\" is no header", header.name))?;
            return Ok(Auth::Header(name, vec![header.value.clone()], failed));
        }
        if let Some(token) = url_token {
            return Ok(Auth::Path(token.clone()));
        }
        let codes = [Code::AuthenticationFailed, Code::ServiceKeyMissing];
        Ok(Auth::Header(SERVICE_KEY, service_key.clone(), codes))
    }

    /// What is shown, in a few words. None if it is nothing.
    pub(super) fn kind(&self) -> Option<&'static str> {
        match self {
            Auth::Nothing => None,
            Auth::Header(name, ..) if *name == header::AUTHORIZATION => Some("authorization"),
            Auth::Header(name, ..) if *name == SERVICE_KEY => Some("service key"),
            Auth::Header(..) => Some("a header"),
            Auth::Path(_) => Some("a token in the path"),
        }
    }

    /// Whether the path of this hook ends in a token.
    pub(super) fn is_in_path(&self) -> bool {
        matches!(self, Auth::Path(_))
    }

    /// Whether this header is the proof, or its value has a secret in it, as that of a proxy may have the path.
    pub(super) fn is_in(&self, name: &str, value: &str) -> bool {
        match self {
            Auth::Nothing => false,
            Auth::Header(of, secrets, _) => {
                of == name || secrets.iter().any(|secret| value.contains(secret.expose_secret()))
            }
            Auth::Path(secret) => value.contains(secret.expose_secret()),
        }
    }

    /// Checks that the sender shows the right secret. Compares in constant time.
    pub(super) fn check(&self, headers: &HeaderMap, token: Option<&str>) -> Result<(), Code> {
        match self {
            Auth::Nothing => Ok(()),
            Auth::Path(secret) => {
                let is_right = token.is_some_and(|token| signature::is_same(secret, token.as_bytes()));
                if is_right { Ok(()) } else { Err(Code::AuthenticationFailed) }
            }
            Auth::Header(name, secrets, [wrong, missing]) => {
                let Some(shown) = signature::shown(headers, name) else {
                    return Err(if headers.contains_key(name) { *wrong } else { *missing });
                };
                let mut is_right = false;
                for secret in secrets {
                    is_right |= signature::is_same(secret, &shown);
                }
                if is_right { Ok(()) } else { Err(*wrong) }
            }
        }
    }
}

/// The form of the signatures: what the settings say, and otherwise what the preset says.
///
/// # Errors
/// Nobody says which header holds the signature.
pub(super) fn form(preset: Option<SignatureForm>, settings: &HookSignature) -> Result<SignatureForm, String> {
    let mut form = preset.unwrap_or_default();
    let HookSignature { header, prefix, signed, timestamp, id, tolerance, .. } = settings.clone();
    set(&mut form.header, header);
    set(&mut form.prefix, prefix);
    set(&mut form.signed, signed);
    set(&mut form.tolerance, tolerance);
    form.timestamp = timestamp.or(form.timestamp);
    form.id = id.or(form.id);
    set(&mut form.algorithm, settings.algorithm.map(algorithm));
    set(&mut form.encoding, settings.encoding.map(encoding));
    set(&mut form.separator, settings.separator.map(separator));
    set(&mut form.key, settings.key.map(key));
    if form.header.is_empty() {
        return Err("signature: the preset has no signature of its own; give header, and how it is made".to_owned());
    }
    Ok(form)
}

fn set<T>(value: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *value = given;
    }
}

fn algorithm(name: HashName) -> Algorithm {
    match name {
        HashName::Sha1 => Algorithm::Sha1,
        HashName::Sha256 => Algorithm::Sha256,
        HashName::Sha512 => Algorithm::Sha512,
    }
}

fn encoding(name: EncodingName) -> Encoding {
    match name {
        EncodingName::Hex => Encoding::Hex,
        EncodingName::Base64 => Encoding::Base64,
    }
}

fn separator(name: SeparatorName) -> Separator {
    match name {
        SeparatorName::None => Separator::None,
        SeparatorName::Comma => Separator::Comma,
        SeparatorName::Blank => Separator::Blank,
    }
}

fn key(name: KeyName) -> KeyForm {
    match name {
        KeyName::Text => KeyForm::Text,
        KeyName::Hex => KeyForm::Hex,
        KeyName::Base64 => KeyForm::Base64,
        KeyName::Whsec => KeyForm::Whsec,
    }
}
