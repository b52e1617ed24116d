//! The command `runawaytrain`: what an operator of the payer account looks at, deploys and removes.
//!
//! The way of a command: [`arguments`] say what is wanted, [`cloud`] asks AWS, [`doctor`] and [`destroy`] say what its
//! answers mean, [`terminal`] shows it to a person. Everything but `cloud` and `terminal` is plain data.

pub mod accounts;
pub mod advise;
pub mod answer;
pub mod arguments;
pub mod assembly;
pub mod check;
pub mod cloud;
pub mod commands;
pub mod console;
pub mod destroy;
pub mod doctor;
pub mod exception;
pub mod exit;
pub mod finding;
pub mod follow;
pub mod history;
pub mod live;
pub mod pages;
pub mod plan;
pub mod policy;
pub mod policy_file;
pub mod problem;
pub mod progress;
pub mod refusal;
pub mod remedies;
pub mod report;
pub mod rows;
pub mod stacks;
mod statements;
pub mod table;
pub mod terminal;
pub mod undeployed;
