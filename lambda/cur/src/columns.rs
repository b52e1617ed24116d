//! The columns that matter, found by their names in a report's header.

/// A column that the reader looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Account,
    LineItemType,
    Start,
    End,
    Currency,
    Unblended,
    Reservation,
    SavingsPlan,
}

/// How many there are.
pub(crate) const COLUMNS: usize = 8;

impl Column {
    /// All of them, with the name in a legacy report, the name in a CUR 2.0 export, and whether a report without it can
    /// be read.
    ///
    /// Legacy reports leave out the columns of reservations and Savings Plans when the month has none; an export has
    /// the columns that its query names.
    /// <https://docs.aws.amazon.com/cur/latest/userguide/data-dictionary.html>,
    /// <https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html>
    const ALL: [(Self, &'static str, &'static str, bool); COLUMNS] = [
        (Self::Account, "lineItem/UsageAccountId", "line_item_usage_account_id", true),
        (Self::LineItemType, "lineItem/LineItemType", "line_item_line_item_type", true),
        (Self::Start, "lineItem/UsageStartDate", "line_item_usage_start_date", true),
        (Self::End, "lineItem/UsageEndDate", "line_item_usage_end_date", true),
        (Self::Currency, "lineItem/CurrencyCode", "line_item_currency_code", true),
        (Self::Unblended, "lineItem/UnblendedCost", "line_item_unblended_cost", true),
        (Self::Reservation, "reservation/EffectiveCost", "reservation_effective_cost", false),
        (Self::SavingsPlan, "savingsPlan/SavingsPlanEffectiveCost", "savings_plan_savings_plan_effective_cost", false),
    ];

    /// All of them, in their order.
    pub(crate) fn each() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().map(|(column, ..)| column)
    }

    /// Whether a report calls it so.
    pub(crate) fn is_named(self, name: &str) -> bool {
        Self::ALL.iter().any(|(column, legacy, export, _)| *column == self && (name == *legacy || name == *export))
    }

    /// What errors call it.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(column, ..)| *column == self).map_or("", |(_, legacy, ..)| legacy)
    }
}

/// Why a header is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    /// Both spellings of what is missing.
    Missing(Vec<(&'static str, &'static str)>),
    Twice(&'static str),
    /// It is of a FOCUS export.
    Focus,
}

/// A column that every FOCUS export has, and no Cost and Usage Report. <https://focus.finops.org/focus-specification/>
pub(crate) const FOCUS: &str = "BilledCost";

/// Which field of a header each column is, in the order of [`Column::each`].
pub(crate) fn places(header: &[&[u8]]) -> Result<[Option<usize>; COLUMNS], HeaderFault> {
    let mut found = [None; COLUMNS];
    let mut missing = Vec::new();
    for (place, (_, legacy, export, required)) in found.iter_mut().zip(Column::ALL) {
        let mut at = header
            .iter()
            .enumerate()
            .filter(|(_, field)| **field == legacy.as_bytes() || **field == export.as_bytes())
            .map(|(at, _)| at);
        *place = at.next();
        if at.next().is_some() {
            return Err(HeaderFault::Twice(legacy));
        }
        if required && place.is_none() {
            missing.push((legacy, export));
        }
    }
    if !missing.is_empty() && header.contains(&FOCUS.as_bytes()) {
        return Err(HeaderFault::Focus);
    }
    if !missing.is_empty() {
        return Err(HeaderFault::Missing(missing));
    }
    Ok(found)
}

/// Where the wanted columns of one report are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// How many fields a row has.
    pub(crate) fields: usize,
    /// Which separators of a row (counted from 0) bound a wanted field, ascending.
    pub(crate) bounds: Vec<usize>,
    /// Of each column: its first and its last bound, as indices of `bounds`. `None` before the first and after the last
    /// field of a row.
    cells: [Option<(Option<usize>, Option<usize>)>; COLUMNS],
}

impl Layout {
    /// Reads the header's fields.
    pub(crate) fn of(header: &[&[u8]]) -> Result<Self, HeaderFault> {
        let found = places(header)?;
        let last = header.len().saturating_sub(1);
        let edges = |at: usize| (at.checked_sub(1), (at < last).then_some(at));
        let mut bounds =
            found.iter().flatten().flat_map(|at| [edges(*at).0, edges(*at).1]).flatten().collect::<Vec<_>>();
        bounds.sort_unstable();
        bounds.dedup();
        let index = |bound: Option<usize>| bound.and_then(|bound| bounds.binary_search(&bound).ok());
        let cells = found.map(|at| at.map(|at| (index(edges(at).0), index(edges(at).1))));
        Ok(Self { fields: header.len(), bounds, cells })
    }

    /// The bounds of a column; `None` when the report does not have it.
    pub(crate) fn cell(&self, column: Column) -> Option<(Option<usize>, Option<usize>)> {
        self.cells.get(column as usize).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header<'a>(names: &[&'a str]) -> Vec<&'a [u8]> {
        names.iter().map(|name| name.as_bytes()).collect()
    }

    #[test]
    fn every_column_has_its_own_place() {
        for (place, (column, legacy, ..)) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column as usize, place);
            assert_eq!(column.name(), legacy);
        }
    }

    #[test]
    fn all_that_is_missing_is_named_at_once_and_reservations_may_be() {
        let fault = Layout::of(&header(&[
            "lineItem/UsageAccountId",
            "lineItem/LineItemType",
            "lineItem/UnblendedCost",
            "lineItem/CurrencyCode",
        ]))
        .unwrap_err();
        assert_eq!(
            fault,
            HeaderFault::Missing(vec![
                ("lineItem/UsageStartDate", "line_item_usage_start_date"),
                ("lineItem/UsageEndDate", "line_item_usage_end_date")
            ])
        );
    }

    #[test]
    fn a_column_that_stands_twice_is_refused() {
        let mut names = Column::ALL.map(|(_, legacy, ..)| legacy).to_vec();
        names.push("line_item_unblended_cost");
        assert_eq!(Layout::of(&header(&names)), Err(HeaderFault::Twice("lineItem/UnblendedCost")));
    }

    #[test]
    fn neighbours_share_a_separator_and_the_outermost_fields_have_one_only() {
        let names = Column::ALL.map(|(_, _, export, _)| export);
        let layout = Layout::of(&header(&names)).unwrap();
        assert_eq!((layout.fields, layout.bounds.as_slice()), (8, [0, 1, 2, 3, 4, 5, 6].as_slice()));
        assert_eq!(layout.cell(Column::Account), Some((None, Some(0))));
        assert_eq!(layout.cell(Column::LineItemType), Some((Some(0), Some(1))));
        assert_eq!(layout.cell(Column::SavingsPlan), Some((Some(6), None)));
    }
}
