//! The names of the ways to sign, as settings and texts write them.

/// A way that has a name.
pub trait Named: Copy + 'static {
    /// Every one.
    const ALL: &'static [Self];

    /// Its name.
    fn name(self) -> &'static str;

    /// The one of this name.
    ///
    /// # Errors
    /// There is none; the error lists those that there are.
    fn of_name(name: &str) -> Result<Self, String> {
        Self::ALL.iter().find(|one| one.name() == name).copied().ok_or_else(|| {
            let all: Vec<_> = Self::ALL.iter().map(|one| format!("\"{}\"", one.name())).collect();
            format!("\"{}\" is none of {}", name.escape_default(), all.join(", "))
        })
    }
}
