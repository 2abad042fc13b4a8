//! The simulated cloud keeps Webex's rules, as a client sees them over HTTP.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard::simulator::{Cloud, Options, Person, Scan, ScanVerdict};

use crate::harness::http;

/// A cloud with Alice, Bob and a space of theirs in which the bot is.
struct Scene {
    cloud: Cloud,
    alice: Person,
    bob: Person,
    space: String,
}

impl Scene {
    async fn new() -> Scene {
        Scene::with(Options::default()).await
    }

    async fn with(options: Options) -> Scene {
        let cloud = Cloud::start(options).await.unwrap();
        let (alice, bob) = (cloud.person("alice@example.com").administers(), cloud.person("bob@example.com"));
        let space = cloud.space("Lab", &["alice@example.com", "bob@example.com"]);
        Scene { cloud, alice, bob, space }
    }

    fn bot(&self) -> String {
        self.cloud.bot().token
    }

    async fn call(&self, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let method: Method = method.parse().unwrap();
        let mut request = http().request(method, format!("{}/{path}", self.cloud.api_url())).bearer_auth(token);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }

    async fn get(&self, token: &str, path: &str) -> (u16, Value) {
        self.call(token, "GET", path, Value::Null).await
    }

    /// Makes something and gives its id.
    async fn made(&self, token: &str, path: &str, body: Value) -> String {
        let (status, made) = self.call(token, "POST", path, body).await;
        assert_eq!(status, 200, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }
}

fn token(person: &Person) -> String {
    person.account().token.clone()
}

#[tokio::test]
async fn each_refusal_has_webex_status_and_sentence() {
    let scene = Scene::new().await;
    let (alice, bot, space) = (token(&scene.alice), scene.bot(), scene.space.clone());
    let nowhere = "Y2lzY29zcGFyazovL3VzL1JPT00vMTExMTExMTEtMTExMS00MTExLTgxMTEtMTExMTExMTExMTEx";
    let card = json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": {"type": "AdaptiveCard", "version": "1.3", "body": [{"type": "Media"}]}});
    let long = "a".repeat(7440);
    for (who, method, path, body, status, about) in [
        ("nobody", "GET", "people/me", Value::Null, 401, "valid access token"),
        (&bot, "GET", "people", Value::Null, 400, "Email, displayName, or id list"),
        (&bot, "POST", "people", json!({"emails": ["x@example.com"]}), 403, "administrator"),
        (&alice, "POST", "people", json!({"emails": ["bob@example.com"]}), 409, "already exists"),
        (&alice, "POST", "people", json!({"emails": []}), 400, "exactly one email"),
        (&bot, "GET", &format!("messages?roomId={space}"), Value::Null, 403, "Failed to get activity"),
        (
            &bot,
            "GET",
            &format!("messages?roomId={space}&mentionedPeople={}", scene.alice.account().id),
            Value::Null,
            403,
            "Failed to get activity",
        ),
        (&bot, "GET", "messages", Value::Null, 400, "roomId cannot be null"),
        (&bot, "GET", "messages?roomId=what", Value::Null, 400, "Expect base64 ID or UUID."),
        (&bot, "GET", &format!("messages?roomId={nowhere}"), Value::Null, 404, "Could not find a room"),
        (&bot, "POST", "messages", json!({"text": "hi"}), 400, "Exactly one of the destination fields"),
        (
            &bot,
            "POST",
            "messages",
            json!({"roomId": space, "toPersonEmail": "bob@example.com", "text": "hi"}),
            400,
            "Exactly one of the destination fields",
        ),
        (&bot, "POST", "messages", json!({"roomId": space}), 400, "Both text and file cannot be empty."),
        (&bot, "POST", "messages", json!({"roomId": nowhere, "text": "hi"}), 404, "Could not find a room"),
        (&bot, "POST", "messages", json!({"roomId": space, "text": long}), 400, "limited to 7439 characters"),
        (
            &bot,
            "POST",
            "messages",
            json!({"roomId": space, "markdown": "a", "html": "a"}),
            400,
            "both markdown and html",
        ),
        (
            &bot,
            "POST",
            "messages",
            json!({"roomId": space, "text": "a", "attachments": [card]}),
            400,
            "Invalid Adaptive Card Json: body[0].type \"Media\"",
        ),
        (
            &bot,
            "POST",
            "messages",
            json!({"roomId": space, "files": ["ftp://example.com/a"]}),
            400,
            "only http and https",
        ),
        (
            &bot,
            "POST",
            "messages",
            json!({"roomId": space, "files": ["http://127.0.0.1:1/a"]}),
            400,
            "Unable to fetch the file",
        ),
        (
            &bot,
            "POST",
            "messages",
            json!({"roomId": space, "files": ["http://a.test/a", "http://a.test/b"]}),
            400,
            "Only one file",
        ),
        (&bot, "POST", "messages", json!({"roomId": 7}), 400, "could not be understood"),
        (
            &bot,
            "POST",
            "attachment/actions",
            json!({"type": "submit", "messageId": nowhere, "inputs": {}}),
            404,
            "Unable to get message.",
        ),
        (
            &bot,
            "POST",
            "attachment/actions",
            json!({"type": "submit", "messageId": nowhere, "inputs": []}),
            400,
            "inputs must be an object",
        ),
        (
            &bot,
            "POST",
            "attachment/actions",
            json!({"type": "run", "messageId": nowhere, "inputs": {}}),
            400,
            "type must be submit",
        ),
        (&bot, "GET", "attachment/actions/x", Value::Null, 404, "Unable to get attachment action."),
        (&bot, "POST", "rooms", json!({}), 400, "title cannot be empty"),
        (&bot, "PUT", &format!("rooms/{space}"), json!({"title": ""}), 400, "title cannot be empty"),
        (
            &bot,
            "POST",
            "memberships",
            json!({"roomId": space, "personEmail": "bob@example.com"}),
            409,
            "already in the room",
        ),
        (&bot, "POST", "memberships", json!({"roomId": space}), 400, "Exactly one of personId and personEmail"),
        (&bot, "GET", "memberships/x", Value::Null, 404, "Failed to get membership"),
        (&bot, "GET", "memberships?personEmail=bob@example.com", Value::Null, 400, "roomId cannot be null"),
        (&bot, "GET", "team/memberships", Value::Null, 400, "teamId cannot be null"),
        (&bot, "POST", "webhooks", json!({"targetUrl": "http://a.test"}), 400, "name cannot be empty"),
        (&bot, "POST", "webhooks", json!({"name": "a"}), 400, "targetUrl cannot be null"),
        (
            &bot,
            "POST",
            "webhooks",
            json!({"name": "a", "targetUrl": "http://a.test", "resource": "rooms", "event": "created", "ownedBy": "org"}),
            403,
            "administrator",
        ),
        (
            &bot,
            "POST",
            "webhooks",
            json!({"name": "a", "targetUrl": "http://a.test", "resource": "messages", "event": "created", "filter": format!("roomId={nowhere}")}),
            400,
            "invalid value for filter: roomId",
        ),
        (&bot, "DELETE", "webhooks/x", Value::Null, 400, "Invalid webhookId"),
        (&bot, "POST", "meetings", json!({"title": "a"}), 403, "missing required scopes"),
        (&bot, "GET", "licenses", Value::Null, 403, "missing required scopes"),
        (&bot, "DELETE", "people/me", Value::Null, 405, "not allowed"),
        (&bot, "GET", "nothing", Value::Null, 404, "could not be found"),
        (&alice, "POST", "access_token", json!({}), 415, "application/json"),
    ] {
        let (found, answer) = scene.call(who, method, path, body).await;
        assert_eq!(found, status, "{method} {path}: {answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(about), "{method} {path}: {message}");
        assert_eq!(answer["errors"][0]["description"], answer["message"]);
        assert!(answer["trackingId"].as_str().unwrap().starts_with("ROUTER_"));
    }
}

#[tokio::test]
async fn answers_carry_webex_headers_and_content_types_are_minded() {
    let scene = Scene::new().await;
    let http = http();
    let url = format!("{}/messages", scene.cloud.api_url());
    let body = json!({"roomId": scene.space, "text": "hi"}).to_string();
    for (kind, status) in
        [("application/json; charset=utf-8", 200), ("APPLICATION/JSON", 200), ("text/plain", 415), ("", 415)]
    {
        let request = http.post(&url).bearer_auth(scene.bot()).header("content-type", kind).body(body.clone());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{kind}");
        assert_eq!(answer.headers()["content-type"], "application/json;charset=UTF-8");
        assert_eq!(answer.headers()["cache-control"], "no-cache");
        assert!(answer.headers()["trackingid"].to_str().unwrap().starts_with("ROUTER_"));
    }
}

#[tokio::test]
async fn lists_are_paged_by_absolute_links_without_gaps_or_repeats() {
    let scene = Scene::new().await;
    for number in 0..7 {
        scene.cloud.space(&format!("Space {number}"), &["alice@example.com"]);
        scene.alice.says_in(&scene.space, &number.to_string()).unwrap();
    }
    for (path, all) in [
        ("rooms?type=group&max=3".to_owned(), 8),
        (format!("messages?roomId={}&max=3", scene.space), 7),
        (format!("memberships?roomId={}&max=2", scene.space), 3),
    ] {
        let mut url = format!("{}/{path}", scene.cloud.api_url());
        let (mut seen, mut pages) = (Vec::new(), 0);
        loop {
            let answer = http().get(&url).bearer_auth(token(&scene.alice)).send().await.unwrap();
            let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            let page: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            pages += 1;
            let Some(link) = link else { break };
            url = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
            assert!(url.starts_with(&scene.cloud.api_url()), "{url}");
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert!(count == all && seen.len() == all && pages > 1, "{path}: {count} of {all} in {pages} pages");
    }
}

#[tokio::test]
async fn a_bot_sees_in_a_space_what_mentions_it_and_what_it_wrote() {
    let scene = Scene::new().await;
    let plain = scene.alice.says_in(&scene.space, "nobody in particular").unwrap();
    let mention = scene.alice.mentions_bot(&scene.space, "help").unwrap();
    let own = scene.made(&scene.bot(), "messages", json!({"roomId": scene.space, "markdown": "**hello**"})).await;
    let direct = scene.alice.says("hello");
    for (id, of_bot, of_bob) in [(&plain, 404, 200), (&mention, 200, 200), (&own, 200, 200), (&direct, 200, 404)] {
        assert_eq!(scene.get(&scene.bot(), &format!("messages/{id}")).await.0, of_bot);
        assert_eq!(scene.get(&token(&scene.bob), &format!("messages/{id}")).await.0, of_bob);
    }
    let (_, list) = scene.get(&scene.bot(), &format!("messages?roomId={}&mentionedPeople=me", scene.space)).await;
    assert_eq!(list["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect::<Vec<_>>(), [&json!(mention)]);
    let (_, list) = scene.get(&token(&scene.bob), &format!("messages?roomId={}", scene.space)).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 3);
    assert_eq!(list["items"][0]["html"], "<p><strong>hello</strong></p>");
    assert_eq!(list["items"][0]["text"], "hello");
}

#[tokio::test]
async fn a_room_is_changed_and_deleted_by_those_who_may() {
    let scene = Scene::new().await;
    let (alice, bob) = (token(&scene.alice), token(&scene.bob));
    let room = format!("rooms/{}", scene.space);
    let (status, changed) = scene.call(&bob, "PUT", &room, json!({"title": "Labor"})).await;
    assert_eq!((status, &changed["title"]), (200, &json!("Labor")));
    let locked = json!({"title": "Labor", "isLocked": true, "isAnnouncementOnly": true, "description": "quiet"});
    let (status, changed) = scene.call(&alice, "PUT", &room, locked).await;
    assert_eq!((status, &changed["isLocked"], &changed["description"]), (200, &json!(true), &json!("quiet")));
    assert_eq!(scene.call(&bob, "PUT", &room, json!({"title": "mine"})).await.0, 403);
    assert_eq!(scene.call(&bob, "POST", "messages", json!({"roomId": scene.space, "text": "a"})).await.0, 403);
    assert_eq!(scene.call(&alice, "POST", "messages", json!({"roomId": scene.space, "text": "a"})).await.0, 200);
    let add = json!({"roomId": scene.space, "personEmail": "new@example.com"});
    assert_eq!(scene.call(&bob, "POST", "memberships", add.clone()).await.0, 403);
    assert_eq!(scene.call(&alice, "POST", "memberships", add).await.0, 200);
    // Whoever may not delete a moderated space only leaves it.
    assert_eq!(scene.call(&bob, "DELETE", &room, Value::Null).await.0, 204);
    assert_eq!((scene.get(&bob, &room).await.0, scene.get(&alice, &room).await.0), (404, 200));
    assert_eq!(scene.call(&alice, "DELETE", &room, Value::Null).await.0, 204);
    assert_eq!(scene.get(&alice, &room).await.0, 404);
    assert!(scene.cloud.messages().is_empty());
}

#[tokio::test]
async fn memberships_are_changed_and_outsiders_add_nobody() {
    let scene = Scene::new().await;
    let (alice, bob) = (token(&scene.alice), token(&scene.bob));
    let (_, list) = scene.get(&alice, &format!("memberships?roomId={}&personEmail=bob@example.com", scene.space)).await;
    let membership = format!("memberships/{}", list["items"][0]["id"].as_str().unwrap());
    assert_eq!(list["items"][0]["isModerator"], json!(false));
    let (status, changed) = scene.call(&alice, "PUT", &membership, json!({"isModerator": true})).await;
    assert_eq!((status, &changed["isModerator"], &changed["isRoomHidden"]), (200, &json!(true), &json!(false)));
    assert_eq!(scene.call(&alice, "DELETE", &membership, Value::Null).await.0, 204);
    assert_eq!(scene.get(&bob, &format!("rooms/{}", scene.space)).await.0, 404);
    let add = json!({"roomId": scene.space, "personEmail": "new@example.com"});
    assert_eq!(scene.call(&bob, "POST", "memberships", add).await.0, 502);
    let direct = scene.alice.direct_room();
    let add = json!({"roomId": direct, "personEmail": "bob@example.com"});
    assert_eq!(scene.call(&alice, "POST", "memberships", add).await.0, 400);
}

#[tokio::test]
async fn a_team_has_a_general_room_with_its_people() {
    let scene = Scene::new().await;
    let (alice, bob) = (token(&scene.alice), token(&scene.bob));
    let team = scene.made(&alice, "teams", json!({"name": "Builders"})).await;
    assert_eq!(scene.get(&bob, &format!("teams/{team}")).await.0, 404);
    let member = json!({"teamId": team, "personEmail": "bob@example.com"});
    let membership = scene.made(&alice, "team/memberships", member.clone()).await;
    assert_eq!(scene.call(&alice, "POST", "team/memberships", member).await.0, 409);
    let (_, rooms) = scene.get(&bob, &format!("rooms?teamId={team}")).await;
    assert_eq!((&rooms["items"][0]["title"], &rooms["items"][0]["teamId"]), (&json!("Builders"), &json!(team)));
    let uuid = |id: &str| switchboard::webex::local_part(id);
    assert_eq!(uuid(rooms["items"][0]["id"].as_str().unwrap()), uuid(&team));
    let (status, changed) =
        scene.call(&alice, "PUT", &format!("team/memberships/{membership}"), json!({"isModerator": true})).await;
    assert_eq!((status, &changed["isModerator"]), (200, &json!(true)));
    let room = scene.made(&bob, "rooms", json!({"title": "Plans", "teamId": team})).await;
    assert_eq!(scene.call(&alice, "DELETE", &format!("team/memberships/{membership}"), Value::Null).await.0, 204);
    assert_eq!(scene.get(&bob, &format!("teams/{team}")).await.0, 404);
    let (_, renamed) = scene.call(&alice, "PUT", &format!("teams/{team}"), json!({"name": "Makers"})).await;
    assert_eq!(renamed["name"], "Makers");
    assert_eq!(scene.call(&alice, "DELETE", &format!("teams/{team}"), Value::Null).await.0, 204);
    assert_eq!(scene.get(&bob, &format!("rooms/{room}")).await.0, 404);
}

#[tokio::test]
async fn a_message_is_edited_ten_times_and_only_by_its_author() {
    let scene = Scene::new().await;
    let message = scene.made(&scene.bot(), "messages", json!({"roomId": scene.space, "text": "0"})).await;
    let path = format!("messages/{message}");
    let edit = |text: &str| json!({"roomId": scene.space, "markdown": text});
    assert_eq!(scene.call(&token(&scene.alice), "PUT", &path, edit("mine")).await.0, 403);
    for number in 1..=10 {
        let (status, edited) = scene.call(&scene.bot(), "PUT", &path, edit(&format!("*{number}*"))).await;
        assert_eq!((status, edited["html"].as_str().unwrap()), (200, &*format!("<p><em>{number}</em></p>")));
        assert!(edited["updated"].is_string());
    }
    let (status, refused) = scene.call(&scene.bot(), "PUT", &path, edit("11")).await;
    assert!(status == 400 && refused["message"].as_str().unwrap().contains("limit of 10 edits"), "{refused}");
    let file = scene.alice.uploads(&scene.space, "a.txt", "text/plain", b"hello").unwrap();
    let (status, refused) = scene.call(&token(&scene.alice), "PUT", &format!("messages/{file}"), edit("x")).await;
    assert!(status == 400 && refused["message"].as_str().unwrap().contains("not supported"), "{refused}");
    assert_eq!(scene.call(&scene.bot(), "DELETE", &format!("messages/{file}"), Value::Null).await.0, 404);
    assert_eq!(scene.call(&scene.bot(), "DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(scene.get(&scene.bot(), &path).await.0, 404);
}

#[tokio::test]
async fn files_come_back_after_the_scan_and_the_infected_never() {
    let scene = Scene::new().await;
    let http = http();
    let room = scene.alice.direct_room();
    let statuses = async |scan: Scan, query: &str| {
        scene.cloud.scan_files(scan);
        let id = scene.alice.uploads(&room, "a \"b\".txt", "text/plain", b"hello").unwrap();
        let message = scene.cloud.messages().into_iter().find(|message| message.id == id).unwrap();
        let mut statuses = Vec::new();
        for _ in 0..3 {
            let request = http.get(format!("{}{query}", message.files[0])).bearer_auth(scene.bot());
            let answer = request.send().await.unwrap();
            if answer.status() == StatusCode::LOCKED {
                assert_eq!(answer.headers()["retry-after"], "1");
            }
            statuses.push(answer.status().as_u16());
        }
        (statuses, message.files[0].clone())
    };
    let of = |locked_reads, verdict| Scan { locked_reads, verdict };
    assert_eq!(statuses(of(2, ScanVerdict::Clean), "").await.0, [423, 423, 200]);
    assert_eq!(statuses(of(1, ScanVerdict::Infected), "").await.0, [423, 410, 410]);
    assert_eq!(statuses(of(0, ScanVerdict::Unscannable), "").await.0, [428, 428, 428]);
    assert_eq!(statuses(of(0, ScanVerdict::Unscannable), "?allow=unscannable").await.0, [200, 200, 200]);
    // Somebody at an app does not wait, and does not use up the waiting of programs.
    for (scan, status) in [(of(1, ScanVerdict::Unscannable), 200), (of(1, ScanVerdict::Infected), 410)] {
        scene.cloud.scan_files(scan);
        let id = scene.alice.uploads(&room, "a.txt", "text/plain", b"hello").unwrap();
        let message = scene.cloud.messages().into_iter().find(|message| message.id == id).unwrap();
        let seen = http.get(message.files[0].replace("/v1/", "/as/alice@example.com/")).send().await.unwrap();
        let read = http.get(&message.files[0]).bearer_auth(scene.bot()).send().await.unwrap();
        assert_eq!((seen.status().as_u16(), read.status().as_u16()), (status, 423));
    }
    let (_, url) = statuses(Scan::default(), "").await;
    let head = http.head(&url).bearer_auth(scene.bot()).send().await.unwrap();
    assert_eq!(head.headers()["content-disposition"], "attachment; filename=\"a b.txt\"");
    assert_eq!(
        (&head.headers()["content-type"], &head.headers()["content-length"]),
        (&"text/plain".parse().unwrap(), &"5".parse().unwrap())
    );
    assert_eq!(http.get(&url).bearer_auth(token(&scene.bob)).send().await.unwrap().status(), 404);
    assert_eq!(http.get(&url).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_file_is_fetched_from_its_url_and_posted_with_its_bytes() {
    let scene = Scene::with(Options { fetch_private: true, ..Options::default() }).await;
    let source = scene.alice.uploads(&scene.space, "plan.txt", "text/plain", b"the plan").unwrap();
    let source = scene.cloud.messages().into_iter().find(|message| message.id == source).unwrap();
    // The page's own copy needs no token.
    let url = source.files[0].replace("/v1/", "/as/alice@example.com/");
    let (status, message) =
        scene.call(&scene.bot(), "POST", "messages", json!({"roomId": scene.space, "files": [url]})).await;
    assert_eq!(status, 200, "{message}");
    let content = scene.cloud.content(message["files"][0].as_str().unwrap()).unwrap();
    assert_eq!(
        (&*content.name, &*content.content_type, &content.bytes[..]),
        ("plan.txt", "text/plain", &b"the plan"[..])
    );
}

#[tokio::test]
async fn html_is_cleaned_and_its_mentions_count() {
    let scene = Scene::new().await;
    let bot = scene.cloud.bot().id;
    let html = format!(
        "<script>x()</script><spark-mention data-object-type=\"person\" data-object-id=\"{bot}\">Bot</spark-mention> <b onclick=\"x()\">help</b>"
    );
    let (_, message) =
        scene.call(&token(&scene.alice), "POST", "messages", json!({"roomId": scene.space, "html": html})).await;
    assert_eq!((&message["text"], &message["mentionedPeople"]), (&json!("Bot help"), &json!([bot])));
    assert!(
        !message["html"].as_str().unwrap().contains("script") && !message["html"].as_str().unwrap().contains("onclick")
    );
    assert_eq!(scene.get(&scene.bot(), &format!("messages/{}", message["id"].as_str().unwrap())).await.0, 200);
}

#[tokio::test]
async fn administrators_make_change_and_delete_people() {
    let scene = Scene::new().await;
    let alice = token(&scene.alice);
    let draft = json!({"emails": ["New@Example.com"], "firstName": "New", "lastName": "Comer", "licenses": ["L"]});
    let (status, person) = scene.call(&alice, "POST", "people", draft).await;
    assert_eq!(
        (status, &person["displayName"], &person["emails"]),
        (200, &json!("New Comer"), &json!(["new@example.com"]))
    );
    assert_eq!(
        (&person["invitePending"], &person["loginEnabled"], &person["type"]),
        (&json!("false"), &json!("true"), &json!("person"))
    );
    let id = person["id"].as_str().unwrap();
    let (_, list) = scene.get(&scene.bot(), &format!("people?id={id},{}", "nobody")).await;
    assert_eq!((&list["items"][0]["id"], &list["notFoundIds"]), (&json!(id), &json!(["nobody"])));
    let (_, changed) = scene.call(&alice, "PUT", &format!("people/{id}"), json!({"displayName": "Comer"})).await;
    assert_eq!((&changed["displayName"], changed["lastModified"].is_string()), (&json!("Comer"), true));
    let bob = scene.bob.account().id.clone();
    let hook = json!({"name": "a", "targetUrl": "http://127.0.0.1:1/", "resource": "messages", "event": "created"});
    scene.made(&token(&scene.bob), "webhooks", hook).await;
    assert_eq!(scene.call(&alice, "DELETE", &format!("people/{bob}"), Value::Null).await.0, 204);
    assert_eq!(scene.get(&token(&scene.bob), "people/me").await.0, 401);
    assert_eq!(scene.get(&alice, &format!("people/{bob}")).await.0, 404);
    assert_eq!(
        scene.get(&alice, &format!("memberships?roomId={}", scene.space)).await.1["items"].as_array().unwrap().len(),
        2
    );
    assert_eq!(json!(scene.cloud.webhooks()[0].status), json!("inactive"));
    let (_, me) = scene.get(&scene.bot(), "people/me").await;
    assert!(me["firstName"].is_null() && me["roles"].is_null() && me["type"] == "bot", "{me}");
}

#[tokio::test]
async fn meetings_keep_their_times_and_belong_to_people() {
    let scene = Scene::new().await;
    let bob = token(&scene.bob);
    let meeting =
        |start: &str, end: &str| json!({"title": "Plan", "start": start, "end": end, "timezone": "Europe/Berlin"});
    for (body, about) in [
        (json!({"title": "Plan"}), "start is required"),
        (meeting("2001-01-01 10:00:00", "2001-01-01 11:00:00"), "must be in the future"),
        (meeting("2031-01-01 10:00:00", "2031-01-01 10:05:00"), "from 10 minutes"),
        (meeting("2031-01-01 10:00:00", "2031-01-02 10:00:00"), "23 hours and 59 minutes"),
        (meeting("tomorrow", "2031-01-02 10:00:00"), "not a time"),
        (
            json!({"title": "a", "start": "2031-01-01T10:00:00Z", "end": "2031-01-01T11:00:00Z", "timezone": "Mars"}),
            "timezone Mars is unknown",
        ),
        (json!({"adhoc": true}), "roomId is required"),
    ] {
        let (status, refused) = scene.call(&bob, "POST", "meetings", body).await;
        assert!(status == 400 && refused["message"].as_str().unwrap().contains(about), "{refused}");
    }
    let (_, made) =
        scene.call(&bob, "POST", "meetings", meeting("2031-07-01 10:00:30", "2031-07-01T11:00:00+02:00")).await;
    assert_eq!((&made["start"], &made["end"]), (&json!("2031-07-01T08:00:00Z"), &json!("2031-07-01T09:00:00Z")));
    assert_eq!((&made["hostEmail"], &made["meetingType"]), (&json!("bob@example.com"), &json!("meetingSeries")));
    let path = format!("meetings/{}", made["id"].as_str().unwrap());
    let shown = http().get(format!("{}/{path}", scene.cloud.api_url())).bearer_auth(&bob);
    let shown = shown.header("timezone", "Europe/Berlin").send().await.unwrap().text().await.unwrap();
    assert!(shown.contains("2031-07-01T10:00:00+02:00"), "{shown}");
    let (_, list) = scene.get(&bob, "meetings?from=2031-07-01T00:00:00Z").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(scene.get(&bob, "meetings").await.1["items"], json!([]));
    let (_, changed) = scene.call(&bob, "PATCH", &path, json!({"title": "Replan"})).await;
    assert_eq!((&changed["title"], &changed["start"]), (&json!("Replan"), &made["start"]));
    assert_eq!(scene.call(&bob, "PUT", &path, json!({"title": "half"})).await.0, 400);
    assert_eq!(scene.call(&bob, "DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(scene.get(&bob, &path).await.0, 404);
    let adhoc = json!({"adhoc": true, "roomId": scene.space});
    let first = scene.made(&bob, "meetings", adhoc.clone()).await;
    assert_eq!(scene.made(&token(&scene.alice), "meetings", adhoc).await, first, "one for each room");
    assert_eq!(scene.call(&bob, "DELETE", &format!("meetings/{first}"), Value::Null).await.0, 400);
}

#[tokio::test]
async fn a_token_is_refreshed_and_the_old_one_still_works() {
    let scene = Scene::new().await;
    let grant = scene.bob.authorises();
    let refresh = async |secret: &str, token: &str| {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", &grant.client_id),
            ("client_secret", secret),
            ("refresh_token", token),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = http().post(format!("{}/access_token", scene.cloud.api_url())).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice::<Value>(&answer.bytes().await.unwrap()).unwrap())
    };
    assert_eq!(refresh("wrong", &grant.refresh_token).await.0, 401);
    assert_eq!(refresh(&grant.client_secret, "wrong").await.0, 400);
    let (status, tokens) = refresh(&grant.client_secret, &grant.refresh_token).await;
    assert_eq!((status, &tokens["expires_in"], &tokens["token_type"]), (200, &json!(1_209_600), &json!("Bearer")));
    assert_eq!(tokens["refresh_token"], json!(grant.refresh_token));
    for token in [tokens["access_token"].as_str().unwrap(), &token(&scene.bob)] {
        assert_eq!(scene.get(token, "people/me").await.1["emails"], json!(["bob@example.com"]));
    }
    let calls = format!("{:?}", scene.cloud.calls());
    assert!(!calls.contains(&grant.client_secret) && !calls.contains(tokens["access_token"].as_str().unwrap()));
}

#[tokio::test]
async fn what_is_read_only_can_be_read() {
    let scene = Scene::new().await;
    let alice = token(&scene.alice);
    for kind in ["organizations", "licenses", "roles"] {
        let (status, list) = scene.get(&alice, kind).await;
        let id = list["items"][0]["id"].as_str().unwrap();
        assert_eq!((status, scene.get(&alice, &format!("{kind}/{id}")).await.0), (200, 200), "{kind}");
        assert_eq!(scene.call(&alice, "POST", kind, json!({})).await.0, 405);
    }
}

#[tokio::test]
async fn webhooks_tell_of_rooms_and_memberships_and_filters_hold() {
    let scene = Scene::new().await;
    let alice = token(&scene.alice);
    let hook = async |resource: &str, event: &str, filter: &str| {
        let mut body = json!({"name": "a", "targetUrl": "http://127.0.0.1:1/", "resource": resource, "event": event});
        if !filter.is_empty() {
            body["filter"] = json!(filter);
        }
        scene.made(&alice, "webhooks", body).await
    };
    let everything = hook("all", "all", "").await;
    let locked = hook("rooms", "updated", "isLocked=true").await;
    let moderators = hook("memberships", "updated", "isModerator=true").await;
    let meetings = hook("meetings", "all", "").await;
    let room = scene.made(&alice, "rooms", json!({"title": "New"})).await;
    scene.call(&alice, "PUT", &format!("rooms/{room}"), json!({"title": "Newer"})).await;
    scene.call(&alice, "PUT", &format!("rooms/{room}"), json!({"title": "Newer", "isLocked": true})).await;
    let member = scene.made(&alice, "memberships", json!({"roomId": room, "personEmail": "bob@example.com"})).await;
    scene.call(&alice, "PUT", &format!("memberships/{member}"), json!({"isModerator": true})).await;
    scene.call(&alice, "PUT", &format!("memberships/{member}"), json!({"isModerator": false})).await;
    let plan = json!({"title": "Plan", "start": "2035-01-01T10:00:00Z", "end": "2035-01-01T11:00:00Z"});
    scene.made(&alice, "meetings", plan).await;
    scene.call(&alice, "DELETE", &format!("rooms/{room}"), Value::Null).await;
    scene.cloud.delivered().await;
    let heard = |hook: &str| {
        let log = scene.cloud.delivery_log();
        let of_hook = log.iter().filter(|delivery| delivery.webhook_id == hook);
        of_hook.map(|delivery| format!("{} {}", delivery.resource, delivery.event)).collect::<Vec<_>>()
    };
    assert_eq!(
        heard(&everything),
        [
            "memberships created",
            "rooms created",
            "rooms updated",
            "rooms updated",
            "memberships created",
            "memberships updated",
            "memberships updated",
            "memberships deleted",
            "memberships deleted",
        ]
    );
    assert_eq!(
        (heard(&locked), heard(&moderators)),
        (vec!["rooms updated".to_owned()], vec!["memberships updated".to_owned()])
    );
    assert_eq!(heard(&meetings), ["meetings created"]);
    let told = scene.cloud.delivery_log();
    let meeting = told.iter().find(|delivery| delivery.resource == "meetings").unwrap();
    assert!(!meeting.body.contains("password") && !meeting.body.contains("hostKey"), "{}", meeting.body);
}
