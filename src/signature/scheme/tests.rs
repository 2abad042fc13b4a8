//! The schemes of the senders.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

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
    for (now, is_right) in [(NOW, true), (NOW + 300, true), (NOW - 300, true), (NOW + 301, false), (NOW - 301, false)] {
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
fn standard_webhooks_verify_with_a_public_key_and_under_the_names_of_svix() {
    use ring::signature::{Ed25519KeyPair, KeyPair};
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let public = format!("whpk_{}", STANDARD.encode(pair.public_key()));
    let signed = |text: &str| format!("v1a,{}", STANDARD.encode(pair.sign(text.as_bytes())));
    let right = signed(&format!("msg_1.{NOW}.{BODY}"));
    let time = NOW.to_string();
    let standard = SignatureForm::standard_webhooks();
    let with = |secret: &str, begins: &str, signature: &str| {
        let names = ["id", "timestamp", "signature"].map(|name| format!("{begins}{name}"));
        let headers = [(&*names[0], "msg_1"), (&*names[1], &*time), (&*names[2], signature)];
        verify(&standard, secret, &headers, NOW)
    };
    let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let hmac = "v1,GKHGs2EDrqAtyi55rhxnNfScXo3J0m8FaL0QaUAYwv8=";
    for begins in ["webhook-", "svix-"] {
        assert_eq!(with(&public, begins, &right), Ok(()));
        assert_eq!(with(&public, begins, &format!("{hmac} {right}")), Ok(()));
        assert_eq!(with(secret, begins, &format!("{right} {hmac}")), Ok(()));
        for odd in [hmac, &right.replace("v1a,", "v1,"), &signed("msg_1.1.{}"), "v1a,", &right[..60]] {
            assert_eq!(with(&public, begins, odd), Err(SignatureError::Wrong), "{odd}");
        }
        assert_eq!(with(secret, begins, &right), Err(SignatureError::Wrong));
        // The public key is no secret of an HMAC.
        let key: Hmac<Sha256> = Hmac::new_from_slice(pair.public_key().as_ref()).unwrap();
        let forged = key.chain_update(format!("msg_1.{NOW}.{BODY}")).finalize().into_bytes();
        assert_eq!(with(&public, begins, &format!("v1,{}", STANDARD.encode(forged))), Err(SignatureError::Wrong));
    }
    // Names of both kinds are not mixed.
    let mixed = [("svix-id", "msg_1"), ("webhook-timestamp", time.as_str()), ("webhook-signature", hmac)];
    assert_eq!(verify(&standard, secret, &mixed, NOW), Err(SignatureError::Wrong));
    for (odd, says) in [("whpk_AAAA", "has 32 bytes"), ("whsk_AAAA", "private key"), ("whpk_!", "whsec_ or whpk_")] {
        let error = Scheme::new(&standard, &[odd.into()]).err().unwrap();
        assert!(error.contains(says), "{error}");
    }
    let plain = SignatureForm { algorithm: Algorithm::Ed25519, key: KeyForm::Hex, ..form("x-signature-ed25519") };
    let (key, signature) = (hex::encode(pair.public_key()), hex::encode(pair.sign(BODY.as_bytes())));
    assert_eq!(verify(&plain, &key, &[("x-signature-ed25519", &signature)], NOW), Ok(()));
    assert!(Scheme::new(&SignatureForm { key: KeyForm::Text, ..plain }, &[key.into()]).is_err());
}

#[test]
fn one_flipped_bit_of_the_body_or_of_a_header_is_noticed() {
    let form = SignatureForm {
        prefix: "v0=".to_owned(),
        signed: "v0:{timestamp}:{body}".to_owned(),
        timestamp: Some("x-time".to_owned()),
        ..form("x-signature")
    };
    let key: Hmac<Sha256> = Hmac::new_from_slice(SECRET.as_bytes()).unwrap();
    let text = format!("v0:{NOW}:{BODY}");
    let right = format!("v0={}", hex::encode(key.chain_update(&text).finalize().into_bytes()));
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
