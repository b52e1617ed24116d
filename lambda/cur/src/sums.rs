//! The sums of a report's lines, whatever they are written in.

use std::collections::{BTreeMap, HashMap};

use runawaytrain_core::vocabulary::ids::AccountId;

use crate::amount::Amount;
use crate::columns::Column;
use crate::hour::{Hour, parse_date};
use crate::line::{Charge, Class, Price, classify};
use crate::manifest::{Period, ReportFile};
use crate::rows::Line;
use crate::totals::{AccountTotals, BadRow, Hourly, OtherCurrency, RowProblem, Totals};

/// The currency of limits, and of every payer's report unless AWS was asked for another.
const CURRENCY: &[u8] = b"USD";
/// How much of a bad field is kept.
const SHOWN: usize = 40;
/// So many seconds after its hour a line may end and still be of that hour.
const SLACK: i64 = 59;
/// Hours.
const A_DAY: i64 = 24;

/// The sums while they are being made.
pub(crate) struct Sums {
    totals: Totals,
    key: String,
    period: Period,
    /// The first hour that is kept, and how many.
    first: Hour,
    hours: usize,
    accounts: Vec<Account>,
    /// Where in `accounts` an account is, by its number.
    places: HashMap<u64, usize>,
    /// The account of the row before: reports often keep an account's lines together.
    latest: Option<(u64, usize)>,
}

struct Account {
    id: AccountId,
    /// Empty until there is usage within the hours that are kept.
    usage: Vec<Amount>,
    other_hours: Amount,
    purchases: BTreeMap<Hour, Amount>,
    apart: [Amount; Charge::ALL.len()],
}

impl Sums {
    pub(crate) fn new(file: &ReportFile, first: Hour) -> Self {
        let hours = usize::try_from(file.period.end().since(first)).unwrap_or(0);
        Self {
            totals: Totals::of(file),
            key: file.key.clone(),
            period: file.period,
            first,
            hours,
            accounts: Vec::new(),
            places: HashMap::new(),
            latest: None,
        }
    }

    /// Counts a line, which has so many fields, if it is to be counted at all.
    pub(crate) fn count(&mut self, row: &impl Line, expected: usize) {
        self.totals.rows += 1;
        if let Err(problem) = self.try_count(row, expected) {
            self.totals.gaps.bad_row(BadRow { file: self.key.clone(), row: row.number(), problem });
        }
    }

    /// Counts a row whole or not at all.
    fn try_count(&mut self, row: &impl Line, expected: usize) -> Result<(), RowProblem> {
        if row.fields() != expected {
            return Err(RowProblem::Fields { found: row.fields(), expected });
        }
        let line_item_type = row.field(Column::LineItemType).unwrap_or_default();
        let currency = row.field(Column::Currency).unwrap_or_default();
        if currency.len() != 3 || !currency.iter().all(u8::is_ascii_uppercase) {
            return Err(bad(Column::Currency, currency, "currency code"));
        }
        let class = classify(line_item_type);
        let account = row.field(Column::Account).unwrap_or_default();
        let number = account_number(account).ok_or_else(|| bad(Column::Account, account, "AWS account id"))?;
        match class {
            Class::Usage(price) => {
                let (cost, is_unpriced) = cost_of_usage(row, price)?;
                let (first, end) = (date(row, Column::Start)?, date(row, Column::End)?);
                self.totals.gaps.unpriced_rows += u64::from(is_unpriced);
                if currency != CURRENCY {
                    let other = self.other(currency);
                    (other.usage_rows, other.usage) = (other.usage_rows + 1, other.usage + cost);
                    return Ok(());
                }
                let first = Hour::of_second(first);
                // Some lines end a second after their hour.
                let hours = Hour::at_or_after(end.saturating_sub(SLACK)).since(first).max(1);
                let gaps = &mut self.totals.gaps;
                gaps.usage_rows += 1;
                // A plan with a flat rate is of a month, rightly.
                gaps.long_rows += u64::from(hours > A_DAY && line_item_type == b"Usage");
                let is_outside = !self.covers(first) && !cost.is_zero();
                self.totals.gaps.outside_rows += u64::from(is_outside);
                self.spend(number, account, first, hours, cost)
            }
            Class::Apart(charge) => self.set_apart(row, number, account, currency, charge),
            Class::Unknown => {
                self.set_apart(row, number, account, currency, Charge::Unknown)?;
                self.totals.gaps.unknown_type(line_item_type);
                Ok(())
            }
        }
    }

    /// Whether an hour is of the billing period.
    fn covers(&self, hour: Hour) -> bool {
        self.period.first() <= hour && hour < self.period.end()
    }

    /// Spreads the cost of usage evenly over its hours: the line of a day is 24 equal hours. To count it in its first
    /// hour would move what was spent in the evening out of a window of 24 hours that begins at noon.
    fn spend(&mut self, number: u64, id: &[u8], first: Hour, hours: i64, cost: Amount) -> Result<(), RowProblem> {
        let (kept_first, kept) = (self.first, self.hours);
        if !cost.is_zero() && self.covers(first) {
            self.totals.reach.take_in(first, hours);
        }
        let account = self.account(number, id)?;
        if account.usage.is_empty() {
            account.usage.resize(kept, Amount::ZERO);
        }
        if hours == 1 {
            let sum = usize::try_from(first.since(kept_first)).ok().and_then(|index| account.usage.get_mut(index));
            *sum.unwrap_or(&mut account.other_hours) += cost;
            return Ok(());
        }
        let parts = hours.unsigned_abs();
        let mut rest = cost;
        let skipped = kept_first.since(first).max(0);
        let start = usize::try_from(first.since(kept_first).max(0)).unwrap_or(usize::MAX);
        for (index, sum) in (skipped..hours).zip(account.usage.iter_mut().skip(start)) {
            let part = cost.part(index.unsigned_abs(), parts);
            *sum += part;
            rest += -part;
        }
        account.other_hours += rest;
        Ok(())
    }

    fn set_apart(
        &mut self,
        row: &impl Line,
        number: u64,
        id: &[u8],
        currency: &[u8],
        charge: Charge,
    ) -> Result<(), RowProblem> {
        let cost = amount(row, Column::Unblended)?;
        // Without a date it is in no hour, and in the sum all the same.
        let hour = (charge == Charge::Purchase).then(|| date(row, Column::Start).ok()).flatten().map(Hour::of_second);
        if currency != CURRENCY {
            self.other(currency);
            return Ok(());
        }
        let is_outside = |hour: &Hour| !self.covers(*hour) && !cost.is_zero();
        self.totals.gaps.outside_rows += u64::from(hour.as_ref().is_some_and(is_outside));
        let hour = hour.filter(|hour| *hour >= self.first && self.covers(*hour));
        let account = self.account(number, id)?;
        if let Some(sum) = account.apart.get_mut(charge.index()) {
            *sum += cost;
        }
        if let Some(hour) = hour {
            *account.purchases.entry(hour).or_default() += cost;
        }
        Ok(())
    }

    /// Counts a line in a currency that is not counted.
    fn other(&mut self, currency: &[u8]) -> &mut OtherCurrency {
        let other =
            self.totals.gaps.other_currencies.entry(String::from_utf8_lossy(currency).into_owned()).or_default();
        other.rows += 1;
        other
    }

    fn account(&mut self, number: u64, id: &[u8]) -> Result<&mut Account, RowProblem> {
        let place = match self.latest {
            Some((latest, place)) if latest == number => place,
            _ => match self.places.get(&number) {
                Some(place) => *place,
                None => {
                    let id = std::str::from_utf8(id)
                        .ok()
                        .and_then(|text| AccountId::parse(text).ok())
                        .ok_or_else(|| bad(Column::Account, id, "AWS account id"))?;
                    self.accounts.push(Account {
                        id,
                        usage: Vec::new(),
                        other_hours: Amount::ZERO,
                        purchases: BTreeMap::new(),
                        apart: Default::default(),
                    });
                    let place = self.accounts.len() - 1;
                    self.places.insert(number, place);
                    place
                }
            },
        };
        self.latest = Some((number, place));
        self.accounts.get_mut(place).ok_or_else(|| bad(Column::Account, id, "AWS account id"))
    }

    pub(crate) fn totals(self) -> Totals {
        let mut totals = self.totals;
        for account in self.accounts {
            let apart = Charge::ALL.into_iter().zip(account.apart).filter(|(_, amount)| !amount.is_zero()).collect();
            let usage =
                if account.usage.is_empty() { Hourly::default() } else { Hourly::new(self.first, account.usage) };
            let Account { id, other_hours, purchases, .. } = account;
            totals.accounts.insert(id, AccountTotals { usage, other_hours, purchases, apart });
        }
        totals
    }
}

/// What a line of usage costs the payer, before discounts, and whether the report does not say it: what it says then is
/// less than that.
///
/// Usage under a reservation has an unblended cost of 0 or the hourly fee only, usage under a Savings Plan has the
/// on-demand price, taken back by a negation line: neither is what the usage is worth. Where a report has the effective
/// cost, that counts.
/// <https://docs.aws.amazon.com/cur/latest/userguide/reservation-columns.html>,
/// <https://docs.aws.amazon.com/cur/latest/userguide/savingsplans-columns.html>
fn cost_of_usage(row: &impl Line, price: Price) -> Result<(Amount, bool), RowProblem> {
    let unblended = || amount(row, Column::Unblended);
    let effective = match price {
        Price::Unblended => return Ok((unblended()?, false)),
        Price::Reservation => Column::Reservation,
        Price::SavingsPlan => Column::SavingsPlan,
    };
    match (row.field(effective), price) {
        (Some(field), _) if !field.is_empty() => Ok((amount(row, effective)?, false)),
        (Some(_), _) => unblended().map(|cost| (cost, cost.is_zero())),
        // The price without the plan would be too high, and might halt somebody.
        (None, Price::SavingsPlan) => unblended().map(|_| (Amount::ZERO, true)),
        // The hourly fee at the most.
        (None, _) => unblended().map(|cost| (cost, true)),
    }
}

fn amount(row: &impl Line, column: Column) -> Result<Amount, RowProblem> {
    let field = row.field(column).unwrap_or_default();
    Amount::parse(field).ok_or_else(|| bad(column, field, "amount"))
}

fn date(row: &impl Line, column: Column) -> Result<i64, RowProblem> {
    let field = row.field(column).unwrap_or_default();
    parse_date(field).ok_or_else(|| bad(column, field, "date in UTC"))
}

fn account_number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit) && text.len() == 12;
    digits.then(|| text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

fn bad(column: Column, field: &[u8], wanted: &'static str) -> RowProblem {
    let shown = String::from_utf8_lossy(field.get(..SHOWN).unwrap_or(field)).into_owned();
    RowProblem::Field { column: column.name(), found: shown, wanted }
}
