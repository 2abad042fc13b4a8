//! Pauses of which some is left to chance, so that those who wait for the same thing do not all come back together.

use std::time::Duration;

/// Between half and all of a pause.
pub(crate) fn jittered(whole: Duration) -> Duration {
    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
}
