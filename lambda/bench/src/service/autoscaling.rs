//! Auto Scaling: no groups.

use crate::call::{Answer, Call};

pub(super) fn answer(call: &Call) -> Option<Answer> {
    let is_known = call.operation == "DescribeAutoScalingGroups";
    is_known.then(|| Answer::query(&call.operation, "<AutoScalingGroups/>", 0))
}
