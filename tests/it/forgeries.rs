//! Forged deliveries over the wire: none is taken, and the original between them always is.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fastrand::Rng;
use futures_util::{StreamExt, stream};
use switchboard::Bot;

use crate::cli::verb;
use crate::harness::{Harness, http};
use crate::hooks::{SECRET, hook};
use crate::signing::hmac_sha256;

const BODY: &str = r#"{"type":"firing","n":1.0}"#;

/// How many forgeries there are of each sender.
const EACH: usize = 500;

/// The hook of a sender, and the headers of its one delivery.
type Sender = (&'static str, Vec<(&'static str, String)>);

fn senders() -> (String, Vec<Sender>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let sign = |text: String| hmac_sha256(SECRET.as_bytes(), &[text.as_bytes()]);
    let jwt = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode("{\"alg\":\"HS256\"}"),
        URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{}}}", now + 600))
    );
    let jwt = format!("{jwt}.{}", URL_SAFE_NO_PAD.encode(sign(jwt.clone())));
    let secrets = format!("signature = {{ secrets = [\"{SECRET}\"] }}");
    let whsec = format!("signature = {{ secrets = [\"whsec_{}\"] }}", STANDARD.encode(SECRET));
    let stripe = "prefix = \"v1=\", separator = \",\", timestamp = \"t=\", signed = \"{timestamp}.{body}\"";
    let stripe = format!("signature = {{ header = \"stripe-signature\", secrets = [\"{SECRET}\"], {stripe} }}");
    let settings = hook("github", &format!("preset = \"github\"\n{secrets}"))
        + &hook("standard", &format!("preset = \"standard-webhooks\"\n{whsec}"))
        + &hook("stripe", &stripe)
        + &hook("jwt", &format!("auth = {{ jwt = {{ secret = \"{SECRET}\" }} }}"));
    let standard = STANDARD.encode(sign(format!("msg_1.{now}.{BODY}")));
    let senders = vec![
        ("github", vec![("x-hub-signature-256", format!("sha256={}", hex::encode(sign(BODY.to_owned()))))]),
        (
            "standard",
            vec![
                ("webhook-id", "msg_1".to_owned()),
                ("webhook-timestamp", now.to_string()),
                ("webhook-signature", format!("v1,{standard}")),
            ],
        ),
        ("stripe", vec![("stripe-signature", format!("t={now},v1={}", hex::encode(sign(format!("{now}.{BODY}")))))]),
        ("jwt", vec![("authorization", format!("Bearer {jwt}"))]),
    ];
    (settings, senders)
}

/// A request with one change: a byte of the body, a letter of a header, a header less or one twice.
fn forged(&(name, ref headers): &Sender, rng: &mut Rng) -> (Vec<(&'static str, String)>, Vec<u8>) {
    let (mut headers, mut body) = (headers.clone(), BODY.as_bytes().to_vec());
    let nth = rng.usize(..headers.len());
    match rng.u8(0..8) {
        0..=3 if name != "jwt" => {
            let at = rng.usize(..body.len());
            body[at] ^= 1 << rng.u8(0..8);
        }
        4 => drop(headers.remove(nth)),
        5 => headers.push(headers[nth].clone()),
        _ => {
            let value = &mut headers[nth].1;
            let at = rng.usize(..value.len());
            let old = value.as_bytes()[at];
            let other = if old.eq_ignore_ascii_case(&b'a') { "b" } else { "a" };
            value.replace_range(at..=at, other);
        }
    }
    (headers, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn none_of_2000_forgeries_is_taken_over_the_wire() {
    let (settings, senders) = senders();
    let bot = Harness::with(&format!("[worker]\nconcurrency = 0\n{settings}"), Bot::builder()).await;
    let client = http();
    let post = async |name: &str, headers: Vec<(&'static str, String)>, body: Vec<u8>| {
        let mut request = client.post(format!("{}/hooks/{name}", bot.url)).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap().status().as_u16()
    };
    let mut rng = Rng::with_seed(7);
    let mut taken = 0;
    for sender in &senders {
        let forgeries: Vec<_> = (0..EACH).map(|_| forged(sender, &mut rng)).collect();
        for some in forgeries.chunks(EACH / 10) {
            let posts = some.iter().cloned().map(|(headers, body)| post(sender.0, headers, body));
            let refused: Vec<u16> = stream::iter(posts).buffer_unordered(8).collect().await;
            assert!(refused.iter().all(|status| matches!(status, 400 | 401)), "{}: {refused:?}", sender.0);
            assert_eq!(post(sender.0, sender.1.clone(), BODY.into()).await, 202, "{}", sender.0);
            taken += 1;
        }
    }
    // A repeat of what has an id makes no second row.
    let repeats = 10 - 1;
    let rows = verb(bot.folder.path(), &["inbox", "list", "--state", "all", "--json", "--limit", "1000"]);
    let rows: serde_json::Value = serde_json::from_str(&rows).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), taken - repeats);
}
