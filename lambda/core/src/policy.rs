//! The policy: what a payer admin wrote, and what it means for one account.

mod document;
mod effective;
pub mod never_touched;
pub mod trust;
mod values;

pub use document::{
    AccountSettings, Brake, Contain, ContainSettings, CostReportSettings, Exempt, InstanceResponse, LimitSettings,
    Organization, PolicyDocument, PolicyError, RoleResponse, Settings, UnstoppableResponse, UserResponse,
};
pub use effective::{AccountPolicy, CostReports, Limits, NotifyList, Policy};
pub use values::{Bucket, Email, KeyPrefix, Schedule, Share, Span};
