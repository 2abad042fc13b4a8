//! What the house promises about itself: its rooms, their directions, and that its documents match the code.

mod documents;
mod files;
mod imports;
mod rooms;
mod source;
