//! Random prices, charges, hours of reports, and limits in US dollars.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use proptest::prelude::*;
use runawaytrain_core::measure::disks::LocalDisks;
use runawaytrain_core::measure::limit::Limit;
use runawaytrain_core::measure::price::{Price, PriceKey, PriceSource, Prices, Tenancy};
use runawaytrain_core::measure::spend::{Charge, Charges, Hours, Spend};
use runawaytrain_core::vocabulary::ids::Region;
use runawaytrain_core::vocabulary::money::Usd;

use super::moment;

/// A price for each region or not, of the list or estimated.
pub fn prices() -> impl Strategy<Value = Prices> {
    prop::collection::vec(prop::option::of((1u64..10_000_000, any::<bool>())), 6).prop_map(|prices| {
        let price = |(number, price): (usize, Option<(u64, bool)>)| {
            let (micros, listed) = price?;
            let (per_hour, least) = (Usd::micros(micros), Usd::micros(micros / 7));
            let local_disks = [LocalDisks::HasNone, LocalDisks::Has, LocalDisks::Unknown][(micros % 3) as usize];
            let estimate = Price { per_hour, least, source: PriceSource::Estimate, local_disks };
            let key = PriceKey {
                region: Region::new(format!("r-{number}")),
                instance_type: "m5.large".to_owned(),
                operation: "RunInstances".to_owned(),
                tenancy: Tenancy::Shared,
            };
            Some((key, if listed { Price { local_disks, ..Price::listed(per_hour) } } else { estimate }))
        };
        prices.into_iter().enumerate().filter_map(price).collect()
    })
}

/// What was spent: numbers that rise and fall, hours or days apart, over a month's turn or not; and hours of reports,
/// or no reports.
pub fn spend() -> impl Strategy<Value = Spend> {
    let step = (1i64..60, -300i64..600);
    let readings = prop::collection::vec(step, 0..20);
    let hours = prop::collection::btree_map(0i64..70, 0u64..300_000_000, 0..40);
    let purchases = prop::collection::btree_map(-3i64..70, 0u64..9_000_000_000, 0..4);
    (readings, prop::option::of((0i64..60, hours, purchases))).prop_map(|(steps, hours)| {
        let mut ago: i64 = steps.iter().map(|(hours, _)| hours).sum();
        let (mut charges, mut dollars) = (Charges::default(), 0);
        for (hours, more) in steps {
            (ago, dollars) = (ago - hours, (dollars + more).max(0));
            charges = charges.with(Charge { amount: Usd::micros(dollars.unsigned_abs() * 1_000_000), at: hour(ago) });
        }
        let by_hour = |late: i64, amounts: BTreeMap<i64, u64>| {
            amounts.into_iter().map(|(ago, micros)| (hour(late + ago + 1), Usd::micros(micros))).collect()
        };
        let hours = hours.map(|(late, hours, purchases)| Hours {
            by_hour: by_hour(late, hours),
            purchases: by_hour(late, purchases),
            until: hour(late),
        });
        Spend { charges, hours }
    })
}

fn hour(ago: i64) -> jiff::Timestamp {
    moment(0) - SignedDuration::from_hours(ago)
}

/// A limit in US dollars of each kind, or none.
pub fn limits() -> impl Strategy<Value = Vec<(Limit, u64)>> {
    let money = [40.0, 2000.0, 4000.0, 20_000.0].map(|most| prop::option::of(0f64..most));
    money.prop_map(|[burn, day, month, purchases]| {
        let limits =
            [(Limit::Burn, burn), (Limit::Spend24h, day), (Limit::SpendMonth, month), (Limit::Purchases, purchases)];
        limits
            .into_iter()
            .filter_map(|(limit, dollars)| Some((limit, Usd::from_dollars(dollars?).as_micros())))
            .collect()
    })
}
