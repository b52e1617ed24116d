//! The words that everything else is said in: ids, money, modes, failures, patterns, and text that is safe to show.

pub mod answer;
pub mod failure;
pub mod ids;
pub mod mode;
pub mod money;
pub mod pattern;
pub mod text;
