//! The services that are asked, each with what it answers.

mod autoscaling;
mod dynamodb;
mod ec2;
mod iam;
mod organizations;
mod others;
mod sts;

use crate::call::{Answer, Call};
use crate::world::World;

/// What the service of a call answers.
pub(crate) fn answer(world: &mut World, call: &Call) -> Answer {
    if let Some(refusal) = world.fault(call).or_else(|| world.throttle(call)) {
        return refusal;
    }
    let answer = match call.service.as_str() {
        "ec2" => ec2::answer(world, call),
        "autoscaling" => autoscaling::answer(call),
        "dynamodb" => dynamodb::answer(world, call),
        "iam" => iam::answer(world, call),
        "organizations" => organizations::answer(world, call),
        "sts" => sts::answer(call),
        _ => others::answer(world, call),
    };
    // Whatever is called and not known here makes a run void: whoever looks at the log sees the code.
    let unknown = || Answer::refused(&call.service, 400, "InvalidAction", "the double does not know this call");
    answer.unwrap_or_else(unknown)
}
