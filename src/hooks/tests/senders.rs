//! Senders of every kind, each with the settings of its hook: what they send, and what they would send with another key,
//! hash or order.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{Ed25519KeyPair, KeyPair};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

/// The time at which all that is sent is good, in seconds since 1970.
pub const NOW: i64 = 1_700_000_000;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const BODY: &str = r#"{"status":"firing","n":1.0,"title":"\u00e9"}"#;

/// A request to a hook.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The headers of its proof.
    pub headers: Vec<(String, String)>,
    /// The last part of the path.
    pub token: Option<String>,
    pub body: Vec<u8>,
}

/// In what a request differs from that of the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twist {
    None,
    Key,
    Algorithm,
    Order,
}

pub struct Sender {
    pub name: &'static str,
    /// Below the name of its hook.
    pub settings: String,
    pub signs_body: bool,
    /// Whether what it sends is good for some time only.
    pub is_timed: bool,
    /// None if this sender cannot differ so.
    pub send: Box<dyn Fn(Twist) -> Option<Request> + Send + Sync>,
}

#[derive(Clone, Copy)]
enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    fn sign(self, key: &[u8], text: &[u8]) -> Vec<u8> {
        fn hmac<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
            <M as KeyInit>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().to_vec()
        }
        match self {
            Hash::Sha1 => hmac::<Hmac<Sha1>>(key, text),
            Hash::Sha256 => hmac::<Hmac<Sha256>>(key, text),
            Hash::Sha512 => hmac::<Hmac<Sha512>>(key, text),
        }
    }

    fn other(self) -> Hash {
        match self {
            Hash::Sha1 => Hash::Sha512,
            Hash::Sha256 => Hash::Sha1,
            Hash::Sha512 => Hash::Sha256,
        }
    }
}

/// How a sender signs: its headers, with `{t}` for the time and `{s}` for the signature, and the signed text with `{b}`
/// for the body.
struct Form {
    hash: Hash,
    headers: &'static [(&'static str, &'static str)],
    signed: &'static str,
    encode: fn(&[u8]) -> String,
}

const HEX: Form = Form { hash: Hash::Sha256, headers: &[], signed: "{b}", encode: |bytes| hex::encode(bytes) };

fn signs(name: &'static str, settings: &str, key: &str, form: Form) -> Sender {
    let key = key.as_bytes().to_vec();
    let settings = settings.replace("SECRET", SECRET);
    let is_timed = form.signed.contains("{t}");
    let send = move |twist| {
        let (mut key, mut hash, mut signed) = (key.clone(), form.hash, form.signed.to_owned());
        match twist {
            Twist::None => {}
            Twist::Key => key[0] ^= 1,
            Twist::Algorithm => hash = hash.other(),
            Twist::Order => {
                signed = format!("{{b}}{}", signed.replace("{b}", "")).replacen("{b}", "{b}{b}", usize::from(!is_timed))
            }
        }
        let text = signed.replace("{t}", &NOW.to_string()).replace("{b}", BODY);
        let signature = (form.encode)(&hash.sign(&key, text.as_bytes()));
        let value = |value: &str| value.replace("{t}", &NOW.to_string()).replace("{s}", &signature);
        let headers = form.headers.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect();
        Some(Request { headers, token: None, body: BODY.into() })
    };
    Sender { name, settings, signs_body: true, is_timed, send: Box::new(send) }
}

/// Everyone who signs with an HMAC.
pub fn signers() -> Vec<Sender> {
    let secrets = "signature = { secrets = [\"an older secret of it\", \"SECRET\"] }";
    let preset = |name: &str| format!("preset = \"{name}\"\n{secrets}");
    let custom = |more: &str| format!("signature = {{ header = \"x-signature\", secrets = [\"SECRET\"], {more} }}");
    let base64 = |bytes: &[u8]| STANDARD.encode(bytes);
    let whsec = format!("signature = {{ secrets = [\"whsec_{}\"] }}", STANDARD.encode(SECRET));
    let standard = |headers| Form { headers, signed: "msg_1.{t}.{b}", encode: base64, ..HEX };
    let plain: &[_] = &[("x-signature", "{s}")];
    let timed: &[_] = &[("x-signature", "{s}"), ("x-time", "{t}")];
    let time = "timestamp = \"x-time\"";
    vec![
        signs("github", &preset("github"), SECRET, Form { headers: &[("x-hub-signature-256", "sha256={s}")], ..HEX }),
        signs("bitbucket", &preset("bitbucket"), SECRET, Form { headers: &[("x-hub-signature", "sha256={s}")], ..HEX }),
        signs(
            "pagerduty",
            &preset("pagerduty"),
            SECRET,
            Form { headers: &[("x-pagerduty-signature", "v1={s}")], ..HEX },
        ),
        signs("sentry", &preset("sentry"), SECRET, Form { headers: &[("sentry-hook-signature", "{s}")], ..HEX }),
        signs(
            "grafana",
            &preset("grafana"),
            SECRET,
            Form { headers: &[("x-grafana-alerting-signature", "{s}")], ..HEX },
        ),
        signs(
            "colon",
            &custom(&format!("signed = \"{{timestamp}}:{{body}}\", {time}")),
            SECRET,
            Form { headers: timed, signed: "{t}:{b}", ..HEX },
        ),
        signs(
            "standard",
            &format!("preset = \"standard-webhooks\"\n{whsec}"),
            SECRET,
            standard(&[("webhook-id", "msg_1"), ("webhook-timestamp", "{t}"), ("webhook-signature", "v1,{s}")]),
        ),
        signs(
            "svix",
            &format!("preset = \"standard-webhooks\"\n{whsec}"),
            SECRET,
            standard(&[("svix-id", "msg_1"), ("svix-timestamp", "{t}"), ("svix-signature", "v1,{s}")]),
        ),
        signs(
            "stripe",
            &custom("prefix = \"v1=\", separator = \",\", timestamp = \"t=\", signed = \"{timestamp}.{body}\""),
            SECRET,
            Form { headers: &[("x-signature", "t={t},v1={s}")], signed: "{t}.{b}", ..HEX },
        ),
        signs(
            "slack",
            &custom(&format!("prefix = \"v0=\", signed = \"v0:{{timestamp}}:{{body}}\", {time}")),
            SECRET,
            Form { headers: &[("x-signature", "v0={s}"), ("x-time", "{t}")], signed: "v0:{t}:{b}", ..HEX },
        ),
        signs(
            "rootly",
            &custom(&format!("signed = \"{{timestamp}}{{body}}\", {time}")),
            SECRET,
            Form { headers: timed, signed: "{t}{b}", ..HEX },
        ),
        signs("sha1", &custom("algorithm = \"sha1\""), SECRET, Form { headers: plain, hash: Hash::Sha1, ..HEX }),
        signs("sha512", &custom("algorithm = \"sha512\""), SECRET, Form { headers: plain, hash: Hash::Sha512, ..HEX }),
        signs("base64", &custom("encoding = \"base64\""), SECRET, Form { headers: plain, encode: base64, ..HEX }),
    ]
}

/// A sender that shows this in a header, where it would show `other` with another key.
fn shows(name: &'static str, auth: &str, header: &'static str, [value, other]: [String; 2]) -> Sender {
    let send = move |twist| {
        let value = match twist {
            Twist::None => value.clone(),
            Twist::Key => other.clone(),
            Twist::Algorithm | Twist::Order => return None,
        };
        Some(Request { headers: vec![(header.to_owned(), value)], token: None, body: BODY.into() })
    };
    let settings = format!("auth = {{ {} }}", auth.replace("SECRET", SECRET));
    Sender { name, settings, signs_body: false, is_timed: false, send: Box::new(send) }
}

/// A sender that shows a token. Another one forges it by another algorithm.
fn shows_jwt(name: &'static str, auth: &str, token: String, forged: Vec<String>) -> Sender {
    let next = AtomicUsize::new(0);
    let send = move |twist| {
        let token = match twist {
            Twist::None => token.clone(),
            Twist::Algorithm => forged[next.fetch_add(1, Ordering::Relaxed) % forged.len()].clone(),
            Twist::Key | Twist::Order => return None,
        };
        let headers = vec![("authorization".to_owned(), format!("Bearer {token}"))];
        Some(Request { headers, token: None, body: BODY.into() })
    };
    let settings = format!("auth = {{ jwt = {{ {}, leeway = \"0s\" }} }}", auth.replace("SECRET", SECRET));
    Sender { name, settings, signs_body: false, is_timed: true, send: Box::new(send) }
}

/// Everyone who shows something.
pub fn showers() -> Vec<Sender> {
    let by_token = |twist| {
        let token = match twist {
            Twist::None => SECRET.to_owned(),
            Twist::Key => SECRET.replace("9a", "9b"),
            Twist::Algorithm | Twist::Order => return None,
        };
        Some(Request { headers: Vec::new(), token: Some(token), body: BODY.into() })
    };
    let keys = |shown: fn(&str) -> String| [SECRET.to_owned(), SECRET.replace("9a", "9b")].map(|key| shown(&key));
    let basic = |key: &str| format!("Basic {}", STANDARD.encode(format!("ci:{key}")));
    let hs256 = jwt(r#"{"alg":"HS256"}"#, SECRET);
    let tampered =
        ["none", "None", "HS512", "RS256", "ES256"].map(|alg| jwt(&format!("{{\"alg\":\"{alg}\"}}"), SECRET));
    vec![
        shows("bearer", "bearer = \"SECRET\"", "authorization", keys(|key| format!("Bearer {key}"))),
        shows("basic", "basic = \"ci:SECRET\"", "authorization", keys(basic)),
        shows("header", "header = { name = \"x-token\", value = \"SECRET\" }", "x-token", keys(str::to_owned)),
        shows("service-key", "service_key = [\"an older secret of it\", \"SECRET\"]", "key", keys(str::to_owned)),
        Sender {
            name: "url-token",
            settings: format!("auth = {{ url_token = \"{SECRET}\" }}"),
            signs_body: false,
            is_timed: false,
            send: Box::new(by_token),
        },
        shows_jwt(
            "hs256",
            "secret = \"SECRET\", algorithm = \"HS256\"",
            hs256.clone(),
            [unsigned(&hs256), tampered.to_vec()].concat(),
        ),
    ]
}

/// Everyone whose proof is checked with a public key, which takes longer.
pub fn public_keys() -> Vec<Sender> {
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/src/signature/samples");
    let tokens: serde_json::Value =
        serde_json::from_slice(&std::fs::read(format!("{samples}/tokens.json")).unwrap()).unwrap();
    let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
    let with_key = |name: &'static str, algorithm: &str, file: &str, others: &[&str]| {
        let pem = std::fs::read_to_string(format!("{samples}/{file}")).unwrap();
        let settings = format!("key = \"\"\"{pem}\"\"\", algorithm = \"{algorithm}\"");
        let as_secret = ["HS256", algorithm].map(|alg| jwt(&format!("{{\"alg\":\"{alg}\"}}"), &pem));
        let others = others.iter().map(|name| token(name)).collect();
        shows_jwt(name, &settings, token(algorithm), [unsigned(&token(algorithm)), as_secret.to_vec(), others].concat())
    };
    vec![
        with_key("rs256", "RS256", "rsa.pem", &["HS256", "ES256", "RS512", "PS256"]),
        with_key("es256", "ES256", "p256.pem", &["HS256", "RS256"]),
        ed25519(),
    ]
}

fn ed25519() -> Sender {
    let pair = |seed| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let public = STANDARD.encode(pair(7).public_key());
    let send = move |twist| {
        let (seed, text) = match twist {
            Twist::None => (7, format!("msg_1.{NOW}.{BODY}")),
            Twist::Key => (8, format!("msg_1.{NOW}.{BODY}")),
            Twist::Order => (7, format!("{NOW}.msg_1.{BODY}")),
            Twist::Algorithm => return None,
        };
        let signature = STANDARD.encode(pair(seed).sign(text.as_bytes()));
        let headers = [
            ("webhook-id", "msg_1".to_owned()),
            ("webhook-timestamp", NOW.to_string()),
            ("webhook-signature", format!("v1a,{signature}")),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Some(Request { headers, token: None, body: BODY.into() })
    };
    let settings = format!("preset = \"standard-webhooks\"\nsignature = {{ secrets = [\"whpk_{public}\"] }}");
    Sender { name: "ed25519", settings, signs_body: true, is_timed: true, send: Box::new(send) }
}

/// A token that is good for ten minutes, signed with a secret.
fn jwt(header: &str, secret: &str) -> String {
    let claims = format!("{{\"iss\":\"ci\",\"exp\":{}}}", NOW + 600);
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(Hash::Sha256.sign(secret.as_bytes(), text.as_bytes())))
}

/// The same token as if it needed no signature.
fn unsigned(token: &str) -> Vec<String> {
    let parts: Vec<_> = token.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    [("", false), (parts[2], false), ("", true)]
        .map(|(signature, is_ours)| format!("{}.{}.{signature}", if is_ours { parts[0] } else { &none }, parts[1]))
        .to_vec()
}
