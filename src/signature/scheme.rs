//! The signatures of other systems, by one general form: where the signature is, how it is written, and what is signed.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use secrecy::SecretString;

use super::key::{Algorithm, Key, KeyForm};
use super::named::Named;
use super::{SignatureError, Verified};

/// The most signatures of one header that are compared: a sender that rotates its key sends two.
const MOST_SIGNATURES: usize = 16;

/// What stands before a signature of ed25519 where that of an HMAC has `v1,`.
const ASYMMETRIC: &str = "v1a,";

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

impl Named for Encoding {
    const ALL: &'static [Encoding] = &[Encoding::Hex, Encoding::Base64];

    fn name(self) -> &'static str {
        match self {
            Encoding::Hex => "hex",
            Encoding::Base64 => "base64",
        }
    }
}

impl Named for Separator {
    const ALL: &'static [Separator] = &[Separator::None, Separator::Comma, Separator::Blank];

    fn name(self) -> &'static str {
        match self {
            Separator::None => "",
            Separator::Comma => ",",
            Separator::Blank => " ",
        }
    }
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
    /// How the names of headers begin, and how they may begin instead.
    pub also: Option<[&'static str; 2]>,
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
            also: None,
            tolerance: Duration::from_secs(300),
        }
    }
}

impl SignatureForm {
    /// The form of Standard Webhooks, which several senders share. Senders that had it before it was a standard name their
    /// headers after Svix.
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
            also: Some(["webhook-", "svix-"]),
            ..SignatureForm::default()
        }
    }
}

/// Checks signatures of one form with several secrets, of which any may have signed.
#[derive(Clone)]
pub struct Scheme {
    /// The headers. Of several sets, the first whose signature is there counts.
    places: Vec<Places>,
    encoding: Encoding,
    separator: Separator,
    signed: Vec<Part>,
    tolerance: Duration,
    /// Each with what stands before its signatures.
    keys: Vec<(Key, String)>,
}

/// Where a delivery has what its signature needs.
#[derive(Clone)]
struct Places {
    signature: HeaderName,
    timestamp: Option<TimePlace>,
    id: Option<HeaderName>,
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
        let Places { timestamp, id, .. } = &Places::of(form, str::to_owned)?;
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
        let mut places = vec![Places::of(form, str::to_owned)?];
        if let Some([usual, other]) = form.also {
            places.push(Places::of(form, |name| match name.strip_prefix(usual) {
                Some(rest) => format!("{other}{rest}"),
                None => name.to_owned(),
            })?);
        }
        let key = |secret| {
            let key = Key::new(form.algorithm, form.key, secret)?;
            let is_asymmetric = matches!(key, Key::Ed25519(_)) && form.algorithm != Algorithm::Ed25519;
            Ok::<_, String>((key, if is_asymmetric { ASYMMETRIC.to_owned() } else { form.prefix.clone() }))
        };
        let keys = secrets.iter().map(key).collect::<Result<_, _>>()?;
        let SignatureForm { encoding, separator, tolerance, .. } = *form;
        Ok(Scheme { places, encoding, separator, signed, tolerance, keys })
    }

    /// Whether this header holds a signature.
    pub fn is_in(&self, name: &str) -> bool {
        self.places.iter().any(|places| places.signature == name)
    }

    /// Whether the request has a header for the signature.
    pub fn is_signed(&self, headers: &HeaderMap) -> bool {
        self.places.iter().any(|places| headers.contains_key(&places.signature))
    }

    /// Accepts the body only if one of the secrets signed it, at about this time in seconds since 1970. Compares in
    /// constant time.
    ///
    /// # Errors
    /// The signature was missing or wrong. It is wrong too if its time or its id is missing or the time is too far off.
    pub fn verify(&self, headers: &HeaderMap, body: Bytes, now: i64) -> Result<Verified<Bytes>, SignatureError> {
        let is_there = |places: &&Places| headers.contains_key(&places.signature);
        let places = self.places.iter().find(is_there).ok_or(SignatureError::Missing)?;
        let text = one(headers, &places.signature)?.ok_or(SignatureError::Missing)?;
        let fields: Vec<&str> = match self.separator {
            Separator::None => vec![text],
            Separator::Comma => text.split(',').map(str::trim).collect(),
            Separator::Blank => text.split_ascii_whitespace().collect(),
        };
        let timestamp = match &places.timestamp {
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
        if places.timestamp.is_some() && !self.is_recent(timestamp, now) {
            return Err(SignatureError::Wrong);
        }
        let id = match &places.id {
            None => "",
            // With a dot in it, a part of the id could be taken for the time.
            Some(name) => one(headers, name)?.filter(|id| !id.contains('.')).ok_or(SignatureError::Wrong)?,
        };
        let parts = self.signed.iter().map(|part| match part {
            Part::Text(text) => text.as_bytes(),
            Part::Id => id.as_bytes(),
            Part::Timestamp => timestamp.as_bytes(),
            Part::Body => &body,
        });
        let parts: Vec<&[u8]> = parts.collect();
        let mut is_right = false;
        for (key, prefix) in &self.keys {
            let claimed = fields.iter().filter_map(|field| self.read(field.strip_prefix(prefix.as_str())?));
            let claimed: Vec<_> = claimed.filter(|bytes| bytes.len() == key.length()).take(MOST_SIGNATURES).collect();
            is_right |= key.has_signed(&parts, &claimed);
        }
        if is_right { Ok(Verified::of(body)) } else { Err(SignatureError::Wrong) }
    }

    /// The headers with which a sender would post this body under this id at this time in seconds since 1970. None if
    /// only the sender can sign.
    pub fn sign(&self, body: &[u8], id: &str, now: i64) -> Option<Vec<(HeaderName, String)>> {
        let (places, now) = (self.places.first()?, now.to_string());
        let parts: Vec<&[u8]> = self
            .signed
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_bytes(),
                Part::Id => id.as_bytes(),
                Part::Timestamp => now.as_bytes(),
                Part::Body => body,
            })
            .collect();
        let (bytes, prefix) = self.keys.iter().find_map(|(key, prefix)| Some((key.sign(&parts)?, prefix)))?;
        let written = match self.encoding {
            Encoding::Hex => hex::encode(bytes),
            Encoding::Base64 => STANDARD.encode(bytes),
        };
        let mut signature = format!("{prefix}{written}");
        let mut headers = Vec::new();
        match &places.timestamp {
            None => {}
            Some(TimePlace::Header(name)) => headers.push((name.clone(), now.clone())),
            Some(TimePlace::Field(beginning)) => {
                signature = format!("{beginning}{now}{}{signature}", self.separator.name());
            }
        }
        headers.extend(places.id.iter().map(|name| (name.clone(), id.to_owned())));
        headers.push((places.signature.clone(), signature));
        Some(headers)
    }

    fn is_recent(&self, timestamp: &str, now: i64) -> bool {
        let is_number = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let at: Option<i64> = timestamp.parse().ok().filter(|_| is_number);
        at.is_some_and(|at| now.abs_diff(at) <= self.tolerance.as_secs())
    }

    /// The bytes of a signature. None if the text is no signature of this form.
    fn read(&self, text: &str) -> Option<Vec<u8>> {
        match self.encoding {
            Encoding::Hex => hex::decode(text).ok(),
            Encoding::Base64 => STANDARD.decode(text).ok(),
        }
    }
}

impl Places {
    /// The headers of a form, by these names.
    fn of(form: &SignatureForm, name: impl Fn(&str) -> String) -> Result<Places, String> {
        let timestamp = form.timestamp.as_deref().map(|place| match place.ends_with('=') {
            true => Ok(TimePlace::Field(place.to_owned())),
            false => header(&name(place)).map(TimePlace::Header),
        });
        let id = form.id.as_deref().map(|id| header(&name(id)));
        Ok(Places { signature: header(&name(&form.header))?, timestamp: timestamp.transpose()?, id: id.transpose()? })
    }
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
mod tests;
