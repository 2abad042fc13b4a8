//! Finds at the start which spaces the titles of the settings mean, so that a wrong one is known before an event needs
//! it. Whatever becomes of that, the daemon runs: an event that cannot be told is kept.

use std::time::Duration;

use super::shared::Shared;
use crate::places::{Place, PlaceError};

/// The longest pause before Webex is asked again, unless it asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Looks once for every space that is named by its title, and logs what is wrong.
pub(super) async fn find_spaces(shared: Shared) {
    shared.identity.known().await;
    for place in shared.hooks.places() {
        find(&shared, place).await;
    }
    std::future::pending().await
}

async fn find(shared: &Shared, place: &Place) {
    let mut pause = Duration::from_secs(1);
    loop {
        let asked = match shared.places.resolve(place).await {
            Ok(_) => return,
            Err(PlaceError::Unplaced(why)) => {
                tracing::error!("a hook has a destination that cannot be reached: {why}");
                return;
            }
            Err(PlaceError::Webex(error)) => error.asked_pause(),
            Err(PlaceError::Store(_)) => None,
        };
        tokio::time::sleep(asked.unwrap_or(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
