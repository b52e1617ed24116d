//! The limits of an exception and its end, as a person writes them.

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use runawaytrain_core::measure::limit::{LIMITS, LimitRow, Unit};
use serde_json::{Map, Value, json};

/// A number for some limits: an option for each that there is, called like its key in the policy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RaisedLimits(pub Map<String, Value>);

/// `--instances`, `--spend-month`: the key of a limit as options are written.
fn option(row: &LimitRow) -> String {
    let dashed = |letter: char| match letter.is_ascii_uppercase() {
        true => format!("-{}", letter.to_ascii_lowercase()),
        false => letter.to_string(),
    };
    row.key.chars().map(dashed).collect()
}

impl Args for RaisedLimits {
    fn augment_args(command: Command) -> Command {
        LIMITS.iter().fold(command, |command, row| {
            let argument = Arg::new(row.key).long(option(row)).help(format!("Raise the limit on {} to this", row.noun));
            let argument = match row.unit {
                Unit::Count => argument.value_name("NUMBER").value_parser(clap::value_parser!(u32)),
                Unit::Usd => argument.value_name("USD").value_parser(dollars),
            };
            command.arg(argument.conflicts_with_all(["list", "revoke"]))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for RaisedLimits {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let number = |row: &LimitRow| match row.unit {
            Unit::Count => matches.get_one::<u32>(row.key).map(|number| json!(number)),
            Unit::Usd => matches.get_one::<f64>(row.key).map(|amount| json!(amount)),
        };
        Ok(Self(LIMITS.iter().filter_map(|row| Some((row.key.to_owned(), number(row)?))).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn dollars(text: &str) -> Result<f64, String> {
    let amount: f64 = text.parse().map_err(|_| "write US dollars, such as 40 or 12.50".to_owned())?;
    if amount.is_finite() && amount >= 0.0 { Ok(amount) } else { Err("write an amount of 0 or more".to_owned()) }
}

/// A day, which counts to its end, or a moment.
pub fn until(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let wrong = || {
        "write a day such as 2026-12-01, which counts to its end by UTC, or a moment such as \
                    2026-12-01T18:00Z"
            .to_owned()
    };
    // A date's own reading takes a time of day as well, and drops it.
    if text.len() != "2026-12-01".len() {
        return Err(wrong());
    }
    let end = text.parse::<Date>().and_then(Date::tomorrow).and_then(|day| day.to_zoned(TimeZone::UTC));
    end.map(|midnight| midnight.timestamp()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_counts_to_its_end_and_a_moment_is_itself() {
        let read = |text: &str| until(text).map(|at| at.to_string());
        assert_eq!(read("2026-12-01"), Ok("2026-12-02T00:00:00Z".to_owned()));
        assert_eq!(read("2026-12-01T18:00Z"), Ok("2026-12-01T18:00:00Z".to_owned()));
        assert_eq!(read("2026-12-01T18:00:00+01:00"), Ok("2026-12-01T17:00:00Z".to_owned()));
        for wrong in ["tomorrow", "2026-13-01", "2026-12-01T18:00", "01.12.2026", "", "2026-02-30"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_limit_has_its_option() {
        let options: Vec<String> = LIMITS.iter().map(option).collect();
        assert_eq!(options, ["instances", "vcpus", "burn", "spend24h", "spend-month", "purchases"]);
        let command = RaisedLimits::augment_args(Command::new("allow").arg(Arg::new("list")).arg(Arg::new("revoke")));
        let matches = command.try_get_matches_from(["allow", "--instances", "200", "--spend-month", "90.5"]).unwrap();
        let raised = RaisedLimits::from_arg_matches(&matches).unwrap();
        assert_eq!(Value::Object(raised.0), json!({ "instances": 200, "spendMonth": 90.5 }));
    }

    #[test]
    fn an_amount_that_is_none_is_refused() {
        for wrong in ["-1", "much", "NaN", "inf", "1,50"] {
            assert!(dollars(wrong).is_err(), "{wrong}");
        }
    }
}
