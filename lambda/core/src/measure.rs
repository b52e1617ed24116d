//! What is counted and limited: vCPUs, prices, spend, their sums, and the table of limits.

pub mod disks;
pub mod limit;
pub mod price;
pub mod spend;
pub mod summary;
pub mod vcpus;
