//! Who is let in at a hook, from where, with what, and what they are answered.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};
use switchboard::Bot;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Harness, eventually, switchboard};
use crate::hooks::{SECRET, hook, posts};
use crate::signing::hmac_sha256;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A token with these claims, signed with this secret.
fn token(secret: &str, claims: &Value) -> String {
    let text = format!("{}.{}", BASE64.encode(r#"{"alg":"HS256"}"#), BASE64.encode(claims.to_string()));
    let signature = hmac_sha256(secret.as_bytes(), &[text.as_bytes()]);
    format!("{text}.{}", BASE64.encode(signature))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jwt_lets_in_from_either_header_while_it_is_good() {
    let settings = hook("ci", &format!("auth = {{ jwt = {{ secret = \"{SECRET}\", aud = \"bot\" }} }}"));
    let bot = Harness::with(&settings, Bot::builder()).await;
    let good = token(SECRET, &json!({"aud": "bot", "exp": now() + 600}));
    let bearer = format!("Bearer {good}");
    for headers in [
        &[("authorization", bearer.as_str())][..],
        &[("authorization", &bearer.replace("Bearer", "bearer"))],
        &[("key", &good)],
        // A proxy in between may want a proof of its own.
        &[("authorization", "Basic cHJveHk6cGFzcw=="), ("key", &good)],
    ] {
        assert_eq!(posts(&bot, "/hooks/ci", headers, "{}").await.0, 202, "{headers:?}");
    }
    let late = token(SECRET, &json!({"aud": "bot", "exp": now() - 61}));
    let other = token(SECRET, &json!({"aud": "other", "exp": now() + 600}));
    let forged = token("another", &json!({"aud": "bot", "exp": now() + 600}));
    let endless = token(SECRET, &json!({"aud": "bot"}));
    let unsigned = format!("{}.{}.", BASE64.encode(r#"{"alg":"none"}"#), good.split('.').nth(1).unwrap());
    for (headers, code) in [
        (vec![], "7002"),
        (vec![("authorization", "Basic cHJveHk6cGFzcw==")], "7002"),
        (vec![("key", late.as_str())], "7001"),
        (vec![("key", &other)], "7001"),
        (vec![("key", &forged)], "7001"),
        (vec![("key", &endless)], "7001"),
        (vec![("key", &unsigned)], "7001"),
        (vec![("key", &good), ("key", &good)], "7001"),
        (vec![("key", "")], "7001"),
        (vec![("authorization", "Bearer x"), ("key", &good)], "7001"),
    ] {
        assert_eq!(posts(&bot, "/hooks/ci", &headers, "{").await, (401, code.to_owned(), None), "{headers:?}");
    }
    let row = crate::hooks::body_of_the_first_event(&bot);
    assert!(!row.contains(&good), "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_takes_deliveries_from_its_networks_alone() {
    let settings = |trusted: &str| {
        format!("[server]\ntrusted_proxies = {trusted}\n")
            + &hook("near", "auth = \"none\"\nallow_ips = \"127.0.0.1\"")
            + &hook("far", "auth = \"none\"\nallow_ips = [\"203.0.113.0/24\", \"2001:db8::/32\"]")
    };
    let refused = (403, "7010".to_owned(), None);
    let bot = Harness::with(&settings("[]"), Bot::builder()).await;
    let claims = [("x-forwarded-for", "203.0.113.7")];
    assert_eq!(posts(&bot, "/hooks/near", &claims, "{}").await.0, 202, "the word of a stranger");
    assert_eq!(posts(&bot, "/hooks/far", &claims, "{}").await, refused);
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, &settings("[\"127.0.0.0/8\", \"10.0.0.0/8\"]"), Bot::builder()).await;
    bot.ready().await;
    assert_eq!(posts(&bot, "/hooks/near", &[], "{}").await.0, 202, "the proxy itself");
    assert_eq!(posts(&bot, "/hooks/near", &claims, "{}").await, refused);
    for (forwarded, is_allowed) in [
        ("203.0.113.7", true),
        ("junk, 203.0.113.7, 10.0.0.1", true),
        ("2001:db8::1", true),
        ("203.0.113.7, 198.51.100.1", false),
        ("203.0.113.7, junk", false),
        ("", false),
    ] {
        let answered = posts(&bot, "/hooks/far", &[("x-forwarded-for", forwarded)], "{}").await;
        assert_eq!(answered.0, if is_allowed { 202 } else { 403 }, "{forwarded}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn xml_and_forms_in_parts_are_read_like_json() {
    let rule = "\n[[hook.rule]]\ntemplate = \"{{ order.title }} of {{ order['@id'] }}\"";
    let settings = hook("orders", &format!("auth = \"none\"{rule}"))
        + &hook("kuma", "preset = \"uptime-kuma\"\nauth = \"none\"")
        + &hook("small", "auth = \"none\"\nmax_body = 2000000");
    let bot = Harness::with(&settings, Bot::builder()).await;
    let order = "<order id=\"7\"><title>Tea &lt;@all&gt;</title></order>";
    for headers in [&[][..], &[("content-type", "text/xml; charset=utf-8")]] {
        assert_eq!(posts(&bot, "/hooks/orders", headers, order).await.0, 202);
    }
    let heartbeat = json!({"heartbeat": {"status": 0, "time": "1"}, "monitor": {"id": 1, "name": "db"}, "msg": "x"});
    let part = "--b\r\ncontent-disposition: form-data; name=\"data\"\r\n\r\n";
    let parts = [("content-type", "multipart/form-data; boundary=b")];
    assert_eq!(posts(&bot, "/hooks/kuma", &parts, format!("{part}{heartbeat}\r\n--b--\r\n")).await.0, 202);
    let transcript = bot.transcript().await;
    assert_eq!(transcript.matches("Tea &lt;@all&gt; of 7").count(), 2, "{transcript}");
    assert!(transcript.contains("**DOWN** db"), "{transcript}");
    let dtd = "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>";
    let numbers = format!("[{}0]", "0,".repeat(500_000));
    for (headers, body, code) in [
        (&[][..], "<order>", "7027"),
        (&[], dtd, "7027"),
        (&[("content-type", "application/xml")], "{}", "7027"),
        (&[("content-type", "application/json")], "<a/>", "7000"),
        (&parts, "{}", "7000"),
        (&[], &numbers, "7000"),
    ] {
        let answered = posts(&bot, "/hooks/small", headers, body).await;
        assert_eq!(answered, (400, code.to_owned(), None), "{headers:?} {:.40}", body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_of_a_batch_is_one_of_its_own_and_a_repeat_is_known() {
    let settings = hook("events", &format!("preset = \"cloudevents\"\nauth = {{ bearer = \"{SECRET}\" }}"));
    let bot = Harness::with(&settings, Bot::builder()).await;
    let event = |id: &str, kind: &str| json!({"specversion": "1.0", "id": id, "source": "/shop", "type": kind});
    let path = format!("/hooks/events?access_token={SECRET}");
    let batch = [("content-type", "application/cloudevents-batch+json; charset=utf-8")];
    let post = async |body: Value| posts(&bot, &path, &batch, body.to_string()).await;
    let (status, _, id) = post(json!([event("1", "created"), event("2", "paid"), event("3", "sent")])).await;
    assert_eq!(status, 202);
    assert_eq!(post(json!([event("1", "created"), event("4", "lost")])).await, (202, "1002".to_owned(), id));
    assert_eq!(post(json!([])).await, (202, "1002".to_owned(), None));
    let many: Vec<_> = (0..1001).map(|nth| event(&nth.to_string(), "many")).collect();
    for odd in [json!({}), json!([1]), json!(many)] {
        assert_eq!(post(odd.clone()).await, (400, "7000".to_owned(), None), "{odd:.60}");
    }
    // The attributes of one event are in its headers, and it has no data.
    let bearer = format!("Bearer {SECRET}");
    let binary = [
        ("authorization", &*bearer),
        ("ce-specversion", "1.0"),
        ("ce-id", "5"),
        ("ce-source", "/shop"),
        ("ce-type", "bare"),
    ];
    assert_eq!(posts(&bot, "/hooks/events", &binary, "").await.0, 202);
    let original = format!("/hooks/events?access_token={SECRET}");
    let proxied = [("x-original-uri", original.as_str()), batch[0]];
    assert_eq!(posts(&bot, &path, &proxied, json!([event("6", "proxied")]).to_string()).await.0, 202);
    let transcript = bot.transcript().await;
    for kind in ["created", "paid", "sent", "lost", "bare", "proxied"] {
        assert_eq!(transcript.matches(&format!("**{kind}** from /shop")).count(), 1, "{transcript}");
    }
    assert!(!transcript.contains("many"), "{transcript}");
    let rows = crate::cli::verb(bot.folder.path(), &["inbox", "list", "--state", "all", "--json"]);
    let ledger = std::fs::read(bot.folder.path().join("ledger.db")).unwrap();
    let has = |bytes: &[u8]| bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
    assert!(rows.contains("hooks/events/sent") && !has(rows.as_bytes()) && !has(&ledger));
    for (path, code) in [("/hooks/events?access_token=x", "7001"), ("/hooks/events?token=x", "7002")] {
        assert_eq!(posts(&bot, path, &batch, "[]").await, (401, code.to_owned(), None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_above_the_room_for_all_are_refused_until_there_is_room() {
    const MIB: usize = 1024 * 1024;
    let large = "auth = \"none\"\nmax_body = 26214400";
    let settings = format!("[hooks]\nin_flight = {}\n{}", 25 * MIB, hook("ci", large) + &hook("other", large));
    let bot = Harness::with(&settings, Bot::builder()).await;
    let address = bot.url.strip_prefix("http://").unwrap();
    let slow = |length: &str| format!("POST /hooks/ci HTTP/1.1\r\nhost: x\r\n{length}\r\n\r\n");
    // A length that is announced takes no room: what has come does.
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(slow(&format!("content-length: {}", 25 * MIB)).as_bytes()).await.unwrap();
    let body = vec![b' '; 20 * MIB];
    let mut held = TcpStream::connect(address).await.unwrap();
    held.write_all(slow(&format!("content-length: {}", 25 * MIB)).as_bytes()).await.unwrap();
    held.write_all(&body).await.unwrap();
    // Refused before its body is read.
    let asks = async || {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(slow(&format!("content-length: {}\r\nexpect: 100-continue", 10 * MIB)).as_bytes())
            .await
            .unwrap();
        let mut answer = vec![0; 200];
        let read = stream.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..read]).to_lowercase()
    };
    let is_refused = |answer: &str| answer.starts_with("http/1.1 503") && answer.contains("retry-after: 5");
    assert!(eventually(async || is_refused(&asks().await)).await);
    assert_eq!(posts(&bot, "/hooks/other", &[], "{}").await.0, 202, "there is room for a small one");
    drop(held);
    assert!(eventually(async || asks().await.starts_with("http/1.1 100")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_takes_nothing_after_its_last_day() {
    let settings = hook("old", "auth = \"none\"\nexpires = \"2020-01-31\"")
        + &hook("new", "auth = \"none\"\nexpires = \"2999-01-31\"");
    let bot = Harness::with(&settings, Bot::builder()).await;
    assert_eq!(posts(&bot, "/hooks/old", &[], "{}").await, (403, "7007".to_owned(), None));
    assert_eq!(posts(&bot, "/hooks/new", &[], "{}").await.0, 202);
    let folder = tempfile::tempdir().unwrap();
    let webex =
        "[webex]\ntoken = \"x\"\napi_url = \"http://127.0.0.1:9/v1\"\nretries = 0\n[delivery]\nmode = \"polling\"\n";
    std::fs::write(folder.path().join("bot.toml"), format!("{webex}{settings}")).unwrap();
    let output = switchboard().current_dir(folder.path()).arg("check").output().unwrap();
    let all = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let says = "hook old expired at the end of 2020-01-31 (UTC) and takes nothing";
    assert!(all.contains(says) && !all.contains("hook new"), "{all}");
}

#[test]
fn a_wrong_setting_of_the_door_is_explained_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("odd.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    std::fs::copy("src/signature/samples/rsa.pem", path("rsa.pem")).unwrap();
    let jwt = |inner: &str| format!("auth = {{ jwt = {{ {inner} }} }}");
    let signed = |more: &str| format!("signature = {{ header = \"x-s\", secrets = [\"{SECRET}\"], {more} }}");
    for (more, says) in [
        (jwt(""), "has a jwt without a key"),
        (jwt("key_file = \"/nowhere\""), "names a file that cannot be read (/nowhere)"),
        (jwt(&format!("key_file = \"{}\"", path("odd.pem"))), "hook ci: auth.jwt: key: it is a private key"),
        (jwt(&format!("key_file = \"{}\", algorithm = \"ES256\"", path("rsa.pem"))), "it is for RS256"),
        (jwt(&format!("secret = \"{SECRET}\", algorithm = \"RS256\"")), "needs a public key"),
        (jwt(&format!("secret = \"{SECRET}\", algorithm = \"none\"")), "algorithm"),
        ("auth = \"none\"\nallow_ips = [\"10.0.0.0/33\"]".to_owned(), "holds what is no network: write"),
        ("auth = \"none\"\nexpires = \"2027-02-30\"".to_owned(), "has an expires that is no day: write"),
        ("auth = \"none\"\nallow_ips = []".to_owned(), "lets nobody in"),
        (jwt("secret = \"short\""), "auth.jwt.secret must be 16 characters or more"),
        ("auth = { service_key = [\"short\"] }".to_owned(), "auth.service_key must be 16 characters or more"),
        ("auth = { bearer = \" \" }".to_owned(), "auth.bearer (ci) has an empty secret"),
        (signed("tolerance = \"0s\""), "signature.tolerance (ci) lets nobody in"),
        (signed("separator = \"x\""), "signature.separator: \"x\" is none of \"\", \",\", \" \""),
        (signed("algorithm = \"md5\""), "is none of \"sha1\", \"sha256\", \"sha512\", \"ed25519\""),
        ("auth = \"none\"\n\n\n[[hook.rule]]\nwhen = \"a ==\"".to_owned(), "bot.toml, line 11: hook ci: rule 1"),
        (jwt(&format!("secret = \"{SECRET}\", leeway = \"2d\"")), "at most 1d"),
    ] {
        let settings = format!("[webex]\ntoken = \"x\"\n[webhook]\nsecret = \"{SECRET}\"\n{}", hook("ci", &more));
        std::fs::write(path("bot.toml"), settings).unwrap();
        let output = switchboard().args(["check", "--config", &path("bot.toml")]).output().unwrap();
        let all = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(2), "{more}: {all}");
        assert!(all.contains(says) && all.contains("bot.toml, line"), "{more}: {all}");
    }
}
