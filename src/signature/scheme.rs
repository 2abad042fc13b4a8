//! The signatures of other systems, by one general form: where the signature is, how it is written, and what is signed.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::{SignatureError, Verified};

/// The most signatures of one header that are compared: a sender that rotates its key sends two.
const MOST_SIGNATURES: usize = 16;

/// The hash that the HMAC uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC-SHA-1, of old senders.
    Sha1,
    /// HMAC-SHA-256.
    #[default]
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

/// How the bytes of a signature are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal digits, small or capital.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

/// How several signatures in one header are told apart. One that is right is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Separator {
    /// There is one signature.
    #[default]
    None,
    /// By commas.
    Comma,
    /// By blanks.
    Blank,
}

/// How a secret is written, of which the key is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyForm {
    /// The bytes of the text are the key.
    #[default]
    Text,
    /// Hexadecimal digits.
    Hex,
    /// Base64 with padding.
    Base64,
    /// `whsec_` and base64, as Standard Webhooks has it.
    Whsec,
}

/// The form of a sender's signatures.
#[derive(Clone, Debug)]
pub struct SignatureForm {
    /// The header that holds the signature.
    pub header: String,
    /// The hash.
    pub algorithm: Algorithm,
    /// How it is written.
    pub encoding: Encoding,
    /// What stands before the signature.
    pub prefix: String,
    /// What stands between several signatures.
    pub separator: Separator,
    /// How the secret is written.
    pub key: KeyForm,
    /// What is signed, of `{id}`, `{timestamp}`, `{body}` and other text.
    pub signed: String,
    /// The header with the time in seconds since 1970; or, if it ends in `=`, the beginning of the part of the
    /// signature's header that holds the time.
    pub timestamp: Option<String>,
    /// The header with the delivery's id.
    pub id: Option<String>,
    /// How far the time may be from ours, in either direction.
    pub tolerance: Duration,
}

impl Default for SignatureForm {
    fn default() -> Self {
        SignatureForm {
            header: String::new(),
            algorithm: Algorithm::default(),
            encoding: Encoding::default(),
            prefix: String::new(),
            separator: Separator::default(),
            key: KeyForm::default(),
            signed: "{body}".to_owned(),
            timestamp: None,
            id: None,
            tolerance: Duration::from_secs(300),
        }
    }
}

impl SignatureForm {
    /// The form of Standard Webhooks, which several senders share.
    pub fn standard_webhooks() -> SignatureForm {
        SignatureForm {
            header: "webhook-signature".to_owned(),
            encoding: Encoding::Base64,
            prefix: "v1,".to_owned(),
            separator: Separator::Blank,
            key: KeyForm::Whsec,
            signed: "{id}.{timestamp}.{body}".to_owned(),
            timestamp: Some("webhook-timestamp".to_owned()),
            id: Some("webhook-id".to_owned()),
            ..SignatureForm::default()
        }
    }
}

/// Checks signatures of one form with several secrets, of which any may have signed.
#[derive(Clone)]
pub struct Scheme {
    header: HeaderName,
    algorithm: Algorithm,
    encoding: Encoding,
    prefix: String,
    separator: Separator,
    signed: Vec<Part>,
    timestamp: Option<TimePlace>,
    id: Option<HeaderName>,
    tolerance: Duration,
    keys: Vec<Key>,
}

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Id,
    Timestamp,
    Body,
}

#[derive(Clone)]
enum TimePlace {
    Header(HeaderName),
    /// In the signature's own header, after these characters.
    Field(String),
}

#[derive(Clone)]
enum Key {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl Scheme {
    /// A scheme of this form.
    ///
    /// # Errors
    /// A sentence about the first thing that is wrong with the form or a secret, for whoever wrote the settings. It
    /// does not contain the secret.
    pub fn new(form: &SignatureForm, secrets: &[SecretString]) -> Result<Scheme, String> {
        let signed = parts(&form.signed)?;
        if !signed.contains(&Part::Body) {
            return Err("signed does not contain {body}, so anything could be sent under a signature".to_owned());
        }
        let timestamp = form.timestamp.as_deref().map(|place| {
            if place.ends_with('=') {
                Ok(TimePlace::Field(place.to_owned()))
            } else {
                header(place).map(TimePlace::Header)
            }
        });
        let (timestamp, id) = (timestamp.transpose()?, form.id.as_deref().map(header).transpose()?);
        if signed.contains(&Part::Timestamp) != timestamp.is_some() {
            return Err("signed and timestamp do not fit: give both or neither, since a time that is not signed can \
                        be changed"
                .to_owned());
        }
        if matches!(timestamp, Some(TimePlace::Field(_))) && form.separator == Separator::None {
            return Err(
                "timestamp is a part of the signature's header, so separator has to be \",\" or \" \"".to_owned()
            );
        }
        if signed.contains(&Part::Id) && id.is_none() {
            return Err("signed contains {id}, and id does not name its header".to_owned());
        }
        if secrets.is_empty() {
            return Err("there are no secrets; give the one that the sender has".to_owned());
        }
        let keys = secrets.iter().map(|secret| Key::new(form, secret)).collect::<Result<_, _>>()?;
        Ok(Scheme {
            header: header(&form.header)?,
            algorithm: form.algorithm,
            encoding: form.encoding,
            prefix: form.prefix.clone(),
            separator: form.separator,
            signed,
            timestamp,
            id,
            tolerance: form.tolerance,
            keys,
        })
    }

    /// The header that holds the signature.
    pub fn header(&self) -> &HeaderName {
        &self.header
    }

    /// Whether the request has a header for the signature.
    pub fn is_signed(&self, headers: &HeaderMap) -> bool {
        headers.contains_key(&self.header)
    }

    /// Accepts the body only if one of the secrets signed it, at about this time in seconds since 1970. Compares in
    /// constant time.
    ///
    /// # Errors
    /// The signature was missing or wrong. It is wrong too if its time or its id is missing or the time is too far off.
    pub fn verify(&self, headers: &HeaderMap, body: Bytes, now: i64) -> Result<Verified<Bytes>, SignatureError> {
        let text = one(headers, &self.header)?.ok_or(SignatureError::Missing)?;
        let fields: Vec<&str> = match self.separator {
            Separator::None => vec![text],
            Separator::Comma => text.split(',').map(str::trim).collect(),
            Separator::Blank => text.split_ascii_whitespace().collect(),
        };
        let timestamp = match &self.timestamp {
            None => "",
            Some(TimePlace::Header(name)) => one(headers, name)?.ok_or(SignatureError::Wrong)?,
            Some(TimePlace::Field(beginning)) => {
                let mut times = fields.iter().filter_map(|field| field.strip_prefix(beginning.as_str()));
                match (times.next(), times.next()) {
                    (Some(time), None) => time,
                    _ => return Err(SignatureError::Wrong),
                }
            }
        };
        if self.timestamp.is_some() && !self.is_recent(timestamp, now) {
            return Err(SignatureError::Wrong);
        }
        let id = match &self.id {
            None => "",
            // With a dot in it, a part of the id could be taken for the time.
            Some(name) => one(headers, name)?.filter(|id| !id.contains('.')).ok_or(SignatureError::Wrong)?,
        };
        let claimed = fields.iter().take(MOST_SIGNATURES).filter_map(|field| self.read(field));
        let claimed: Vec<Vec<u8>> = claimed.collect();
        let mut is_right = false;
        for key in &self.keys {
            let ours = key.sign(self.signed.iter().map(|part| match part {
                Part::Text(text) => text.as_bytes(),
                Part::Id => id.as_bytes(),
                Part::Timestamp => timestamp.as_bytes(),
                Part::Body => &body,
            }));
            for claimed in &claimed {
                is_right |= bool::from(ours.ct_eq(claimed));
            }
        }
        if is_right { Ok(Verified::of(body)) } else { Err(SignatureError::Wrong) }
    }

    fn is_recent(&self, timestamp: &str, now: i64) -> bool {
        let is_number = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let at: Option<i64> = timestamp.parse().ok().filter(|_| is_number);
        at.is_some_and(|at| now.abs_diff(at) <= self.tolerance.as_secs())
    }

    /// The bytes of a signature. None if the text is no signature of this form.
    fn read(&self, field: &str) -> Option<Vec<u8>> {
        let text = field.strip_prefix(self.prefix.as_str())?;
        let bytes = match self.encoding {
            Encoding::Hex => hex::decode(text).ok()?,
            Encoding::Base64 => STANDARD.decode(text).ok()?,
        };
        let length = match self.algorithm {
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        };
        (bytes.len() == length).then_some(bytes)
    }
}

impl Key {
    fn new(form: &SignatureForm, secret: &SecretString) -> Result<Key, String> {
        let text = secret.expose_secret();
        let bytes = match form.key {
            KeyForm::Text => text.as_bytes().to_vec(),
            KeyForm::Hex => {
                hex::decode(text).map_err(|_| "a secret is not hexadecimal, which key = \"hex\" says it is")?
            }
            KeyForm::Base64 => {
                STANDARD.decode(text).map_err(|_| "a secret is not base64, which key = \"base64\" says it is")?
            }
            KeyForm::Whsec => {
                let rest = text.strip_prefix("whsec_").unwrap_or(text);
                STANDARD
                    .decode(rest)
                    .map_err(|_| "a secret is not whsec_ and base64, which key = \"whsec\" says it is")?
            }
        };
        if bytes.is_empty() {
            return Err("a secret is empty; give the one that the sender has".to_owned());
        }
        let odd = |_| "a secret cannot be the key of an HMAC".to_owned();
        Ok(match form.algorithm {
            Algorithm::Sha1 => Key::Sha1(Hmac::new_from_slice(&bytes).map_err(odd)?),
            Algorithm::Sha256 => Key::Sha256(Hmac::new_from_slice(&bytes).map_err(odd)?),
            Algorithm::Sha512 => Key::Sha512(Hmac::new_from_slice(&bytes).map_err(odd)?),
        })
    }

    fn sign<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        match self {
            Key::Sha1(key) => signed(key.clone(), parts),
            Key::Sha256(key) => signed(key.clone(), parts),
            Key::Sha512(key) => signed(key.clone(), parts),
        }
    }
}

fn signed<'a, M: Mac>(mut key: M, parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    for part in parts {
        key.update(part);
    }
    key.finalize().into_bytes().to_vec()
}

/// The one value of a header. None if it is missing; an error if it is there twice or not text.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, SignatureError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| SignatureError::Wrong),
        (Some(_), Some(_)) => Err(SignatureError::Wrong),
    }
}

fn header(name: &str) -> Result<HeaderName, String> {
    name.parse().map_err(|_| format!("\"{name}\" is not the name of a header"))
}

/// Reads what is signed.
fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let Some((name, after)) = from[1..].split_once('}') else {
            return Err("signed has a { without its }".to_owned());
        };
        parts.push(match name {
            "id" => Part::Id,
            "timestamp" => Part::Timestamp,
            "body" => Part::Body,
            other => return Err(format!("signed has {{{other}}}; it can have {{id}}, {{timestamp}} and {{body}}")),
        });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"status":"firing"}"#;
    const SECRET: &str = "s3cret-for-tests";
    const NOW: i64 = 1_700_000_000;

    fn form(header: &str) -> SignatureForm {
        SignatureForm { header: header.to_owned(), ..SignatureForm::default() }
    }

    fn verify(form: &SignatureForm, secret: &str, headers: &[(&str, &str)], now: i64) -> Result<(), SignatureError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let scheme = Scheme::new(form, &[SecretString::from("another"), SecretString::from(secret)]);
        let scheme = match form.key {
            KeyForm::Text => scheme,
            _ => Scheme::new(form, &[SecretString::from(secret)]),
        };
        scheme.unwrap().verify(&map, Bytes::from_static(BODY.as_bytes()), now).map(drop)
    }

    /// The values are the published ones of hook senders, or were computed by another program.
    #[test]
    fn the_schemes_of_the_senders_verify() {
        let sha1 = SignatureForm { algorithm: Algorithm::Sha1, ..form("x-hub-signature") };
        let sha512 = SignatureForm { algorithm: Algorithm::Sha512, ..form("x-signature") };
        let base64 = SignatureForm { encoding: Encoding::Base64, ..form("x-signature") };
        let github = SignatureForm { prefix: "sha256=".to_owned(), ..form("x-hub-signature-256") };
        let hex = "e782cf6891967ee67750526e6f15623773feb9ffe6da9fe8b8e58dd1e5acc743";
        for (form, value) in [
            (&sha1, "dd6a9a8455d886a09f56c30351b7e112bc20b9f8".to_owned()),
            (&form("x-signature"), hex.to_owned()),
            (&form("x-signature"), hex.to_uppercase()),
            (&github, format!("sha256={hex}")),
            (&base64, "54LPaJGWfuZ3UFJubxViN3P+uf/m2p/ouOWN0eWsx0M=".to_owned()),
            (
                &sha512,
                "80f0cf89c34fd8e4e1bd118adcb88ed13b079ef59ff47a1cb27cb3b3f8736c4dd7877b0036732dd14a4603ec8bf907794925ab9c\
                 07f91c299248d33ffe12446f"
                    .to_owned(),
            ),
        ] {
            assert_eq!(verify(form, SECRET, &[(&form.header, &value)], NOW), Ok(()), "{value}");
            assert_eq!(verify(form, "other", &[(&form.header, &value)], NOW), Err(SignatureError::Wrong));
            assert_eq!(verify(form, SECRET, &[], NOW), Err(SignatureError::Missing));
            let twice = [(form.header.as_str(), value.as_str()), (form.header.as_str(), value.as_str())];
            assert_eq!(verify(form, SECRET, &twice, NOW), Err(SignatureError::Wrong));
        }
    }

    #[test]
    fn a_signed_time_has_to_be_near_and_may_be_in_a_header_or_beside_the_signature() {
        let grafana = SignatureForm {
            signed: "{timestamp}:{body}".to_owned(),
            timestamp: Some("x-time".to_owned()),
            ..form("x-grafana-alerting-signature")
        };
        let value = "7abb29d99432e530d469b9e4ea0371d6f720d978fa1dd0fbb922b246034ef50b";
        let headers = [("x-grafana-alerting-signature", value), ("x-time", "1700000000")];
        for (now, is_right) in
            [(NOW, true), (NOW + 300, true), (NOW - 300, true), (NOW + 301, false), (NOW - 301, false)]
        {
            assert_eq!(verify(&grafana, SECRET, &headers, now).is_ok(), is_right, "{now}");
        }
        assert_eq!(verify(&grafana, SECRET, &headers[..1], NOW), Err(SignatureError::Wrong), "its time is missing");
        for odd in ["1700000001", "+1700000000", "1700000000 ", "", "x", "99999999999999999999"] {
            let headers = [headers[0], ("x-time", odd)];
            assert_eq!(verify(&grafana, SECRET, &headers, NOW), Err(SignatureError::Wrong), "{odd}");
        }
        let stripe = SignatureForm {
            prefix: "v1=".to_owned(),
            separator: Separator::Comma,
            signed: "{timestamp}.{body}".to_owned(),
            timestamp: Some("t=".to_owned()),
            ..form("stripe-signature")
        };
        let right = "v1=f41819071364073ca582b0e34ac2b6165ba29a0a7d8702442ef9120b65e33889";
        let header = |value: String| verify(&stripe, SECRET, &[("stripe-signature", &value)], NOW);
        assert_eq!(header(format!("t=1700000000,{right}")), Ok(()));
        assert_eq!(header(format!("t=1700000000, v1={}, v0=00, {right}", "00".repeat(32))), Ok(()));
        for odd in [right.to_owned(), format!("t=1700000001,{right}"), format!("t=1700000000,t=1700000000,{right}")] {
            assert_eq!(header(odd), Err(SignatureError::Wrong));
        }
    }

    #[test]
    fn standard_webhooks_verify() {
        let standard = SignatureForm::standard_webhooks();
        let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        let right = "v1,GKHGs2EDrqAtyi55rhxnNfScXo3J0m8FaL0QaUAYwv8=";
        let with = |id: &str, signature: &str| {
            let headers = [("webhook-id", id), ("webhook-timestamp", "1700000000"), ("webhook-signature", signature)];
            verify(&standard, secret, &headers, NOW)
        };
        assert_eq!(with("msg_1", right), Ok(()));
        assert_eq!(with("msg_1", &format!("v1a,AAAA v1,AAAA {right}")), Ok(()));
        assert_eq!(with("msg_2", right), Err(SignatureError::Wrong));
    }

    #[test]
    fn one_flipped_bit_of_the_body_or_of_a_header_is_noticed() {
        let form = SignatureForm {
            prefix: "v0=".to_owned(),
            signed: "v0:{timestamp}:{body}".to_owned(),
            timestamp: Some("x-time".to_owned()),
            ..form("x-signature")
        };
        let key = Key::new(&form, &SecretString::from(SECRET)).unwrap();
        let text = format!("v0:{NOW}:{BODY}");
        let right = format!("v0={}", hex::encode(key.sign([text.as_bytes()].into_iter())));
        let scheme = Scheme::new(&form, &[SecretString::from(SECRET)]).unwrap();
        let verify = |signature: &[u8], time: &[u8], body: &[u8]| {
            let mut headers = HeaderMap::new();
            let values = [("x-signature", signature), ("x-time", time)];
            for (name, value) in values {
                let Ok(value) = axum::http::HeaderValue::from_bytes(value) else { return false };
                headers.insert(name, value);
            }
            scheme.verify(&headers, Bytes::copy_from_slice(body), NOW).is_ok()
        };
        let time = NOW.to_string();
        let parts = [right.as_bytes(), time.as_bytes(), BODY.as_bytes()];
        assert!(verify(parts[0], parts[1], parts[2]));
        for (part, bit) in (0..3).flat_map(|part| (0..parts[part].len() * 8).map(move |bit| (part, bit))) {
            let mut changed = parts.map(<[u8]>::to_vec);
            changed[part][bit / 8] ^= 1 << (bit % 8);
            // A letter of the hexadecimal digits may be small or capital.
            let is_same = part == 0 && changed[0].eq_ignore_ascii_case(parts[0]) && bit / 8 >= 3;
            assert_eq!(verify(&changed[0], &changed[1], &changed[2]), is_same, "part {part}, bit {bit}");
        }
    }

    #[test]
    fn a_form_that_protects_nothing_is_refused() {
        let secrets = [SecretString::from(SECRET)];
        let wrong = |form: SignatureForm, says: &str| {
            let error = Scheme::new(&form, &secrets).err().unwrap();
            assert!(error.contains(says), "{error}");
        };
        let signed = |signed: &str| SignatureForm { signed: signed.to_owned(), ..form("x-signature") };
        wrong(signed("{timestamp}"), "does not contain {body}");
        wrong(signed("{timestamp}.{body}"), "do not fit");
        wrong(SignatureForm { timestamp: Some("x-time".to_owned()), ..form("x-signature") }, "do not fit");
        wrong(signed("{id}{body}"), "does not name its header");
        wrong(signed("{payload}{body}"), "{payload}");
        wrong(signed("{body"), "without its }");
        wrong(form("x signature"), "not the name of a header");
        wrong(SignatureForm { key: KeyForm::Base64, ..form("x-signature") }, "not base64");
        assert!(Scheme::new(&form("x-signature"), &[]).is_err());
        assert!(Scheme::new(&form("x-signature"), &["".into()]).is_err());
    }
}
