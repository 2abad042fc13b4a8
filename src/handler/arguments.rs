//! Arguments as a struct that the author of a command declares.

use std::time::Duration;

use jiff::civil::Date;

use super::{Args, FromArgument, Param, Result, Somebody};

/// A struct that [`arguments!`](crate::arguments) declared.
pub trait Arguments: Sized + Send + 'static {
    /// A parameter for each of its fields.
    fn params() -> Vec<Param>;

    /// Reads the struct from the arguments of a command.
    ///
    /// # Errors
    /// [`CommandError::Usage`](crate::CommandError::Usage) if an argument cannot be read as the type of its field.
    fn read(args: &Args) -> Result<Self>;
}

/// A type that a field of [`arguments!`](crate::arguments) can have.
pub trait Field: FromArgument {
    /// A parameter of this kind.
    fn param(name: &str) -> Param;
}

/// All text that is left, exactly as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest(pub String);

impl FromArgument for Rest {
    const KIND: &'static str = "text";

    fn read(text: &str) -> Option<Rest> {
        Some(Rest(text.to_owned()))
    }
}

impl<T: Field> Field for Option<T> {
    fn param(name: &str) -> Param {
        T::param(name).optional()
    }
}

macro_rules! fields {
    ($($($field:ty),* => $param:expr;)*) => {$($(
        impl Field for $field {
            fn param(name: &str) -> Param {
                ($param)(name)
            }
        }
    )*)*};
}

fields! {
    String => Param::text;
    Rest => |name| Param::text(name).rest();
    u8, u16, u32, u64, usize, i32, i64 => Param::integer;
    f64 => Param::number;
    Duration => Param::duration;
    Date => Param::date;
    Somebody => Param::person;
    bool => Param::flag;
}

/// Declares a struct of arguments for [`Command::taking`](crate::Command::taking). Each field is a parameter of its
/// type. The comment above a field is what `help` says about it, and `=` gives the field a default. Fields are
/// `String`, whole numbers, `f64`, [`Duration`], `jiff::civil::Date`, [`Somebody`], `bool` for a flag, [`Rest`] for all
/// text that is left, and an `Option` of these.
///
/// ```
/// use switchboard::{Command, Reply, Rest, arguments};
///
/// arguments! {
///     struct Note {
///         /// How long it took
///         minutes: u32,
///         project: String = "general",
///         rate: f64 = 1.5,
///         billed: bool,
///         text: Option<Rest>,
///     }
/// }
///
/// let note = Command::taking("note", "Notes time", async |_, note: Note| {
///     Ok(Reply::text(format!("{} minutes for {}", note.minutes, note.project)))
/// });
/// assert_eq!(note.usage(), "note <minutes> [project] [rate] [billed] [text...]");
/// ```
#[macro_export]
macro_rules! arguments {
    ($(#[$of:meta])* $vis:vis struct $name:ident {
        $($(#[doc = $about:literal])* $field:ident: $type:ty $(= $default:literal)?),* $(,)?
    }) => {
        $(#[$of])*
        $vis struct $name {
            $($(#[doc = $about])* $field: $type,)*
        }

        impl $crate::Arguments for $name {
            fn params() -> Vec<$crate::Param> {
                vec![$(
                    <$type as $crate::Field>::param(stringify!($field))
                        .about(concat!($($about),*))
                        $(.default(&($default).to_string()))?
                ),*]
            }

            fn read(args: &$crate::Args) -> $crate::Result<Self> {
                Ok($name { $($field: args.get(stringify!($field))?),* })
            }
        }
    };
}
