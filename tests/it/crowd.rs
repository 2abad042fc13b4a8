//! The simulated cloud stays quick with a thousand people and spaces and a hundred thousand messages.

use std::time::{Duration, Instant};

use switchboard::simulator::{Cloud, Options};

use crate::harness::http;

/// Some hundred times what it takes here without optimisation.
const QUICK: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_people_and_spaces_and_a_hundred_thousand_messages_stay_responsive() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let people: Vec<_> = (0..1000).map(|number| cloud.person(&format!("{number}@example.com"))).collect();
    let emails: Vec<_> = people.iter().map(|person| person.account().email.clone()).collect();
    let everybody: Vec<_> = emails.iter().map(String::as_str).collect();
    let spaces: Vec<_> = everybody.iter().map(|email| cloud.space("Space", &["0@example.com", email])).collect();
    for number in 0..50_000 {
        people[number % 1000].says_in(&spaces[number % 1000], "hello").unwrap();
    }
    let hall = cloud.space("Hall", &everybody);
    people[1].mentions_bot(&hall, "help").unwrap();
    for number in 0..50_000 {
        people[number % 1000].says_in(&hall, "hello").unwrap();
    }
    let http = http();
    let quickly = async |path: &str, items: usize| {
        let began = Instant::now();
        let answer = http.get(format!("{}{path}", cloud.page_url())).send().await.unwrap();
        let list: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let took = began.elapsed();
        assert_eq!(list["items"].as_array().unwrap().len(), items, "{path}");
        assert!(took < QUICK, "{path} took {took:?}");
    };
    quickly("as/0@example.com/rooms?sortBy=lastactivity&max=1000", 1000).await;
    quickly(&format!("as/0@example.com/memberships?roomId={hall}&max=1000"), 1000).await;
    quickly(&format!("as/0@example.com/messages?roomId={hall}&max=1000"), 1000).await;
    // The only mention is the oldest of fifty thousand messages.
    quickly(&format!("as/switchboard@webex.bot/messages?roomId={hall}&mentionedPeople=me"), 1).await;
    quickly("control/deliveries", 0).await;
}
