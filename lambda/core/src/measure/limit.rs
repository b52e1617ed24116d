//! The table of limits. A limit is added here, in the policy's type (`policy/document.rs`) and in the docs; judging,
//! grace, reports and the generated contract read this table.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::measure::summary::Summary;
use crate::vocabulary::money::Usd;
use crate::vocabulary::text::count;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Limit {
    /// Pending and running instances.
    Instances,
    /// Their vCPUs.
    Vcpus,
    /// What they cost in an hour.
    Burn,
    /// What was spent in 24 hours.
    Spend24h,
    /// What was charged in the calendar month.
    SpendMonth,
    /// What was bought lately: upfront fees of commitments, subscriptions.
    Purchases,
}

/// The unit of a limit's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// A whole number of things.
    Count,
    /// US dollars, held in whole millionths.
    Usd,
}

/// The window that a spend is summed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpendWindow {
    /// The 24 hours before the end of the data.
    Day,
    /// The calendar month, by UTC.
    Month,
}

/// Where a limit's number comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// What runs now. After a release it is judged by what was added since, for the time of the grace.
    Running(fn(&Summary) -> Measurement),
    /// What was spent. After a release it is judged by what was spent since.
    Spend(SpendWindow),
    /// What was bought. Past the limit the account is frozen and never halted: a lawful purchase of a year's commitment
    /// would stop its work, and a halt gives no money back.
    Purchases,
}

/// A number of what runs now, in the limit's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurement {
    /// The number; money in millionths of a US dollar.
    pub value: u64,
    /// The part of it that is estimated, where it is money.
    pub estimated: u64,
    /// How much it is at the least, whatever the estimated part comes to.
    pub certain: u64,
    /// Whether something that counts is not in it yet.
    pub incomplete: bool,
}

impl Measurement {
    /// What is counted is certain, as far as it is seen.
    fn counted(number: u64, seen: &Summary) -> Self {
        Self { value: number, estimated: 0, certain: number, incomplete: seen.lower_bound }
    }
}

/// One limit, described.
#[derive(Debug)]
pub struct LimitRow {
    /// Which.
    pub limit: Limit,
    /// Its key in the policy.
    pub key: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// What follows the number in a sentence.
    pub noun: &'static str,
    /// What is read.
    pub source: Source,
}

/// Every limit, in the order in which people read them.
pub const LIMITS: [LimitRow; 6] = [
    LimitRow {
        limit: Limit::Instances,
        key: "instances",
        unit: Unit::Count,
        noun: "instances",
        source: Source::Running(|seen| Measurement::counted(seen.instances, seen)),
    },
    LimitRow {
        limit: Limit::Vcpus,
        key: "vcpus",
        unit: Unit::Count,
        noun: "vCPUs",
        source: Source::Running(|seen| Measurement::counted(seen.vcpus, seen)),
    },
    LimitRow {
        limit: Limit::Burn,
        key: "burn",
        unit: Unit::Usd,
        noun: "USD/hour",
        source: Source::Running(|seen| Measurement {
            value: seen.burn.total().as_micros(),
            estimated: seen.burn.estimated.as_micros(),
            certain: seen.burn.certain().as_micros(),
            incomplete: seen.lower_bound || seen.unpriced > 0,
        }),
    },
    LimitRow {
        limit: Limit::Spend24h,
        key: "spend24h",
        unit: Unit::Usd,
        noun: "USD in 24 h",
        source: Source::Spend(SpendWindow::Day),
    },
    LimitRow {
        limit: Limit::SpendMonth,
        key: "spendMonth",
        unit: Unit::Usd,
        noun: "USD this month",
        source: Source::Spend(SpendWindow::Month),
    },
    LimitRow {
        limit: Limit::Purchases,
        key: "purchases",
        unit: Unit::Usd,
        noun: "USD of purchases",
        source: Source::Purchases,
    },
];

impl Limit {
    /// Its row. The table has one for each limit, which a test holds.
    pub fn row(self) -> &'static LimitRow {
        const FIRST: &LimitRow = &LIMITS[0];
        LIMITS.iter().find(|row| row.limit == self).unwrap_or(FIRST)
    }

    /// What runs now, measured by this limit; nothing for a limit on what was spent.
    pub fn measure(self, seen: &Summary) -> Option<Measurement> {
        match self.row().source {
            Source::Running(read) => Some(read(seen)),
            Source::Spend(_) | Source::Purchases => None,
        }
    }

    /// Whether it is about what runs now, so that it halts an account in time.
    pub fn is_of_running(self) -> bool {
        matches!(self.row().source, Source::Running(_))
    }

    /// Whether an account that is past it is frozen, and never halted.
    pub fn freezes(self) -> bool {
        matches!(self.row().source, Source::Purchases)
    }

    /// A number of it, as people write it: `27 instances`, `USD 12.30/hour`.
    pub fn amount(self, number: u64) -> String {
        let noun = self.row().noun;
        match noun.strip_prefix("USD") {
            Some(of_what) => format!("USD {}{of_what}", self.show(number)),
            None => count(number, noun.trim_end_matches('s')),
        }
    }

    /// A number of its unit, as people read it.
    pub fn show(self, number: u64) -> String {
        match self.row().unit {
            Unit::Count => number.to_string(),
            Unit::Usd => Usd::micros(number).to_string(),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.row().noun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_said_with_what_it_counts() {
        let said = [(Limit::Instances, 1), (Limit::Vcpus, 96), (Limit::Burn, 12_300_000), (Limit::Spend24h, 4_000_000)];
        let said = said.map(|(limit, number)| limit.amount(number));
        assert_eq!(said, ["1 instance", "96 vCPUs", "USD 12.30/hour", "USD 4.00 in 24 h"]);
    }

    #[test]
    fn every_limit_has_its_row_under_the_key_that_it_is_stored_by() {
        for row in &LIMITS {
            assert_eq!(row.limit.row().key, row.key);
            assert_eq!(serde_json::to_value(row.limit).unwrap(), row.key);
        }
        let last = serde_json::from_str::<Limit>("\"purchases\"").unwrap();
        assert_eq!(LIMITS.len(), last as usize + 1, "each limit is in the table once");
    }
}
