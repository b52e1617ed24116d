//! The parts of a policy that hold for one account, one over the other.

use runawaytrain_core::policy::shape::Step;
use runawaytrain_core::vocabulary::ids::{AccountId, UnitId};

use super::places::{Place, Places};

/// A path of keys.
pub fn keys(path: &[&str]) -> Vec<Step> {
    path.iter().map(|key| Step::Key((*key).to_owned())).collect()
}

/// The parts of a policy that hold for one account. Of two that set the same key, the later one counts.
#[derive(Debug)]
pub struct Layers<'a> {
    places: &'a Places,
    /// The way to each; the first holds for every account.
    layers: Vec<Vec<Step>>,
}

impl<'a> Layers<'a> {
    /// Those of an account in these units, the outermost first. Another layer between them is another entry here.
    pub fn of(account: &AccountId, units: &[UnitId], places: &'a Places) -> Self {
        let of_units = units.iter().map(|unit| keys(&["units", unit.as_str()]));
        let layers = std::iter::once(keys(&["defaults"])).chain(of_units);
        Self { places, layers: layers.chain([keys(&["accounts", account.as_str()])]).collect() }
    }

    /// Where the key stands that counts; nothing where no layer has it.
    pub fn of_key(&self, key: &[&str]) -> Option<Place> {
        self.latest(key, &self.layers)
    }

    /// The same in the account's own entry alone.
    pub fn of_own_key(&self, key: &[&str]) -> Option<Place> {
        self.latest(key, self.layers.last_chunk::<1>()?)
    }

    /// The items of a list that replaces those of the layers below it, with their places.
    pub fn replacing(&self, list: &[&str]) -> Vec<(&'a str, Place)> {
        let of_layer = |layer: &Vec<Step>| self.places.items(&below(layer, list));
        self.layers.iter().rev().map(of_layer).find(|items| !items.is_empty()).unwrap_or_default()
    }

    /// Where an item stands of a list that adds to those of the layers below it; the latest, where it stands twice.
    pub fn of_item(&self, list: &[&str], is_it: impl Fn(&str) -> bool) -> Option<Place> {
        let items = self.layers.iter().rev().flat_map(|layer| self.places.items(&below(layer, list)));
        items.into_iter().find(|(text, _)| is_it(text)).map(|(_, place)| place)
    }

    fn latest(&self, key: &[&str], layers: &[Vec<Step>]) -> Option<Place> {
        layers.iter().rev().find_map(|layer| self.places.of_key(&below(layer, key)))
    }
}

fn below(layer: &[Step], path: &[&str]) -> Vec<Step> {
    [layer, &keys(path)].concat()
}
