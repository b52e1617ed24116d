//! How launches wait for the function: what the queue and its event source mapping are deployed with, and what the
//! simulation of them goes by.

use std::time::Duration;

/// How long an invocation of the function may last: the most that Lambda allows. Containing looks again until it is
/// proven, or until this deadline.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html>
pub const FUNCTION_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// How long messages are gathered before the function is invoked: not at all. With any window, however short, Lambda
/// may hold the only message of a queue back for 20 seconds.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
pub const LAUNCH_WINDOW: Duration = Duration::ZERO;

/// Messages an invocation: the most that Lambda allows without a window.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html>
pub const LAUNCH_BATCH: usize = 10;

/// Invocations at once. The brake lets ten accounts be halted in an hour, unless the policy says more. Each of them may
/// hold one for as long as it resists, and one waits behind it; four are left for everybody else's launches. They cost
/// nothing while nothing is launched.
pub const LAUNCH_CONCURRENCY: usize = 24;

/// How often a message is received before it goes to the failure queue: as AWS advises at least, so that a throttled
/// invocation does not count as a poisoned message.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
pub const LAUNCH_RECEIVES: u32 = 5;

/// How long a message is hidden once it was received: the longest invocation and a margin, for one that came back while
/// it is still worked on would start a second sweep. Lambda's advice of six timeouts is against throttling, which
/// [`LAUNCH_CONCURRENCY`] prevents; by it the launches of a crashed invocation would come back after an hour and a
/// half.
pub const LAUNCH_VISIBILITY: Duration = Duration::from_secs(FUNCTION_TIMEOUT.as_secs() + 60);
