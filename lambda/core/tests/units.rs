//! What organizational units mean for their accounts: properties over units that are drawn, unnamed ones and those
//! inside of each other among them.
#![cfg(test)]

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use runawaytrain_core::measure::limit::{LIMITS, Unit};
use runawaytrain_core::policy::trust::Principal;
use runawaytrain_core::policy::{AccountPolicy, NotifyList, Policy, RoleResponse, UserResponse};
use runawaytrain_core::vocabulary::ids::{AccountId, UnitId};
use runawaytrain_core::vocabulary::mode::{Mode, least};
use runawaytrain_core::vocabulary::money::Usd;
use serde_json::{Map, Value, json};

const PAYER: &str = "100000000000";
const LAB: &str = "111111111111";
/// From the outermost on, as an account may be in them; the policy has no entry for the last one.
const UNITS: [&str; 4] = ["ou-exam-campus01", "ou-exam-research", "ou-exam-lasers01", "ou-exam-unnamed1"];
const CONTAIN: [(&str, &[&str]); 6] = [
    ("instances", &["stop", "terminate"]),
    ("unstoppable", &["leave", "terminate"]),
    ("instanceStore", &["leave", "stop"]),
    ("users", &["leave", "deactivate", "delete-credentials", "delete-users"]),
    ("roles", &["leave", "revoke-sessions", "deny"]),
    ("root", &["leave", "delete-credentials"]),
];

fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

fn units(ids: &[&str]) -> Vec<UnitId> {
    ids.iter().map(|id| UnitId::parse(id).unwrap()).collect()
}

/// A map with some of these keys.
fn some_of(keys: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let drawn: Vec<_> =
        keys.into_iter().map(|(key, value)| prop::option::of(value).prop_map(move |value| (key, value))).collect();
    let present = |(key, value): (&str, Option<Value>)| Some((key.to_owned(), value?));
    drawn.prop_map(move |drawn| Value::Object(drawn.into_iter().filter_map(present).collect())).boxed()
}

fn limits() -> BoxedStrategy<Value> {
    let numbers = LIMITS.iter().map(|row| (row.key, (0_u32..5).prop_map(|number| json!(number)).boxed()));
    some_of(numbers.chain([("warn", select(vec![0.5, 0.8, 1.0]).prop_map(|share| json!(share)).boxed())]).collect())
}

fn contain() -> BoxedStrategy<Value> {
    let words = CONTAIN
        .iter()
        .map(|(key, words)| (*key, select(words.to_vec()).prop_map(|word| json!(word)).boxed()))
        .chain(["quarantine", "models", "lockdown"].map(|key| (key, any::<bool>().prop_map(|yes| json!(yes)).boxed())));
    some_of(words.collect())
}

/// What an account or a unit has of its own. `whose` is part of every name that it exempts or trusts.
fn own(whose: &'static str) -> BoxedStrategy<Value> {
    let name = || Just(json!([format!("of-{whose}")])).boxed();
    let provider = Just(json!([format!("saml-provider/of-{whose}")])).boxed();
    some_of(vec![
        ("mode", select(vec!["pass", "drill", "proceed"]).prop_map(|mode| json!(mode)).boxed()),
        ("limits", limits()),
        ("notify", Just(json!(["own@example.edu"])).boxed()),
        ("contain", contain()),
        ("exempt", some_of(vec![("users", name()), ("roles", name())])),
        ("trusted", some_of(vec![("providers", provider)])),
    ])
}

/// A policy, and the units that the account is in.
#[derive(Debug, Clone)]
struct Draw {
    document: Value,
    way: Vec<&'static str>,
}

impl Draw {
    fn policy(&self) -> Policy {
        Policy::from_json(&self.document.to_string()).unwrap()
    }

    fn known(&self, id: &str) -> AccountPolicy {
        self.policy().for_account(&account(id), Some(&units(&self.way)))
    }

    /// What each part of the policy that holds for the account says of a key, the innermost first.
    fn said(&self, id: &str, path: &[&str]) -> Vec<&Value> {
        let of = |part: &'_ Value, path: &[&str]| path.iter().fold(part.clone(), |value, key| value[*key].clone());
        let own = &self.document["accounts"][id];
        let inner_first = self.way.iter().rev().map(|unit| &self.document["units"][*unit]);
        let parts = std::iter::once(own).chain(inner_first).chain([&self.document["defaults"]]);
        parts.filter(|part| !of(part, path).is_null()).collect()
    }

    fn innermost(&self, id: &str, path: &[&str]) -> Option<Value> {
        let part = *self.said(id, path).first()?;
        Some(path.iter().fold(part.clone(), |value, key| value[*key].clone()))
    }
}

fn draw() -> impl Strategy<Value = Draw> {
    let named = (own("campus"), own("research"), own("lasers"));
    let entries = (prop::option::of(own("lab")), prop::option::of(own("payer")));
    let way = subsequence(UNITS.to_vec(), 0..=UNITS.len());
    let parts = (named, entries, way, limits(), contain(), select(vec!["pass", "drill", "proceed"]));
    parts.prop_map(|((campus, research, lasers), (lab, payer), way, mut limits, contain, mode)| {
        limits["instances"] = json!(4);
        let units: Map<String, Value> =
            UNITS.iter().map(|id| (*id).to_owned()).zip([campus, research, lasers]).collect();
        let entries = [(LAB, lab), (PAYER, payer)];
        let accounts: Map<String, Value> =
            entries.into_iter().filter_map(|(id, entry)| Some((id.to_owned(), entry?))).collect();
        let document = json!({
            "payer": PAYER,
            "organization": { "id": "o-exampleorg" },
            "mode": mode,
            "defaults": {
                "limits": limits,
                "contain": contain,
                "notify": ["team@example.edu"],
                "exempt": { "users": ["of-all"] },
            },
            "units": units,
            "accounts": accounts,
        });
        Draw { document, way }
    })
}

/// The responses of an account, in the policy's words.
fn responses(policy: &AccountPolicy) -> [(&'static str, Value); 9] {
    let contain = policy.contain;
    [
        ("instances", json!(contain.instances)),
        ("unstoppable", json!(contain.unstoppable)),
        ("instanceStore", json!(contain.instance_store)),
        ("users", json!(contain.users)),
        ("roles", json!(contain.roles)),
        ("root", json!(contain.root)),
        ("quarantine", json!(contain.quarantine)),
        ("models", json!(contain.models)),
        ("lockdown", json!(contain.lockdown)),
    ]
}

/// How harsh a response is.
fn harshness(key: &str, response: &Value) -> usize {
    let words = CONTAIN.iter().find(|(known, _)| *known == key);
    match (words, response) {
        (Some((_, words)), Value::String(word)) => words.iter().position(|known| known == word).unwrap(),
        (_, yes) => usize::from(yes.as_bool().unwrap()),
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment says how long the test runs; the core never reads it")]
fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_holds_for_an_account_is_what_the_innermost_part_says(draw in draw()) {
        let policy = draw.known(LAB);
        for row in &LIMITS {
            let said = draw.innermost(LAB, &["limits", row.key]).map(|said| said.as_u64().unwrap());
            let said = said.map(|number| match row.unit {
                Unit::Count => number,
                Unit::Usd => Usd::from_dollars(number as f64).as_micros(),
            });
            prop_assert_eq!(policy.limits.thresholds.get(&row.limit).copied(), said, "{}", row.key);
        }
        let warn = draw.innermost(LAB, &["limits", "warn"]).map_or(0.8, |warn| warn.as_f64().unwrap());
        prop_assert_eq!(policy.limits.warn, warn);
        for (key, response) in responses(&policy) {
            // Without a quarantine models are not denied either.
            let is_moot = key == "models" && !policy.contain.quarantine;
            if let Some(said) = draw.innermost(LAB, &["contain", key]).filter(|_| !is_moot) {
                prop_assert_eq!(response, said, "{}", key);
            }
        }
        let said = draw.innermost(LAB, &["mode"]).map_or(Mode::Proceed, |mode| serde_json::from_value(mode).unwrap());
        prop_assert_eq!(policy.mode, least([draw.policy().mode(), said]));
        let own = &draw.document["accounts"][LAB];
        let of_unit = draw.way.iter().rev().find(|unit| !draw.document["units"][**unit]["notify"].is_null());
        let list = match (own["notify"].is_null(), of_unit) {
            (false, _) => NotifyList::Own(account(LAB)),
            (true, Some(unit)) => NotifyList::Unit(UnitId::parse(unit).unwrap()),
            (true, None) => NotifyList::Default,
        };
        prop_assert_eq!(policy.notify, list);
    }

    #[test]
    fn exempt_and_trusted_only_grow_inward(draw in draw()) {
        let (policy, way) = (draw.policy(), units(&draw.way));
        let steps: Vec<AccountPolicy> =
            (0..=way.len()).map(|depth| policy.for_account(&account(LAB), Some(&way[..depth]))).collect();
        for pair in steps.windows(2) {
            prop_assert!(pair[0].exempt.users.is_subset(&pair[1].exempt.users));
            prop_assert!(pair[0].exempt.roles.is_subset(&pair[1].exempt.roles));
            prop_assert!(pair[0].trusted.providers().is_subset(pair[1].trusted.providers()));
        }
        let innermost = &steps[way.len()];
        for part in draw.said(LAB, &["exempt", "users"]) {
            let name = part["exempt"]["users"][0].as_str().unwrap();
            prop_assert!(innermost.exempt.users.iter().any(|user| user.as_str() == name), "{}", name);
        }
        for part in draw.said(LAB, &["trusted", "providers"]) {
            let name = part["trusted"]["providers"][0].as_str().unwrap().to_owned();
            prop_assert!(!innermost.is_outsider(&Principal::Provider(name.clone())), "{}", name);
        }
    }

    #[test]
    fn no_unit_loosens_what_holds_for_the_payer(draw in draw()) {
        let own = &draw.document["accounts"][PAYER];
        for policy in [draw.known(PAYER), draw.policy().for_account(&account(PAYER), None)] {
            prop_assert!(policy.mode <= Mode::Drill || !own["mode"].is_null());
            prop_assert!(policy.contain.users == UserResponse::Leave || !own["contain"]["users"].is_null());
            prop_assert!(policy.contain.roles == RoleResponse::Leave || !own["contain"]["roles"].is_null());
            prop_assert!(!policy.contain.quarantine && !policy.contain.models && !policy.contain.lockdown);
        }
    }

    #[test]
    fn while_the_units_are_not_known_nothing_holds_that_is_harsher_than_what_may_hold(draw in draw()) {
        let (known, unknown) = (draw.known(LAB), draw.policy().for_account(&account(LAB), None));
        for (limit, threshold) in &unknown.limits.thresholds {
            prop_assert!(known.limits.thresholds.get(limit).is_some_and(|known| known <= threshold), "{:?}", limit);
        }
        prop_assert!(known.limits.warn <= unknown.limits.warn && unknown.mode <= known.mode.max(Mode::Drill));
        for ((key, milder), (_, response)) in responses(&unknown).into_iter().zip(responses(&known)) {
            prop_assert!(harshness(key, &milder) <= harshness(key, &response), "{}", key);
        }
        prop_assert!(known.exempt.users.is_subset(&unknown.exempt.users));
        prop_assert!(known.exempt.roles.is_subset(&unknown.exempt.roles));
        prop_assert!(known.trusted.providers().is_subset(unknown.trusted.providers()));
        prop_assert!(unknown.notify == known.notify || unknown.notify == NotifyList::Default);
        // What the account's own entry says is known all the same.
        for row in &LIMITS {
            let own = &draw.document["accounts"][LAB]["limits"][row.key];
            let told = unknown.limits.thresholds.get(&row.limit);
            prop_assert!(own.is_null() || told == known.limits.thresholds.get(&row.limit), "{}", row.key);
        }
    }
}

#[test]
fn while_the_units_are_not_known_the_loosest_limit_of_all_holds_and_no_more() {
    let document = json!({
        "payer": PAYER,
        "organization": { "id": "o-exampleorg" },
        "defaults": { "limits": { "instances": 4, "burn": 10 }, "notify": ["team@example.edu"] },
        "units": {
            "ou-exam-research": { "limits": { "instances": 100 }, "contain": { "users": "leave" } },
            "ou-exam-sandbox1": { "limits": { "instances": 1, "vcpus": 2 }, "contain": { "instances": "terminate" } },
        },
        "accounts": { LAB: { "limits": { "burn": 5 } } },
    });
    let policy = Policy::from_json(&document.to_string()).unwrap();
    let unknown = policy.for_account(&account(LAB), None);
    let shown: Vec<(String, u64)> =
        unknown.limits.thresholds.iter().map(|(limit, threshold)| (limit.to_string(), *threshold)).collect();
    assert_eq!(shown, [("instances".to_owned(), 100), ("USD/hour".to_owned(), 5_000_000)]);
    assert_eq!((unknown.contain.users, json!(unknown.contain.instances)), (UserResponse::Leave, json!("stop")));
    let none = Policy::from_json(
        &json!({ "units": {}, "payer": PAYER, "organization": { "id": "o-exampleorg" },
        "defaults": document["defaults"] })
        .to_string(),
    );
    let none = none.unwrap();
    assert_eq!(none.for_account(&account(LAB), None), none.for_account(&account(LAB), Some(&[])));
}
