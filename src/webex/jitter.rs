//! Pauses that are partly random, so that tasks which wait for the same thing do not all come back together.

use std::time::Duration;

/// A random time from half to all of a pause.
pub(crate) fn jittered(whole: Duration) -> Duration {
    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
}
