//! Tokens that another program signed are good, and all others are not.

use super::*;

const NOW: i64 = 1_700_000_000;
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const RSA: &str = include_str!("../samples/rsa.pem");
const P256: &str = include_str!("../samples/p256.pem");

/// A token that PyJWT made, good until ten minutes after [`NOW`].
fn sample(algorithm: &str) -> String {
    let all: Value = serde_json::from_str(include_str!("../samples/tokens.json")).unwrap();
    all[algorithm].as_str().unwrap().to_owned()
}

fn form() -> JwtForm {
    JwtForm { aud: Some("bot".to_owned()), iss: Some("ci".to_owned()), ..JwtForm::default() }
}

fn secret() -> JwtVerifier {
    JwtVerifier::with_secrets(form(), &["another".into(), SECRET.into()]).unwrap()
}

/// A token with this header and these claims, signed with a secret.
fn signed(secret: &str, header: &str, claims: &str) -> String {
    let text = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let key: Hmac<Sha256> = Hmac::new_from_slice(secret.as_bytes()).unwrap();
    format!("{text}.{}", BASE64.encode(key.chain_update(&text).finalize().into_bytes()))
}

#[test]
fn what_another_program_signed_is_good_for_its_own_key_and_algorithm_only() {
    let verifiers = [
        ("HS256", secret()),
        ("RS256", JwtVerifier::with_keys(form(), RSA).unwrap()),
        ("ES256", JwtVerifier::with_keys(form(), P256).unwrap()),
    ];
    for (name, verifier) in &verifiers {
        for other in ["HS256", "RS256", "ES256", "RS512", "PS256"] {
            assert_eq!(verifier.is_good(&sample(other), NOW), *name == other, "{name}: {other}");
        }
        let token = sample(name);
        for (now, is_good) in [(NOW + 599, true), (NOW + 600, false), (NOW - 10, true), (NOW - 11, false)] {
            assert_eq!(verifier.is_good(&token, now), is_good, "{name} at {now}");
        }
        let (text, signature) = token.rsplit_once('.').unwrap();
        for odd in ["", ".", "..", text, &format!("{text}."), &format!("{text}.{signature}="), &format!("a.{token}")] {
            assert!(!verifier.is_good(odd, NOW), "{name}: {odd}");
        }
    }
}

#[test]
fn a_token_of_another_time_form_or_purpose_is_not_good() {
    let verifier = secret();
    let good = r#"{"alg":"HS256","typ":"JWT"}"#;
    let claims = |more: &str| format!("{{\"iss\":\"ci\",\"aud\":\"bot\",\"exp\":{}{more}}}", NOW + 1);
    assert!(verifier.is_good(&signed(SECRET, good, &claims("")), NOW));
    assert!(!verifier.is_good(&signed("other", good, &claims("")), NOW));
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":"hs256"}"#,
        r#"{"alg":"HS512"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"typ":"JWT"}"#,
        r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
        "",
    ] {
        assert!(!verifier.is_good(&signed(SECRET, header, &claims("")), NOW), "{header}");
        let unsigned = format!("{}.{}.", BASE64.encode(header), BASE64.encode(claims("")));
        assert!(!verifier.is_good(&unsigned, NOW), "{header}");
    }
    for odd in [
        claims(&format!(",\"nbf\":{}", NOW + 1)),
        claims(&format!(",\"nbf\":{NOW}.5")),
        claims(",\"nbf\":\"0\""),
        format!(r#"{{"iss":"ci","aud":"bot","exp":{NOW}}}"#),
        format!(r#"{{"iss":"ci","aud":"bot","exp":"{}"}}"#, NOW + 1),
        r#"{"iss":"ci","aud":"bot","exp":null}"#.to_owned(),
        r#"{"iss":"ci","aud":"bot"}"#.to_owned(),
        format!(r#"{{"iss":"ci","aud":["others"],"exp":{}}}"#, NOW + 1),
        format!(r#"{{"iss":"ci","aud":"bo","exp":{}}}"#, NOW + 1),
        format!(r#"{{"iss":"ci","exp":{}}}"#, NOW + 1),
        format!(r#"{{"iss":"CI","aud":"bot","exp":{}}}"#, NOW + 1),
        format!(r#"{{"aud":"bot","exp":{}}}"#, NOW + 1),
        "[]".to_owned(),
        String::new(),
    ] {
        assert!(!verifier.is_good(&signed(SECRET, good, &odd), NOW), "{odd}");
    }
    let tolerant = JwtForm { leeway: Duration::from_secs(60), ..form() };
    let tolerant = JwtVerifier::with_secrets(tolerant, &[SECRET.into()]).unwrap();
    let token = signed(SECRET, good, &claims(&format!(",\"nbf\":{NOW}")));
    for (now, is_good) in [(NOW + 60, true), (NOW + 61, false), (NOW - 60, true), (NOW - 61, false)] {
        assert_eq!(tolerant.is_good(&token, now), is_good, "{now}");
    }
}

#[test]
fn a_public_key_is_no_secret_and_a_secret_no_public_key() {
    let claims = format!("{{\"iss\":\"ci\",\"aud\":\"bot\",\"exp\":{}}}", NOW + 1);
    for (pem, name) in [(RSA, "RS256"), (P256, "ES256")] {
        let verifier = JwtVerifier::with_keys(form(), pem).unwrap();
        for key in [pem, pem.trim_end()] {
            for header in ["{\"alg\":\"HS256\"}", &format!("{{\"alg\":\"{name}\"}}")] {
                assert!(!verifier.is_good(&signed(key, header, &claims), NOW), "{name}");
            }
        }
        assert!(JwtVerifier::with_secrets(form(), &[pem.into()]).err().unwrap().contains("give it as key_file"));
    }
}

#[test]
fn a_key_that_cannot_be_used_is_refused_with_a_reason() {
    let named = |algorithm| JwtForm { algorithm: Some(algorithm), ..JwtForm::default() };
    let private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let half = RSA.replace("\n-----END", "AAAA\n-----END");
    for (form, pem, says) in [
        (form(), include_str!("../samples/rsa-1024.pem"), "1024 bits"),
        (form(), include_str!("../samples/p384.pem"), "no public key of RSA, of the curve P-256"),
        (form(), include_str!("../samples/ed25519.pem"), "does not sign tokens here"),
        (form(), private, "private key"),
        (form(), &private.replace("PRIVATE KEY", "CERTIFICATE"), "openssl x509"),
        (form(), &half, "no public key"),
        (form(), &RSA[..200], "-----BEGIN PUBLIC KEY-----"),
        (form(), "", "-----BEGIN PUBLIC KEY-----"),
        (form(), &format!("{RSA}{P256}"), "different kinds"),
        (named(JwtAlgorithm::Es256), RSA, "it is for RS256, and algorithm says ES256"),
        (named(JwtAlgorithm::Hs256), RSA, "algorithm says HS256"),
    ] {
        let error = JwtVerifier::with_keys(form, pem).err().unwrap();
        assert!(error.contains(says), "{error}");
    }
    assert!(JwtVerifier::with_secrets(named(JwtAlgorithm::Rs256), &[SECRET.into()]).is_err());
    assert!(
        JwtVerifier::with_secrets(form(), &[]).is_err() && JwtVerifier::with_secrets(form(), &["".into()]).is_err()
    );
    assert!(JwtVerifier::with_keys(named(JwtAlgorithm::Rs256), &format!("{RSA}{RSA}")).is_ok(), "while it is replaced");
}
