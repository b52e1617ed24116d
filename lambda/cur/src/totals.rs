//! What was read: sums per account and hour, what is kept apart, and what could not be read.

use std::collections::{BTreeMap, BTreeSet};

use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::clean;
use serde::Serialize;
use thiserror::Error;

use crate::amount::Amount;
use crate::hour::Hour;
use crate::line::Charge;
use crate::manifest::{Period, ReportFile};

/// How many bad rows are kept as examples, and how many unknown types by name.
const EXAMPLES: usize = 8;

/// The sums of one or more files, and which files those were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// The reports that the files belong to, by billing period.
    pub reports: BTreeMap<Period, Counted>,
    /// Every account that has at least one line, whether the organization knows it or not.
    pub accounts: BTreeMap<AccountId, AccountTotals>,
    /// What the sums lack.
    pub gaps: Gaps,
    /// Rows read, headers and blank lines left out, bad ones included.
    pub rows: u64,
    /// How far the lines of usage reach.
    pub reach: Reach,
}

/// The last hour with usage. A line that spans a month says nothing of how far a report reaches, only those of an hour
/// do; in a report without any, those of a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reach {
    /// By lines of an hour.
    pub by_hours: Option<Hour>,
    /// By lines of at most a day.
    pub by_days: Option<Hour>,
}

impl Reach {
    /// The longest line that tells something: a day.
    const LONGEST: i64 = 24;

    /// The last hour with usage, as far as the lines tell.
    pub fn last(self) -> Option<Hour> {
        self.by_hours.or(self.by_days)
    }

    /// Takes in a line of usage.
    pub(crate) fn take_in(&mut self, first: Hour, hours: i64) {
        let last = Some(first.plus(hours - 1));
        if hours == 1 {
            self.by_hours = self.by_hours.max(last);
        }
        if hours <= Self::LONGEST {
            self.by_days = self.by_days.max(last);
        }
    }

    fn merge(&mut self, other: Self) {
        self.by_hours = self.by_hours.max(other.by_hours);
        self.by_days = self.by_days.max(other.by_days);
    }
}

/// What of one billing period's report was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Which edition of the report, see [`Manifest::version`](crate::Manifest::version).
    pub version: Option<String>,
    /// The keys of the files.
    pub files: BTreeSet<String>,
}

/// One account's sums.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountTotals {
    /// Usage by the hour.
    pub usage: Hourly,
    /// Usage of hours that are not kept: before [`Reader::since`](crate::Reader::since), or outside of the billing
    /// period.
    pub other_hours: Amount,
    /// What was bought in each hour that is kept, by when it begins.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub purchases: BTreeMap<Hour, Amount>,
    /// What is not usage, whatever its date.
    pub apart: BTreeMap<Charge, Amount>,
}

impl AccountTotals {
    /// All usage, in every hour.
    pub fn usage(&self) -> Amount {
        self.usage.iter().map(|(_, amount)| amount).sum::<Amount>() + self.other_hours
    }

    fn merge(&mut self, other: Self) {
        self.usage.merge(other.usage);
        self.other_hours += other.other_hours;
        for (hour, amount) in other.purchases {
            *self.purchases.entry(hour).or_default() += amount;
        }
        for (charge, amount) in other.apart {
            *self.apart.entry(charge).or_default() += amount;
        }
    }
}

/// Amounts of consecutive hours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hourly {
    first: Option<Hour>,
    amounts: Vec<Amount>,
}

impl Hourly {
    /// `amounts` of the hours from `first` on.
    pub(crate) fn new(first: Hour, amounts: Vec<Amount>) -> Self {
        Self { first: Some(first), amounts }
    }

    /// The amount of one hour.
    pub fn at(&self, hour: Hour) -> Amount {
        let index = self.first.and_then(|first| usize::try_from(hour.since(first)).ok());
        index.and_then(|index| self.amounts.get(index)).copied().unwrap_or_default()
    }

    /// The sum of the `hours` hours that end with `last`: a trailing window, whatever the calendar.
    pub fn trailing(&self, last: Hour, hours: u32) -> Amount {
        (0..i64::from(hours)).map(|back| self.at(last.plus(-back))).sum()
    }

    /// Hours with their amounts, in order, those at zero left out.
    pub fn iter(&self) -> impl Iterator<Item = (Hour, Amount)> {
        self.first
            .into_iter()
            .flat_map(|first| (0..).map(move |count| first.plus(count)).zip(self.amounts.iter().copied()))
            .filter(|(_, amount)| !amount.is_zero())
    }

    /// The last hour with an amount: how far the report reaches.
    pub fn last(&self) -> Option<Hour> {
        let index = self.amounts.iter().rposition(|amount| !amount.is_zero())?;
        Some(self.first?.plus(i64::try_from(index).ok()?))
    }

    fn merge(&mut self, other: Self) {
        let Some(theirs) = other.first else { return };
        let Some(ours) = self.first else {
            *self = other;
            return;
        };
        if theirs < ours {
            // At most the hours of the billing periods in between.
            let earlier = usize::try_from(ours.since(theirs)).unwrap_or(0);
            self.amounts.splice(0..0, std::iter::repeat_n(Amount::ZERO, earlier));
            self.first = Some(theirs);
        }
        let start = usize::try_from(theirs.since(ours.min(theirs))).unwrap_or(0);
        if self.amounts.len() < start + other.amounts.len() {
            self.amounts.resize(start + other.amounts.len(), Amount::ZERO);
        }
        for (sum, amount) in self.amounts.iter_mut().skip(start).zip(other.amounts) {
            *sum += amount;
        }
    }
}

impl Serialize for Hourly {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// What the sums lack. Unless this is empty, they are a lower bound and every statement about them has to say so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gaps {
    /// Rows that could not be read and count for nothing.
    pub bad_rows: u64,
    /// The first few of them.
    pub examples: Vec<BadRow>,
    /// Rows of reserved or Savings Plan usage for which the report has neither an effective cost nor an unblended one
    /// other than 0, or not even the column of it.
    pub unpriced_rows: u64,
    /// Rows of usage and of purchases that begin outside of the billing period. They are in no hour.
    pub outside_rows: u64,
    /// Rows of usage in US dollars …
    pub usage_rows: u64,
    /// … and those of them that last longer than a day.
    pub long_rows: u64,
    /// Rows in a currency other than US dollars, by currency. They are in no other sum: limits are in US dollars, and
    /// no rate of exchange is known here.
    pub other_currencies: BTreeMap<String, OtherCurrency>,
    /// Rows by line item types that this reader does not know; only the first few types by name. Their cost is under
    /// [`Charge::Unknown`].
    pub unknown_types: BTreeMap<String, u64>,
    /// Rows of unknown types, all of them.
    pub unknown_type_rows: u64,
}

/// Lines in a currency that is not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OtherCurrency {
    /// How many lines.
    pub rows: u64,
    /// How many of them are of usage.
    pub usage_rows: u64,
    /// The sum of these, in that currency.
    pub usage: Amount,
}

impl Gaps {
    /// Whether the sums are all the usage that the files hold. Lines of unknown types are kept apart as fees are:
    /// whether they are of usage nobody knows, and one new type would call every report of the future incomplete.
    pub fn is_empty(&self) -> bool {
        self.bad_rows == 0
            && self.unpriced_rows == 0
            && self.outside_rows == 0
            && !self.are_coarse()
            && self.other_currencies.is_empty()
    }

    /// Whether most usage is in lines that are longer than a day, so that nothing can be said of any day: a monthly
    /// report. Some lines of an hourly one are.
    pub fn are_coarse(&self) -> bool {
        self.long_rows * 2 > self.usage_rows
    }

    /// Whether no more usage is in US dollars than in other currencies, by lines: sums of two currencies do not
    /// compare.
    pub fn are_in_another_currency(&self) -> bool {
        let others: u64 = self.other_currencies.values().map(|other| other.usage_rows).sum();
        others > 0 && others >= self.usage_rows
    }

    pub(crate) fn bad_row(&mut self, row: BadRow) {
        self.bad_rows += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(row);
        }
    }

    pub(crate) fn unknown_type(&mut self, name: &[u8]) {
        self.unknown_type_rows += 1;
        let name = clean(&String::from_utf8_lossy(name.get(..60).unwrap_or(name)));
        self.name_type(name, 1);
    }

    fn name_type(&mut self, name: String, rows: u64) {
        if self.unknown_types.len() < EXAMPLES || self.unknown_types.contains_key(&name) {
            *self.unknown_types.entry(name).or_default() += rows;
        }
    }

    fn merge(&mut self, other: Self) {
        self.bad_rows += other.bad_rows;
        let room = EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.into_iter().take(room));
        self.unpriced_rows += other.unpriced_rows;
        self.outside_rows += other.outside_rows;
        self.usage_rows += other.usage_rows;
        self.long_rows += other.long_rows;
        for (currency, theirs) in other.other_currencies {
            let ours = self.other_currencies.entry(currency).or_default();
            ours.rows += theirs.rows;
            ours.usage_rows += theirs.usage_rows;
            ours.usage += theirs.usage;
        }
        for (name, rows) in other.unknown_types {
            self.name_type(name, rows);
        }
        self.unknown_type_rows += other.unknown_type_rows;
    }
}

/// A row that counts for nothing, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Error)]
#[error("{} row {row}: {problem}", clean(file))]
pub struct BadRow {
    /// The file's key.
    pub file: String,
    /// The row, counted from 1; a CSV's header is its row 1, and Parquet has none.
    pub row: u64,
    /// What is wrong.
    pub problem: RowProblem,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "camelCase")]
pub enum RowProblem {
    /// More or fewer fields than the header has.
    #[error("{found} fields, where the header has {expected}")]
    #[expect(missing_docs, reason = "the message says it")]
    Fields { found: usize, expected: usize },
    /// A field that does not hold what its column should.
    #[error("{column} is {found:?}, which is no {wanted}")]
    Field {
        /// The column's name in legacy reports.
        column: &'static str,
        /// What it holds, shortened.
        found: String,
        /// What it should hold.
        wanted: &'static str,
    },
}

/// Why two sums must not be added: something would count twice.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MergeError {
    /// Both have read the same file.
    #[error("{} was counted already", clean(file))]
    SameFile {
        /// Its key.
        file: String,
    },
    /// Both have read the same billing period, in different editions. Each edition holds the whole period so far.
    #[error(
        "two editions of the report of {period} ({}, {}): each holds the whole period, so only one may count",
        name(ours),
        name(theirs)
    )]
    OtherVersion {
        /// The billing period.
        period: Period,
        /// The edition that is counted already.
        ours: Option<String>,
        /// The other one.
        theirs: Option<String>,
    },
}

fn name(version: &Option<String>) -> String {
    version.as_deref().map_or_else(|| "without a name".to_owned(), clean)
}

impl Totals {
    /// The sums of nothing yet, of one file.
    pub(crate) fn of(file: &ReportFile) -> Self {
        let counted = Counted { version: file.version.clone(), files: BTreeSet::from([file.key.clone()]) };
        Self { reports: BTreeMap::from([(file.period, counted)]), ..Self::default() }
    }

    /// Adds the sums of other files.
    ///
    /// # Errors
    /// When a file would count twice, or one billing period in two editions. Then nothing was added.
    pub fn merge(&mut self, other: Self) -> Result<(), MergeError> {
        for (period, theirs) in &other.reports {
            let Some(ours) = self.reports.get(period) else { continue };
            if let Some(file) = ours.files.intersection(&theirs.files).next() {
                return Err(MergeError::SameFile { file: file.clone() });
            }
            if ours.version != theirs.version {
                return Err(MergeError::OtherVersion {
                    period: *period,
                    ours: ours.version.clone(),
                    theirs: theirs.version.clone(),
                });
            }
        }
        for (period, theirs) in other.reports {
            let ours = self
                .reports
                .entry(period)
                .or_insert_with(|| Counted { version: theirs.version, files: BTreeSet::new() });
            ours.files.extend(theirs.files);
        }
        for (id, theirs) in other.accounts {
            self.accounts.entry(id).or_default().merge(theirs);
        }
        self.gaps.merge(other.gaps);
        self.rows += other.rows;
        self.reach.merge(other.reach);
        Ok(())
    }

    /// Whether every file that a manifest names has been counted, in its edition.
    pub fn is_complete(&self, manifest: &crate::Manifest) -> bool {
        self.reports.get(&manifest.period).is_some_and(|counted| {
            counted.version == manifest.version && manifest.files().all(|file| counted.files.contains(&file.key))
        })
    }
}
