//! What is known of the systems that post: how each signs, and what its payloads mean. A preset is a file with one
//! [`Preset`], and a line in [`ALL`].

mod alertmanager;
mod generic;
mod github;
mod payload;

pub(super) use payload::{Preset, Signal};

/// Every preset.
const ALL: [&Preset; 3] = [&generic::PRESET, &github::PRESET, &alertmanager::PRESET];

/// The preset with this name.
///
/// # Errors
/// There is none; the error lists those that there are.
pub(super) fn named(name: &str) -> Result<&'static Preset, String> {
    ALL.into_iter().find(|preset| preset.name == name).ok_or_else(|| {
        let names: Vec<_> = ALL.iter().map(|preset| preset.name).collect();
        format!("preset: there is none of this name; there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::ALL;

    #[test]
    fn a_preset_reads_whatever_it_gets() {
        for preset in ALL {
            for body in ["null", "[]", "1", "{}", r#"{"alerts":{},"repository":[],"commits":[null,1]}"#] {
                let headers = BTreeMap::from([("x-github-event".to_owned(), "push".to_owned())]);
                preset.signal(&headers, &serde_json::from_str(body).unwrap());
            }
        }
    }
}
