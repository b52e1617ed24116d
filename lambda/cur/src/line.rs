//! What kind of line a line item is, and whether it is spend.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which column says what a line of usage costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Price {
    /// `lineItem/UnblendedCost`.
    Unblended,
    /// `reservation/EffectiveCost`.
    Reservation,
    /// `savingsPlan/SavingsPlanEffectiveCost`.
    SavingsPlan,
}

/// What a line item counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Something ran: spend.
    Usage(Price),
    /// Everything else, kept apart.
    Apart(Charge),
    /// A type that this reader does not know.
    Unknown,
}

/// What is kept apart from spend: it would hide usage (credits are negative) or look like some (a yearly fee falls into
/// one hour).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Charge {
    /// Credits; negative.
    Credit,
    /// Money back; negative.
    Refund,
    /// Discounts that AWS books as lines of their own; negative.
    Discount,
    /// Takes back the on-demand price of what a Savings Plan covers; negative.
    SavingsPlanNegation,
    /// Taxes.
    Tax,
    /// What was paid at once: upfront fees of reservations and Savings Plans, subscriptions.
    Purchase,
    /// Recurring fees of reservations and Savings Plans.
    Fee,
    /// Lines of a type that this reader does not know.
    Unknown,
}

impl Charge {
    /// All of them, in their order.
    pub const ALL: [Self; 8] = [
        Self::Credit,
        Self::Refund,
        Self::Discount,
        Self::SavingsPlanNegation,
        Self::Tax,
        Self::Purchase,
        Self::Fee,
        Self::Unknown,
    ];

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// In words, for sentences: `credits`, `fees`.
impl fmt::Display for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Credit => "credits",
            Self::Refund => "refunds",
            Self::Discount => "discounts",
            Self::SavingsPlanNegation => "Savings Plan negations",
            Self::Tax => "taxes",
            Self::Purchase => "purchases",
            Self::Fee => "fees",
            Self::Unknown => "lines of unknown types",
        })
    }
}

/// Reads `lineItem/LineItemType`. <https://docs.aws.amazon.com/cur/latest/userguide/Lineitem-columns.html>
pub(crate) fn classify(line_item_type: &[u8]) -> Class {
    match line_item_type {
        // A plan with a flat rate, of CloudFront or Kiro for example, is what is paid for its use.
        b"Usage" | b"FlatRateSubscription" => Class::Usage(Price::Unblended),
        b"DiscountedUsage" => Class::Usage(Price::Reservation),
        b"SavingsPlanCoveredUsage" => Class::Usage(Price::SavingsPlan),
        b"SavingsPlanNegation" => Class::Apart(Charge::SavingsPlanNegation),
        b"Credit" => Class::Apart(Charge::Credit),
        b"Refund" => Class::Apart(Charge::Refund),
        b"Tax" => Class::Apart(Charge::Tax),
        b"Fee" | b"SavingsPlanUpfrontFee" => Class::Apart(Charge::Purchase),
        // RIFee, SavingsPlanRecurringFee.
        fee if fee.ends_with(b"Fee") => Class::Apart(Charge::Fee),
        // BundledDiscount, Discount, EdpDiscount, PrivateRateDiscount, RiVolumeDiscount, SppDiscount.
        discount if discount.ends_with(b"Discount") => Class::Apart(Charge::Discount),
        _ => Class::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ran_is_spend() {
        for (name, class) in [
            ("Usage", Class::Usage(Price::Unblended)),
            ("FlatRateSubscription", Class::Usage(Price::Unblended)),
            ("DiscountedUsage", Class::Usage(Price::Reservation)),
            ("SavingsPlanCoveredUsage", Class::Usage(Price::SavingsPlan)),
            ("SavingsPlanNegation", Class::Apart(Charge::SavingsPlanNegation)),
            ("SavingsPlanRecurringFee", Class::Apart(Charge::Fee)),
            ("SavingsPlanUpfrontFee", Class::Apart(Charge::Purchase)),
            ("RIFee", Class::Apart(Charge::Fee)),
            ("Fee", Class::Apart(Charge::Purchase)),
            ("Tax", Class::Apart(Charge::Tax)),
            ("Credit", Class::Apart(Charge::Credit)),
            ("Refund", Class::Apart(Charge::Refund)),
            ("EdpDiscount", Class::Apart(Charge::Discount)),
            ("BundledDiscount", Class::Apart(Charge::Discount)),
            ("usage", Class::Unknown),
            ("", Class::Unknown),
        ] {
            assert_eq!(classify(name.as_bytes()), class, "{name}");
        }
    }

    #[test]
    fn every_charge_has_its_own_place() {
        for (place, charge) in Charge::ALL.into_iter().enumerate() {
            assert_eq!(charge.index(), place, "{charge}");
        }
    }
}
