//! A mistake or a doubt in a card: where, and what.

/// Something that is wrong with a card, or may be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct CardError {
    /// The path of the part: `body[2].items[0].type`.
    pub path: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

pub(super) fn finding(path: impl Into<String>, problem: impl Into<String>) -> CardError {
    CardError { path: path.into(), problem: problem.into() }
}

pub(super) fn wrong<T>(path: impl Into<String>, problem: impl Into<String>) -> Result<T, CardError> {
    Err(finding(path, problem))
}
