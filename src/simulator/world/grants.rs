//! Integrations and service apps: which program may act for which person, and how it renews its token.

use axum::http::StatusCode;
use serde::Serialize;

use super::refusal::Refusal;
use super::state::World;
use super::things::{Account, Grant};

/// The lifetimes of an access token and of a refresh token, in seconds, as with Webex.
const ACCESS: u32 = 1_209_600;
const REFRESH: u32 = 7_776_000;

/// The answer of `POST /access_token`.
#[derive(Debug, Serialize)]
pub(crate) struct RefreshedTokens {
    access_token: String,
    expires_in: u32,
    refresh_token: String,
    refresh_token_expires_in: u32,
    token_type: &'static str,
}

impl World {
    pub(crate) fn authorise(&mut self, person: &Account) -> Grant {
        let client_id = format!("C{}", self.mint.secret());
        let grant = Grant {
            client_id: client_id.clone(),
            client_secret: self.mint.secret(),
            refresh_token: self.mint.secret(),
            person_id: person.id.clone(),
        };
        self.grants.insert(client_id, grant.clone());
        grant
    }

    /// Gives a new access token for a refresh token. The refresh token stays valid.
    pub(crate) fn refresh(
        &mut self,
        client_id: &str,
        secret: &str,
        refresh_token: &str,
    ) -> Result<RefreshedTokens, Refusal> {
        let unknown = || Refusal::new(StatusCode::UNAUTHORIZED, "The client credentials are invalid.");
        let grant = self.grants.get(client_id).filter(|grant| grant.client_secret == secret).ok_or_else(unknown)?;
        if grant.refresh_token != refresh_token {
            return Err(Refusal::bad_request("The refresh token provided is expired, revoked, malformed, or invalid."));
        }
        let person_id = grant.person_id.clone();
        let access_token = self.mint.secret();
        self.add_token(access_token.clone(), &person_id);
        Ok(RefreshedTokens {
            access_token,
            expires_in: ACCESS,
            refresh_token: refresh_token.to_owned(),
            refresh_token_expires_in: REFRESH,
            token_type: "Bearer",
        })
    }
}
