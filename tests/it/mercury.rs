//! The cloud's own end of the websocket, held to what Webex's apps rely on, by a client that knows nothing of the bot.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use switchboard::simulator::{Cloud, Fault, Options};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::harness::{PATIENCE, http};

/// One socket.
pub struct Client(WebSocketStream<TcpStream>);

/// What comes over it.
#[derive(Debug)]
enum Heard {
    Frame(Value),
    Closed(Option<CloseFrame>),
    Broken,
}

impl Client {
    /// Opens the socket of a device; the status of the refusal otherwise.
    pub async fn connect(cloud: &Cloud, device: &str) -> Result<Client, u16> {
        let host = cloud.api_url().trim_start_matches("http://").trim_end_matches("/v1").to_owned();
        let request = format!("ws://{host}/mercury/registrations/{device}/messages?outboundWireFormat=text");
        let stream = TcpStream::connect(host).await.unwrap();
        match client_async(request.into_client_request().unwrap(), stream).await {
            Ok((socket, _)) => Ok(Client(socket)),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn send(&mut self, frame: &Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// Shows the token and waits for the greeting.
    pub async fn authorize(&mut self, token: &str) -> Value {
        self.send(&authorization(token)).await;
        let greeting = self.frame().await;
        assert_eq!(greeting["data"]["eventType"], "mercury.buffer_state");
        greeting
    }

    async fn hear(&mut self) -> Heard {
        match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("something comes") {
            Some(Ok(Message::Text(text))) => Heard::Frame(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(frame))) => Heard::Closed(frame),
            Some(Ok(other)) => panic!("{other:?}"),
            Some(Err(_)) | None => Heard::Broken,
        }
    }

    async fn frame(&mut self) -> Value {
        match self.hear().await {
            Heard::Frame(frame) => frame,
            other => panic!("{other:?}"),
        }
    }

    /// The next activity; what is of no use to a bot is passed over.
    async fn activity(&mut self) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["data"]["eventType"] == "conversation.activity" {
                return frame;
            }
        }
    }

    /// The next message, whatever else is told before it.
    async fn post(&mut self) -> Value {
        loop {
            let activity = self.activity().await;
            if activity["data"]["activity"]["verb"] == "post" {
                return activity;
            }
        }
    }

    async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.hear().await {
                Heard::Closed(Some(frame)) => return (frame.code.into(), frame.reason.to_string()),
                Heard::Frame(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn acknowledge(&mut self, envelope: &Value) {
        self.send(&json!({"type": "ack", "messageId": envelope["id"]})).await;
    }
}

fn authorization(token: &str) -> Value {
    json!({"id": "a", "type": "authorization", "data": {"token": format!("Bearer {token}")}})
}

/// A cloud, and what calls it as the bot.
struct Scene {
    cloud: Cloud,
}

impl Scene {
    async fn set() -> Scene {
        Scene { cloud: Cloud::start(Options::default()).await.unwrap() }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let address = format!("{}{path}", self.cloud.api_url().trim_end_matches("/v1"));
        let mut request = http().request(method, address).bearer_auth(self.cloud.bot().token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// The id of a new device of the bot's.
    async fn device(&self) -> String {
        let (status, _) = self.call(Method::POST, "/wdm/api/v1/devices", Some(registration("test"))).await;
        assert_eq!(status, 200);
        self.cloud.devices().pop().unwrap().id
    }

    /// A new device with its socket.
    async fn connect(&self) -> (String, Client) {
        let device = self.device().await;
        let mut client = Client::connect(&self.cloud, &device).await.unwrap();
        client.authorize(&self.cloud.bot().token).await;
        (device, client)
    }
}

fn registration(name: &str) -> Value {
    json!({
        "deviceName": name, "deviceType": "DESKTOP", "localizedModel": "test", "model": "test", "name": name,
        "systemName": "test", "systemVersion": "1",
    })
}

#[tokio::test]
async fn the_catalog_leads_to_devices_which_come_and_go() {
    let scene = Scene::set().await;
    let (status, catalog) = scene.call(Method::GET, "/u2c/api/v1/catalog?format=hostmap", None).await;
    let base = scene.cloud.api_url().trim_end_matches("/v1").to_owned();
    assert_eq!((status, &catalog["serviceLinks"]["wdm"]), (200, &json!(format!("{base}/wdm/api/v1"))));
    let devices = "/wdm/api/v1/devices";
    assert_eq!(scene.call(Method::GET, devices, None).await.0, 404, "none yet");
    let mut without_model = registration("one");
    without_model.as_object_mut().unwrap().remove("model");
    let (status, refusal) = scene.call(Method::POST, devices, Some(without_model)).await;
    assert_eq!((status, &refusal["message"]), (400, &json!("Missing Model")));
    let (status, device) = scene.call(Method::POST, devices, Some(registration("one"))).await;
    assert_eq!((status, &device["name"]), (200, &json!("one")));
    let own = device["url"].as_str().unwrap().strip_prefix(&base).unwrap();
    assert!(device["webSocketUrl"].as_str().unwrap().starts_with(&base.replacen("http", "ws", 1)));
    let (status, list) = scene.call(Method::GET, devices, None).await;
    assert_eq!((status, &list["devices"]), (200, &json!([device])));
    assert_eq!(scene.call(Method::PUT, own, Some(registration("two"))).await.1["name"], "two");
    assert_eq!(scene.call(Method::DELETE, own, None).await.0, 204);
    assert_eq!(scene.call(Method::PUT, own, Some(registration("two"))).await.0, 404);
    assert_eq!(scene.call(Method::DELETE, own, None).await.0, 404);
    scene.cloud.fault(Fault::on(Method::POST, devices).answer(503, &[], ""));
    assert_eq!(scene.call(Method::POST, devices, Some(registration("one"))).await.0, 503);
    let mut registered = 0;
    while scene.call(Method::POST, devices, Some(registration("one"))).await.0 == 200 {
        registered += 1;
    }
    assert_eq!(registered, 100, "there is a limit");
    let noted = scene.cloud.calls().into_iter().find(|call| call.path == devices && call.method == Method::POST);
    assert_eq!(noted.unwrap().actor, Some(scene.cloud.bot().email));
}

#[tokio::test]
async fn a_socket_begins_with_the_right_token_in_time_or_ends() {
    let scene = Scene::set().await;
    let device = scene.device().await;
    assert_eq!(Client::connect(&scene.cloud, "00000000-0000-4000-8000-000000000000").await.err(), Some(404));
    assert_eq!(scene.call(Method::GET, &format!("/mercury/registrations/{device}/messages"), None).await.0, 400);
    let open = async || Client::connect(&scene.cloud, &device).await.unwrap();
    let mut client = open().await;
    client.send(&authorization("somebody else's")).await;
    assert_eq!(client.closed().await.0, 4401);
    let alice = scene.cloud.person("alice@example.com").account().token.clone();
    let mut client = open().await;
    client.send(&authorization(&alice)).await;
    assert_eq!(client.closed().await.0, 4401, "the device is not hers");
    let mut client = open().await;
    client.send(&json!({"id": "p", "type": "ping"})).await;
    assert_eq!(client.closed().await.0, 4400);
    assert!(!scene.cloud.devices()[0].is_connected);
    scene.cloud.sockets(|sockets| sockets.authorization_timeout = Duration::from_millis(20));
    assert_eq!(open().await.closed().await.0, 1008);
}

#[tokio::test]
async fn a_ping_is_answered_by_its_id_unless_the_cloud_is_silent() {
    let scene = Scene::set().await;
    let (_, mut client) = scene.connect().await;
    let pong = async |client: &mut Client, id: &str| {
        client.send(&json!({"id": id, "type": "ping"})).await;
        loop {
            let frame = client.frame().await;
            if frame["type"] == "pong" {
                break frame["id"].clone();
            }
        }
    };
    assert_eq!(pong(&mut client, "one").await, "one");
    scene.cloud.sockets(|sockets| sockets.silent = true);
    client.send(&json!({"id": "two", "type": "ping"})).await;
    // Frames of one socket are answered in their order: once this one is acknowledged, the ping was passed over.
    scene.cloud.person("alice@example.com").says("hello");
    for _ in ["create", "post"] {
        let envelope = client.activity().await;
        client.acknowledge(&envelope).await;
    }
    scene.cloud.delivered().await;
    scene.cloud.sockets(|sockets| sockets.silent = false);
    assert_eq!(pong(&mut client, "three").await, "three", "the second was not answered");
}

#[tokio::test]
async fn an_activity_has_ids_and_nothing_of_what_was_said() {
    let scene = Scene::set().await;
    let (_, mut client) = scene.connect().await;
    let alice = scene.cloud.person("alice@example.com");
    let message = alice.says("a secret word");
    let local = switchboard::webex::local_part;
    let envelope = client.post().await;
    let activity = &envelope["data"]["activity"];
    assert!(!envelope.to_string().contains("secret"), "{envelope}");
    assert_eq!((&activity["verb"], &activity["id"]), (&json!("post"), &json!(local(&message))));
    assert_eq!(activity["actor"]["entryUUID"], local(&alice.account().id));
    assert_eq!(activity["actor"]["emailAddress"], "alice@example.com");
    let room = alice.direct_room();
    assert_eq!((&activity["target"]["globalId"], &activity["target"]["id"]), (&json!(room), &json!(local(&room))));
    assert_eq!(activity["target"]["tags"], json!(["ONE_ON_ONE"]));
    assert!(activity["target"]["url"].as_str().unwrap().ends_with(&format!("/conversations/{}", local(&room))));
}

#[tokio::test]
async fn verbs_are_those_of_what_happened_and_a_bot_hears_what_it_may() {
    let scene = Scene::set().await;
    let (_, mut client) = scene.connect().await;
    let alice = scene.cloud.person("alice@example.com");
    let lab = scene.cloud.space("Lab", &["alice@example.com"]);
    alice.says_in(&lab, "not for the bot").unwrap();
    let mentioned = alice.mentions_bot(&lab, "help").unwrap();
    alice.uploads(&alice.direct_room(), "a.txt", "text/plain", b"a").unwrap();
    let direct = alice.says("hello");
    alice.edits(&direct, "hello again").unwrap();
    alice.deletes(&direct).unwrap();
    alice.adds(&lab, "bob@example.com").unwrap();
    scene.cloud.person("bob@example.com").leaves(&lab).unwrap();
    let mut verbs = Vec::new();
    loop {
        let envelope = client.activity().await;
        client.acknowledge(&envelope).await;
        let activity = &envelope["data"]["activity"];
        let verb = activity["verb"].as_str().unwrap().to_owned();
        if verb == "post" && activity["target"]["tags"] == json!([]) {
            assert_eq!(activity["id"], switchboard::webex::local_part(&mentioned));
            assert_eq!(
                activity["object"]["mentions"]["items"][0]["id"],
                switchboard::webex::local_part(&scene.cloud.bot().id)
            );
        }
        let is_last = verb == "leave";
        verbs.push(verb);
        if is_last {
            break;
        }
    }
    assert_eq!(verbs, ["add", "post", "create", "share", "post", "update", "delete", "add", "leave"]);
}

#[tokio::test]
async fn what_is_not_acknowledged_is_sent_again_to_the_next_socket_and_to_it_only() {
    let scene = Scene::set().await;
    let (device, mut client) = scene.connect().await;
    let alice = scene.cloud.person("alice@example.com");
    alice.says("one");
    alice.says("two");
    let created = client.activity().await;
    client.acknowledge(&created).await;
    let (one, two) = (client.activity().await, client.activity().await);
    assert!(two["sequenceNumber"].as_u64() > one["sequenceNumber"].as_u64());
    client.acknowledge(&one).await;
    client.send(&json!({"id": "p", "type": "ping"})).await;
    while client.frame().await["type"] != "pong" {}
    assert_eq!(scene.cloud.devices()[0].unacknowledged, 1);
    scene.cloud.drop_sockets();
    assert!(matches!(client.hear().await, Heard::Broken));
    let mut client = Client::connect(&scene.cloud, &device).await.unwrap();
    client.authorize(&scene.cloud.bot().token).await;
    let again = client.activity().await;
    assert_eq!((&again["id"], &again["data"]), (&two["id"], &two["data"]));
    client.acknowledge(&again).await;
    tokio::time::timeout(PATIENCE, scene.cloud.delivered()).await.expect("nothing is left");
}

#[tokio::test]
async fn a_second_socket_of_a_device_replaces_the_first() {
    let scene = Scene::set().await;
    let (device, mut first) = scene.connect().await;
    let mut second = Client::connect(&scene.cloud, &device).await.unwrap();
    second.authorize(&scene.cloud.bot().token).await;
    assert_eq!(first.closed().await, (4000, "replaced".to_owned()));
    scene.cloud.person("alice@example.com").says("hello");
    second.activity().await;
    let control = format!("{}/control/sockets/close", scene.cloud.page_url().trim_end_matches('/'));
    let closing = json!({"code": 4403, "reason": "because"});
    let answer = http().post(control).json(&closing).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 204);
    assert_eq!(second.closed().await, (4403, "because".to_owned()));
}
