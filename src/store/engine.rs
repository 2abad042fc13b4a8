//! The engine that keeps the rows. It is named here, and nowhere else above the wall.
//!
//! What is above speaks to an engine by its methods, in words of the store, and `?` makes a [`super::StoreError`] of
//! whatever went wrong below. So a second engine needs no trait that every signature would carry: these two names become
//! enums of both, and the compiler lists what the second one owes.

pub(super) use super::sqlite::{Reader, Sqlite as Engine};
