//! The policy: what a payer admin wrote, and what it means for one account.

mod chat;
mod document;
mod effective;
mod exception;
pub mod known_roles;
pub mod shape;
mod strict;
pub mod trust;
mod trusted;
mod values;

pub use chat::{ChatSettings, SlackSettings, TeamsSettings};
pub use document::{
    AccountSettings, Brake, CanarySettings, Contain, ContainSettings, CostReportSettings, Exempt, InstanceResponse,
    InstanceStoreResponse, LimitSettings, Organization, PolicyDocument, PolicyError, RoleResponse, RootResponse,
    ScaleSettings, Settings, UnstoppableResponse, UserResponse,
};
pub use effective::{AccountPolicy, CostReports, Limits, NotifyList, Policy};
pub use exception::{Exception, ExceptionError, MOST_DAYS, WantedException};
pub use trusted::{ProviderName, Trusted, TrustedAccount, TrustedSettings};
pub use values::{Bucket, Email, KeyPrefix, Schedule, Share, Span, UpTo};
