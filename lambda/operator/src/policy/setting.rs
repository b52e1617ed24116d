//! A value that holds for an account, and where it comes from.

use runawaytrain_core::vocabulary::ids::{AccountId, UnitId};
use serde_json::{Value, json};

use super::places::Place;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The policy file, at its key or, in a list, at the item.
    Written(Place),
    /// The policy says nothing: it is built in.
    BuiltIn,
    /// An exception, which raises it for a time.
    Exception,
    /// What holds for the payer alone, which no service control policy binds, and whose people administer the rest.
    Payer,
}

impl Origin {
    /// A place of the file, or else what is built in.
    pub fn or_built_in(place: Option<Place>) -> Self {
        place.map_or(Self::BuiltIn, Self::Written)
    }

    /// As the table has it: `runawaytrain.yaml:14`, `default` or `payer`.
    pub fn told(self, file: &str) -> String {
        match self {
            Self::Written(place) => format!("{file}:{}", place.line),
            Self::BuiltIn => "default".to_owned(),
            Self::Exception => "exception".to_owned(),
            Self::Payer => "payer".to_owned(),
        }
    }

    /// The line, where it is written.
    pub fn line(self) -> Option<usize> {
        match self {
            Self::Written(place) => Some(place.line),
            Self::BuiltIn | Self::Exception | Self::Payer => None,
        }
    }
}

/// One value that holds for an account. A list has one for each of its items, or one with `none`.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its key in the policy, without the part of the file that it stands in.
    pub key: String,
    /// For programs: money in US dollars, `null` for none.
    pub value: Value,
    /// For people, with its unit.
    pub shown: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// What a program gets: `units` from the outermost on; `line` is `null` where nothing is written. `exceptionUnknown` is
/// there where nobody could tell whether an exception raises some of it, and says why.
pub fn document(
    account: &AccountId,
    units: &[UnitId],
    settings: &[Setting],
    file: &str,
    exception_unknown: Option<&str>,
) -> Value {
    let entry = |one: &Setting| {
        let (from, line) = (one.origin.told(file), one.origin.line());
        json!({ "key": one.key, "value": one.value, "from": from, "line": line })
    };
    let values: Vec<Value> = settings.iter().map(entry).collect();
    match exception_unknown {
        Some(why) => json!({ "account": account, "units": units, "values": values, "exceptionUnknown": why }),
        None => json!({ "account": account, "units": units, "values": values }),
    }
}

/// A value as people read it.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
