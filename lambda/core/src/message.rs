//! What people and programs are told: mails, and the answer of an invocation.

mod chat;
pub mod mail;
mod notice;
pub mod report;

pub use chat::Chat;
pub use notice::{Notice, NoticeKind};
