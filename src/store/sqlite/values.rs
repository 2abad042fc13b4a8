//! How values are spelled in statements.

use serde::Serialize;
use uuid::Uuid;

use crate::store::error::StoreError;

/// The rows that one step of pruning may touch or look at, so that it never holds up the acknowledgements for long.
pub(super) const PRUNE_STEP: i64 = 500;

pub(super) fn hex(id: Uuid) -> String {
    id.simple().to_string()
}

pub(super) fn json(rows: &(impl Serialize + ?Sized)) -> Result<String, StoreError> {
    serde_json::to_string(rows).map_err(|error| sqlx::Error::Encode(Box::new(error)).into())
}
