//! Luck: a thief's, and that of whoever wants the same thing.

use std::time::Duration;

/// A small generator (SplitMix64), so that a thief needs no crate and never changes with one.
/// <https://prng.di.unimi.it/splitmix64.c>
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of them, if there are any.
    pub fn one_of<T>(&mut self, all: Vec<T>) -> Option<T> {
        let number = u64::try_from(all.len()).ok().filter(|number| *number > 0)?;
        let which = usize::try_from(self.roll() % number).ok()?;
        all.into_iter().nth(which)
    }

    /// With this chance.
    pub fn is_lucky(&mut self, chance: f64) -> bool {
        ((self.roll() % 1_000) as f64) < chance * 1_000.0
    }

    /// This long, up to a quarter less or more.
    pub fn about(&mut self, pause: Duration) -> Duration {
        pause.mul_f64(0.75 + (self.roll() % 501) as f64 / 1000.0)
    }
}
