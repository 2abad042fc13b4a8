//! Reads what people type as a number, a day, a duration, a yes or no, or a person.

use std::time::Duration;

use jiff::civil::Date;

use crate::config::{is_person, parse_duration};
use crate::text::{folded, plain, trim};
use crate::webex::PersonId;

/// A type that an argument can be read as: see [`Args::get`](super::Args::get).
pub trait FromArgument: Sized {
    /// The name of the type for people, in the sentence that refuses another text.
    const KIND: &'static str;

    /// Reads a text. None if the text is no value of this type.
    fn read(text: &str) -> Option<Self>;

    /// The value of an argument that was left out. None if the argument must be given.
    fn left_out() -> Option<Self> {
        None
    }
}

/// A person, as an argument names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Somebody {
    /// Named by an email address, in lower case.
    Email(String),
    /// Named by Webex's id of the person.
    Id(PersonId),
}

impl FromArgument for String {
    const KIND: &'static str = "text";

    fn read(text: &str) -> Option<String> {
        Some(text.to_owned())
    }
}

impl FromArgument for f64 {
    const KIND: &'static str = "number";

    /// Takes a decimal point only: a comma means tenths to some people and thousands to others.
    fn read(text: &str) -> Option<f64> {
        as_seen(text, |text| text.parse().ok().filter(|number: &f64| number.is_finite()))
    }
}

impl FromArgument for Duration {
    const KIND: &'static str = "duration";

    /// `90s`, `15m`, `2h` or `7d`; a day is 24 hours.
    fn read(text: &str) -> Option<Duration> {
        as_seen(text, |text| parse_duration(&folded(text)))
    }
}

impl FromArgument for Date {
    const KIND: &'static str = "date";

    /// `2026-11-30`.
    fn read(text: &str) -> Option<Date> {
        as_seen(text, |text| text.parse().ok())
    }
}

impl FromArgument for bool {
    const KIND: &'static str = "yes or no";

    fn read(text: &str) -> Option<bool> {
        as_seen(text, |text| match folded(text).as_str() {
            "true" | "yes" | "y" => Some(true),
            "false" | "no" | "n" => Some(false),
            _ => None,
        })
    }

    fn left_out() -> Option<bool> {
        Some(false)
    }
}

impl FromArgument for Somebody {
    const KIND: &'static str = "email address or person id";

    fn read(text: &str) -> Option<Somebody> {
        as_seen(trim(text), |text| match text.contains('@') {
            _ if text.starts_with('*') || !is_person(text) => None,
            true => Some(Somebody::Email(text.to_lowercase())),
            false => Some(Somebody::Id(text.into())),
        })
    }
}

impl<T: FromArgument> FromArgument for Option<T> {
    const KIND: &'static str = T::KIND;

    fn read(text: &str) -> Option<Option<T>> {
        T::read(text).map(Some)
    }

    fn left_out() -> Option<Option<T>> {
        Some(None)
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl FromArgument for $number {
            const KIND: &'static str = "whole number";

            fn read(text: &str) -> Option<$number> {
                as_seen(text, |text| text.parse().ok())
            }
        }
    )*};
}

whole_numbers!(u8, u16, u32, u64, usize, i32, i64);

/// Reads a text as it is. If that fails, reads it without the marks around it and the invisible characters in it.
pub(super) fn as_seen<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    read(text).or_else(|| read(&plain(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_people_type_it_or_not_at_all() {
        assert_eq!(u32::read(" 7. "), Some(7));
        assert_eq!((u32::read("-7"), u8::read("300"), i64::read("1e3")), (None, None, None));
        assert_eq!((f64::read("0.5"), f64::read("1,5"), f64::read("NaN")), (Some(0.5), None, None));
        assert_eq!(Duration::read("2H"), Some(Duration::from_secs(7200)));
        assert_eq!((Duration::read("2"), Duration::read("-2h")), (None, None));
        assert_eq!(Date::read("2026-02-28"), Some(jiff::civil::date(2026, 2, 28)));
        assert_eq!((Date::read("2026-02-30"), bool::read("Yes"), bool::read("maybe")), (None, Some(true), None));
        assert_eq!(Somebody::read("Bob@Example.com"), Some(Somebody::Email("bob@example.com".to_owned())));
        assert_eq!(Somebody::read(" \u{200b}bob@example.com "), Some(Somebody::Email("bob@example.com".to_owned())));
        assert_eq!((Somebody::read("*@example.com"), Somebody::read("Bob")), (None, None));
        assert_eq!((Option::<u32>::left_out(), bool::left_out(), u32::left_out()), (Some(None), Some(false), None));
    }
}
