//! The engine that keeps the rows. Above the wall between the store and its engine, only this file names it.
//!
//! The rooms above call the methods of an engine, which speak in the words of the store, and `?` turns any error from
//! below into a [`super::StoreError`]. So a second engine needs no trait that would stand in every signature. These two
//! names become enums of both engines, and the compiler then lists what the second one lacks.

pub(super) use super::sqlite::{Reader, Sqlite as Engine};
