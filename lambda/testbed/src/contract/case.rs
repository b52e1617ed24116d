//! A rule of the contract.

use futures::future::BoxFuture;

use super::stage::Stage;

/// A rule, by the name of its function.
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// Plays it on a stage of its own; a rule that is broken panics.
    pub(super) play: fn(&dyn Stage) -> BoxFuture<'_, ()>,
}

/// Rules by their names. One that is forgotten here is dead code, which the compiler refuses.
macro_rules! cases {
    ($($rule:ident),* $(,)?) => {
        &[$($crate::contract::case::Case { name: stringify!($rule), play: |stage| Box::pin($rule(stage)) }),*]
    };
}
pub(super) use cases;
