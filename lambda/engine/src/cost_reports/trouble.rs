use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::text::clean;
use runawaytrain_cur::{ManifestError, MergeError, Period, ReportError, Totals};
use thiserror::Error;

/// Why an edition of a billing period was not read. What was known of the period stays.
#[derive(Debug, Error)]
pub(super) enum Trouble {
    #[error("no time was left; the next invocation reads it")]
    OutOfTime,
    #[error(
        "there are two reports, {} and {}, and to add them up would count everything twice: let the policy's \
         cur.prefix name the folder of one",
        clean(one),
        clean(other)
    )]
    SeveralReports { one: String, other: String },
    #[error("{}: {error}", clean(key))]
    Manifest { key: String, error: ManifestError },
    #[error("{} says that it is of {period}, which is not the month of its folder", clean(key))]
    OtherPeriod { key: String, period: Period },
    #[error(
        "{} is missing, though {} names it: AWS is writing the report, or somebody deleted the file",
        clean(file),
        clean(manifest)
    )]
    Missing { file: String, manifest: String },
    #[error("{}: {failure}", clean(key))]
    File { key: String, failure: Box<Failure> },
    #[error("{0}")]
    Report(ReportError),
    #[error("{0}")]
    CountedTwice(MergeError),
    #[error("none of its {rows} rows could be read, such as {example}")]
    AllBad { rows: u64, example: String },
    #[error("most of its usage is in {currencies}; limits are in US dollars, and no rate of exchange is known here")]
    OtherCurrency { currencies: String },
    #[error("it was read, but could not be written to the table: {0}")]
    NotStored(Box<Failure>),
}

impl Trouble {
    pub(super) fn of_file(key: &str, failure: Failure) -> Self {
        // Out of time is not the file's fault.
        if failure.kind == FailureKind::NotBegun {
            Self::OutOfTime
        } else {
            Self::File { key: key.to_owned(), failure: Box::new(failure) }
        }
    }
}

/// Refuses sums that would stand for nothing spent, only because nothing of the report counts.
pub(super) fn credible(totals: &Totals) -> Result<(), Trouble> {
    let gaps = &totals.gaps;
    if gaps.bad_rows > 0 && gaps.bad_rows == totals.rows {
        let example = gaps.examples.first().map(ToString::to_string).unwrap_or_default();
        return Err(Trouble::AllBad { rows: totals.rows, example });
    }
    // One line in dollars, of a marketplace for example, does not make it a report in dollars.
    let is_spent = gaps.other_currencies.values().any(|other| !other.usage.is_zero());
    if is_spent && gaps.are_in_another_currency() {
        return Err(Trouble::OtherCurrency {
            currencies: gaps.other_currencies.keys().map(|currency| clean(currency)).collect::<Vec<_>>().join(", "),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use runawaytrain_cur::{Amount, OtherCurrency};

    use super::*;

    #[test]
    fn one_line_in_dollars_makes_no_report_in_dollars_and_one_in_yen_none_in_yen() {
        for (dollars, yen, is_refused) in [(0, 1, true), (1, 900, true), (900, 1, false), (1, 0, false)] {
            let mut totals = Totals { rows: dollars + yen, ..Totals::default() };
            totals.gaps.usage_rows = dollars;
            // Taxes and credits in yen say nothing of what usage is in.
            let other = OtherCurrency { rows: yen + 5000, usage_rows: yen, usage: Amount::parse(b"250").unwrap() };
            totals.gaps.other_currencies.insert("JPY".to_owned(), other);
            assert_eq!(credible(&totals).is_err(), is_refused, "{dollars} and {yen}");
        }
    }
}
