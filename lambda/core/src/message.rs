//! What people and programs are told: mails, and the answer of an invocation.

pub mod mail;
mod notice;
pub mod report;

pub use notice::{Notice, NoticeKind};
