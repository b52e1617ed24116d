//! The policy: what a payer admin wrote, and what it means for one account.

mod document;
mod effective;
mod words;

pub use document::{
    AccountSettings, Brake, Contain, ContainSettings, CostReportSettings, Exempt, InstanceResponse, LimitSettings,
    Organization, PolicyDocument, PolicyError, RoleResponse, Settings, UnstoppableResponse, UserResponse,
};
pub use effective::{AccountPolicy, CostReports, Limits, NotifyList, Policy};
pub use words::{Bucket, Email, KeyPrefix, Schedule, Share, Span};
