//! `switchboard pairing`: lists who asked to be let in, and decides about them. It writes into the ledger, whether the
//! daemon runs or not. The daemon tells the person, and uses the decision from their next message on.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use super::ledger::{OPERATOR, by_operator, with_store};
use super::output::{Format, complain, print, print_json};
use crate::clock;
use crate::config::{Config, DmPolicy};
use crate::pairing::{self, PairingDecision, Scope};
use crate::store::{Pairing, PairingState};
use crate::text::{iso_time, table};

#[derive(Debug, Subcommand)]
pub(super) enum PairingVerb {
    /// List who asked, newest first; by default those who wait, were let in, or were denied
    List {
        /// Which requests
        #[arg(long, value_enum, default_value = "current")]
        state: WhichPairings,
        #[command(flatten)]
        format: Format,
    },
    /// Let somebody in; they are told, and may speak to the bot at once
    Approve {
        /// Their code, email or person id
        who: String,
        #[command(flatten)]
        format: Format,
    },
    /// Refuse somebody, or no longer let them in; they are told once, then ignored for a time (pairing.quiet)
    Deny {
        /// Their code, email or person id
        who: String,
        #[command(flatten)]
        format: Format,
    },
    /// Forget what was decided about somebody; they are a stranger again, and may ask
    Revoke {
        /// Their code, email or person id
        who: String,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum WhichPairings {
    Current,
    Pending,
    Approved,
    Denied,
    Expired,
    Revoked,
    All,
}

impl WhichPairings {
    fn includes(self, state: &str) -> bool {
        match self {
            WhichPairings::Current => matches!(state, "pending" | "approved" | "denied"),
            WhichPairings::Pending => state == "pending",
            WhichPairings::Approved => state == "approved",
            WhichPairings::Denied => state == "denied",
            WhichPairings::Expired => state == "expired",
            WhichPairings::Revoked => state == "revoked",
            WhichPairings::All => true,
        }
    }
}

/// A request as programs read it.
#[derive(Serialize)]
struct PairingOutput<'a> {
    code: &'a str,
    email: &'a str,
    person_id: &'a str,
    requested_at: String,
    expires_at: String,
    state: &'static str,
    decided_at: Option<String>,
    decided_by: Option<&'a str>,
    asked: &'a str,
}

impl<'a> PairingOutput<'a> {
    fn new(pairing: &'a Pairing, now: i64) -> Self {
        let request = &pairing.request;
        PairingOutput {
            code: &request.code,
            email: &request.email,
            person_id: &request.person_id,
            requested_at: iso_time(request.requested_at),
            expires_at: iso_time(request.expires_at),
            state: pairing::state_word(pairing, now),
            decided_at: pairing.decided_at.map(iso_time),
            decided_by: pairing.decided_by.as_deref(),
            asked: &request.asked,
        }
    }
}

pub(super) async fn run(config: &Config, verb: PairingVerb) -> anyhow::Result<ExitCode> {
    match verb {
        PairingVerb::List { state, format } => list(config, state, format).await?,
        PairingVerb::Approve { who, format } => decide(config, &who, PairingDecision::Approve, format).await?,
        PairingVerb::Deny { who, format } => decide(config, &who, PairingDecision::Deny, format).await?,
        PairingVerb::Revoke { who, format } => decide(config, &who, PairingDecision::Revoke, format).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(config: &Config, which: WhichPairings, format: Format) -> anyhow::Result<()> {
    let pairings = with_store(config, async |store| Ok(store.pairings().await?)).await?;
    let now = clock::wall_ms();
    let shown =
        pairings.iter().map(|pairing| PairingOutput::new(pairing, now)).filter(|shown| which.includes(shown.state));
    let shown: Vec<_> = shown.collect();
    if format.json {
        return print_json(&shown);
    }
    if shown.is_empty() {
        return Ok(print("none")?);
    }
    let cells = shown.iter().map(|shown| {
        let wrote = crate::text::quoted(shown.asked);
        [shown.code, shown.state, &shown.requested_at, shown.email, &wrote].map(str::to_owned)
    });
    Ok(print(&table(["CODE", "STATE", "REQUESTED", "WHO", "WROTE"], &[], cells))?)
}

async fn decide(config: &Config, who: &str, verdict: PairingDecision, format: Format) -> anyhow::Result<()> {
    let audit = by_operator(String::new(), String::new()).await;
    let deciding =
        async |store| Ok(pairing::decide(&store, who, verdict, Scope::Anything, OPERATOR, audit.clone()).await?);
    let decided = with_store(config, deciding).await?;
    let request = &decided.pairing.request;
    if format.json {
        return print_json(&serde_json::json!({
            "code": request.code, "email": request.email, "person_id": request.person_id,
            "state": decided.state, "changed": decided.changed,
        }));
    }
    let how = match decided.state {
        PairingState::Approved => "let in",
        PairingState::Denied | PairingState::Pending => "not let in",
        PairingState::Revoked => "a stranger again",
    };
    let told = match (decided.changed, decided.state) {
        (false, _) => " already",
        (true, PairingState::Approved | PairingState::Denied) => "; the daemon tells them",
        (true, PairingState::Pending | PairingState::Revoked) => "",
    };
    print(&format!("{} is {how}{told}", request.email))?;
    if decided.state == PairingState::Approved && config.access.dm_policy != DmPolicy::Pairing {
        complain(&config.program, "this counts only while access.dm_policy is \"pairing\"");
    }
    Ok(())
}
