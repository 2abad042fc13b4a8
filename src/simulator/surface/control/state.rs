//! `GET /control/state`: everything that can be set, and all people.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::simulator::delivery::manner::Deliveries;
use crate::simulator::scenario::cloud::Cloud;
use crate::simulator::scenario::faults::ArmedFault;
use crate::simulator::scenario::limit::RateLimit;
use crate::simulator::world::quirks::Quirks;
use crate::simulator::world::things::{Account, AccountType, Scan, Webhook};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HiddenReadsControl {
    pub(super) not_yet_visible: usize,
}

/// A person as the page sees them, without the token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatePerson {
    id: String,
    email: String,
    display_name: String,
    #[serde(rename = "type")]
    kind: AccountType,
}

impl From<&Account> for StatePerson {
    fn from(account: &Account) -> StatePerson {
        StatePerson {
            id: account.id.clone(),
            email: account.email.clone(),
            display_name: account.display_name.clone(),
            kind: account.kind,
        }
    }
}

/// The whole state, which the page reads first.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ControlState {
    api_url: String,
    bot: StatePerson,
    people: Vec<StatePerson>,
    /// Whether the bot runs in this program, so that `explain` works.
    has_daemon: bool,
    clock_offset_ms: i64,
    deliveries: Deliveries,
    reads: HiddenReadsControl,
    files: Scan,
    limit: RateLimit,
    quirks: Quirks,
    faults: Vec<ArmedFault>,
    stalled: usize,
    webhooks: Vec<Value>,
}

pub(super) async fn state(State(cloud): State<Cloud>) -> Json<ControlState> {
    Json(everything(&cloud))
}

pub(super) fn everything(cloud: &Cloud) -> ControlState {
    let inner = &cloud.inner;
    let (people, webhooks, offset, files, quirks) = {
        let world = cloud.world();
        let people = world.people.iter().filter(|account| account.id != inner.bot.id).map(StatePerson::from).collect();
        (people, world.webhooks.iter().map(without_secret).collect(), world.clock.offset, world.scan, world.quirks)
    };
    ControlState {
        api_url: cloud.api_url(),
        bot: StatePerson::from(&inner.bot),
        people,
        has_daemon: inner.explain.get().is_some(),
        clock_offset_ms: i64::try_from(offset.as_millis()).unwrap_or_default(),
        deliveries: cloud.live.courier.manner.borrow().clone(),
        reads: HiddenReadsControl { not_yet_visible: inner.faults.hidden_reads() },
        files,
        limit: inner.limiter.limit(),
        quirks,
        faults: inner.faults.all(),
        stalled: inner.faults.stalled(),
        webhooks,
    }
}

fn without_secret(webhook: &Webhook) -> Value {
    let mut value = serde_json::to_value(webhook).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.remove("secret");
    }
    value
}
