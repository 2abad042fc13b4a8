//! `auth` and `signature` of a `[[hook]]`: how a sender proves itself.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::check::DAY;
use super::values::secrets;

/// What a sender shows to be let in.
#[derive(Clone, Debug)]
pub enum HookAuth {
    /// Nothing, which was written out.
    Nobody,
    /// One of these.
    Kinds(Box<AuthKinds>),
}

/// The kinds of proof. One of them is given.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AuthKinds {
    /// `Authorization: Bearer` and this.
    pub bearer: Option<SecretString>,
    /// `Authorization: Basic` with this `user:password`.
    pub basic: Option<SecretString>,
    /// Another header.
    pub header: Option<AuthHeader>,
    /// One of these in the header `key`.
    #[serde(deserialize_with = "secrets")]
    pub service_key: Vec<SecretString>,
    /// The last part of the path: `/hooks/NAME/TOKEN`.
    pub url_token: Option<SecretString>,
    /// A JSON Web Token in `Authorization: Bearer` or in the header `key`.
    pub jwt: Option<AuthJwt>,
}

/// A header and its value.
#[derive(Clone, Debug, Deserialize)]
pub struct AuthHeader {
    /// The name of the header.
    pub name: String,
    /// What it has to hold.
    pub value: SecretString,
}

/// What a JSON Web Token has to be.
#[derive(Clone, Debug, Deserialize)]
pub struct AuthJwt {
    /// What may have signed it, if that is a secret.
    #[serde(default, deserialize_with = "secrets")]
    pub secret: Vec<SecretString>,
    /// Otherwise the public keys, in PEM.
    pub key: Option<String>,
    /// How it is signed. Without it, as the key has it.
    pub algorithm: Option<String>,
    /// For whom it is.
    pub aud: Option<String>,
    /// Who made it.
    pub iss: Option<String>,
    /// How far the sender's clock may be from ours.
    #[serde(default = "minute")]
    pub leeway: Duration,
}

fn minute() -> Duration {
    Duration::from_secs(60)
}

/// How a body is signed. What is left out is the preset's.
#[derive(Clone, Debug, Deserialize)]
pub struct HookSignature {
    /// The header that holds the signature.
    pub header: Option<String>,
    /// The hash of the HMAC.
    pub algorithm: Option<String>,
    /// How the signature is written.
    pub encoding: Option<String>,
    /// What stands before it.
    pub prefix: Option<String>,
    /// What stands between several of them.
    pub separator: Option<String>,
    /// How the secrets are written.
    pub key: Option<String>,
    /// What is signed.
    pub signed: Option<String>,
    /// Where the time is.
    pub timestamp: Option<String>,
    /// The header with the delivery's id.
    pub id: Option<String>,
    /// How far the time may be from ours.
    pub tolerance: Option<Duration>,
    /// What the sender may have signed with.
    #[serde(deserialize_with = "secrets")]
    pub secrets: Vec<SecretString>,
    /// Whether a delivery without a signature is refused.
    #[serde(default = "yes")]
    pub required: bool,
}

fn yes() -> bool {
    true
}

/// The kind of proof that is given.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub enum AuthKind<'a> {
    Bearer(&'a SecretString),
    Basic(&'a SecretString),
    Header(&'a AuthHeader),
    ServiceKey(&'a [SecretString]),
    UrlToken(&'a SecretString),
    Jwt(&'a AuthJwt),
}

impl AuthKind<'_> {
    /// Where its secrets are in the settings.
    pub fn key(self) -> &'static str {
        match self {
            AuthKind::Bearer(_) => "auth.bearer",
            AuthKind::Basic(_) => "auth.basic",
            AuthKind::Header(_) => "auth.header.value",
            AuthKind::ServiceKey(_) => "auth.service_key",
            AuthKind::UrlToken(_) => "auth.url_token",
            AuthKind::Jwt(jwt) if jwt.key.is_some() => "auth.jwt.key",
            AuthKind::Jwt(_) => "auth.jwt.secret",
        }
    }
}

impl HookAuth {
    /// The first kind that is given. None if there is none.
    pub fn kind(&self) -> Option<AuthKind<'_>> {
        let HookAuth::Kinds(kinds) = self else { return None };
        let AuthKinds { bearer, basic, header, service_key, url_token, jwt } = &**kinds;
        let service_key = (!service_key.is_empty()).then_some(&service_key[..]);
        let kind = bearer.as_ref().map(AuthKind::Bearer).or(basic.as_ref().map(AuthKind::Basic));
        let kind = kind.or(header.as_ref().map(AuthKind::Header)).or(service_key.map(AuthKind::ServiceKey));
        kind.or(url_token.as_ref().map(AuthKind::UrlToken)).or(jwt.as_ref().map(AuthKind::Jwt))
    }

    /// What is wrong with it, as a clause, and the key that it is about.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        const AUTH: &str = "auth";
        let HookAuth::Kinds(kinds) = self else { return None };
        let AuthKinds { bearer, basic, header, service_key, url_token, jwt } = &**kinds;
        let given = [bearer.is_some(), basic.is_some(), header.is_some(), !service_key.is_empty(), url_token.is_some()];
        let given = given.into_iter().chain([jwt.is_some()]).filter(|given| *given).count();
        let is_empty = self.secrets().iter().any(|secret| secret.expose_secret().trim().is_empty());
        match given {
            0 => Some((
                AUTH,
                "has no proof in it: give bearer, basic, header, service_key, jwt or url_token, or write \"none\"",
            )),
            1 if is_empty => {
                let key = self.kind().map_or(AUTH, AuthKind::key);
                Some((key, "has an empty secret; make one with `openssl rand -hex 32`"))
            }
            1 if basic.as_ref().is_some_and(|basic| !basic.expose_secret().contains(':')) => {
                Some((AUTH, "has a basic without a colon; write \"user:password\""))
            }
            1 => jwt.as_ref().and_then(AuthJwt::problem).map(|problem| (AUTH, problem)),
            _ => Some((AUTH, "has several kinds of proof; keep the one that the sender has")),
        }
    }

    /// What is wrong with a token in the path, as a clause. It is compared as it was sent.
    pub(super) fn odd_token(&self) -> Option<&'static str> {
        let HookAuth::Kinds(kinds) = self else { return None };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        let token = kinds.url_token.as_ref()?.expose_secret();
        let says = "holds a character that is written otherwise in a path: use letters, digits, -, ., _ and ~";
        (!token.chars().all(is_plain)).then_some(says)
    }

    /// Its secrets without a `user:password`, which may be short, since it is the sender's.
    pub(super) fn keys(&self) -> Vec<&SecretString> {
        let is_basic = matches!(self, HookAuth::Kinds(kinds) if kinds.basic.is_some());
        if is_basic { Vec::new() } else { self.secrets() }
    }

    /// All its secrets.
    pub(super) fn secrets(&self) -> Vec<&SecretString> {
        let HookAuth::Kinds(kinds) = self else { return Vec::new() };
        let AuthKinds { bearer, basic, header, service_key, url_token, jwt } = &**kinds;
        let header = header.as_ref().map(|header| &header.value);
        let single = [bearer.as_ref(), basic.as_ref(), header, url_token.as_ref()].into_iter().flatten();
        single.chain(service_key).chain(jwt.iter().flat_map(|jwt| &jwt.secret)).collect()
    }
}

impl AuthJwt {
    /// What is wrong with it, as a clause.
    fn problem(&self) -> Option<&'static str> {
        match (self.secret.is_empty(), &self.key) {
            (true, None) => Some("has a jwt without a key: give secret, or key_file with the sender's public key"),
            (false, Some(_)) => Some("has a jwt with a secret and a key; keep the one that the sender signs with"),
            _ if self.leeway > DAY => Some("has a jwt whose leeway must be at most 1d"),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for HookAuth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HookAuth, D::Error> {
        deserializer.deserialize_any(AuthVisitor)
    }
}

/// Reads `"none"`, or a table.
struct AuthVisitor;

impl<'de> Visitor<'de> for AuthVisitor {
    type Value = HookAuth;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is neither a table such as { bearer = \"...\" } nor \"none\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<HookAuth, E> {
        match text {
            "none" => Ok(HookAuth::Nobody),
            _ => Err(E::invalid_value(de::Unexpected::Str(""), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HookAuth, A::Error> {
        AuthKinds::deserialize(MapAccessDeserializer::new(map)).map(|kinds| HookAuth::Kinds(Box::new(kinds)))
    }
}
