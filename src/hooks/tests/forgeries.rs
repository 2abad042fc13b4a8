//! Requests that differ in one thing from a good one are not let in, by any scheme or kind of proof.

use std::thread;

use axum::http::{HeaderMap, HeaderName};
use fastrand::Rng;

use super::super::Hook;
use super::super::proof::Shown;
use super::hooks;
use super::senders::{self, NOW, Request, Sender, Twist};

/// How many forgeries there are of each sender that signs, of each that shows something, and of each whose proof takes
/// long to check.
const SIGNED: usize = 6000;
const SHOWN: usize = 3000;
const PUBLIC: usize = 500;

#[test]
fn of_100_000_forgeries_none_is_let_in_and_the_original_each_time() {
    let groups = [(senders::signers(), SIGNED), (senders::showers(), SHOWN), (senders::public_keys(), PUBLIC)];
    assert!(groups.iter().map(|(senders, each)| senders.len() * each).sum::<usize>() >= 100_000);
    thread::scope(|scope| {
        for (sender, each) in groups.iter().flat_map(|(senders, each)| senders.iter().map(|sender| (sender, *each))) {
            scope.spawn(move || forge(sender, each));
        }
    });
}

fn forge(sender: &Sender, count: usize) {
    let hooks = hooks(&format!("[[hook]]\nname = \"{}\"\nto = \"a@example.com\"\n{}", sender.name, sender.settings));
    let (hook, mut rng) = (&*hooks.0.settings[sender.name], Rng::with_seed(7));
    let original = (sender.send)(Twist::None).unwrap();
    let mut left = count;
    while left > 0 {
        let Some((forged, now)) = forgery(sender, &original, &mut rng) else { continue };
        left -= 1;
        assert!(!is_let_in(hook, &forged, now), "{} at {now}: {forged:?}", sender.name);
        assert!(is_let_in(hook, &original, NOW), "{}: {original:?}", sender.name);
    }
}

fn is_let_in(hook: &Hook, request: &Request, now: i64) -> bool {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let shown = Shown { headers: &headers, token: request.token.as_deref(), access_token: None, now };
    hook.auth.check(&shown).is_ok() && hook.verify(&headers, request.body.clone().into(), now).is_ok()
}

/// A request with one change, and the time at which it comes. None if this change cannot be made.
fn forgery(sender: &Sender, original: &Request, rng: &mut Rng) -> Option<(Request, i64)> {
    let mut forged = original.clone();
    let twisted = |twist| (sender.send)(twist).map(|request| (request, NOW));
    match rng.u8(0..16) {
        0..=5 if sender.signs_body => change_bytes(&mut forged.body, rng),
        6 => return twisted(Twist::Key),
        7 => return twisted(Twist::Algorithm),
        8 => return twisted(Twist::Order),
        9 if sender.is_timed => {
            let far = rng.i64(601..100_000);
            // What has an end, but no beginning, is good before it.
            let is_late = rng.bool() || !sender.signs_body;
            return Some((forged, if is_late { NOW + far } else { NOW - far }));
        }
        10 if !forged.headers.is_empty() => drop(forged.headers.remove(rng.usize(..forged.headers.len()))),
        11 if !forged.headers.is_empty() => {
            let header = rng.choice(forged.headers.clone())?;
            forged.headers.push(header);
        }
        12 => forged.token = None,
        _ => match &mut forged.token {
            Some(token) => change_text(token, rng)?,
            None => change_text(&mut rng.choice(&mut forged.headers)?.1, rng)?,
        },
    }
    (forged != *original).then_some((forged, NOW))
}

fn change_bytes(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.usize(..bytes.len());
    match rng.u8(0..5) {
        0 => bytes[at] ^= 1 << rng.u8(0..8),
        1 => drop(bytes.remove(at)),
        2 => bytes.insert(at, rng.u8(..)),
        3 => bytes.truncate(at),
        _ => {
            let other = rng.usize(..bytes.len());
            bytes.swap(at, other);
        }
    }
}

/// Changes a letter or digit. Small and capital ones may mean the same, as in hexadecimal digits.
fn change_text(text: &mut String, rng: &mut Rng) -> Option<()> {
    let mut chars: Vec<char> = text.chars().collect();
    let at = rng.usize(..chars.len());
    let other = rng.alphanumeric();
    match rng.u8(0..4) {
        0 if !other.eq_ignore_ascii_case(&chars[at]) => chars[at] = other,
        1 if chars[at].is_ascii_alphanumeric() => drop(chars.remove(at)),
        2 => chars.insert(at, other),
        3 if at > 0 && !chars[at].eq_ignore_ascii_case(&chars[at - 1]) => chars.swap(at, at - 1),
        _ => return None,
    }
    *text = chars.into_iter().collect();
    Some(())
}
