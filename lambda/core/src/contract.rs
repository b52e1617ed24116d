//! Names that the function and the infrastructure must agree on. A test writes them to `infra/generated/`, from where
//! the CDK app reads them.

mod launches;
mod metrics;
mod partitions;

pub use launches::{
    FUNCTION_TIMEOUT, LAUNCH_BATCH, LAUNCH_CONCURRENCY, LAUNCH_RECEIVES, LAUNCH_VISIBILITY, LAUNCH_WINDOW,
};
pub use metrics::{ACCOUNT_LINE, METRIC_NAMESPACE, METRICS, Metric, MetricRow, MetricUnit, Statistic};
pub use partitions::{MOVED, RECORDS, partition_of, partitions_of};

/// The region everything runs in: billing metrics exist only here.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html>
pub const HOME_REGION: &str = "us-east-1";
/// The Lambda function.
pub const FUNCTION: &str = "runawaytrain";
/// The function's role: fixed, for members trust it by name.
pub const FUNCTION_ROLE: &str = "RunawayTrainFunction";
/// The role in every account that the function assumes.
pub const RESPONDER_ROLE: &str = "RunawayTrainResponder";
/// The role in every account that forwards launch events.
pub const FORWARDER_ROLE: &str = "RunawayTrainForwarder";
/// The role that the release pipeline assumes in the payer.
pub const RELEASE_ROLE: &str = "RunawayTrainRelease";
/// The SCP that a halt attaches: it denies growth.
pub const QUARANTINE_POLICY: &str = "RunawayTrainQuarantine";
/// The SCP beside it that denies invoking models.
pub const MODELS_POLICY: &str = "RunawayTrainModels";
/// The SCP that a halt attaches where the policy asks for it: it denies everything but our own roles.
pub const LOCKDOWN_POLICY: &str = "RunawayTrainLockdown";
/// The SCP on the roots or OUs that keeps members from touching the guard.
pub const PROTECT_POLICY: &str = "RunawayTrainProtect";
/// The DynamoDB table.
pub const TABLE: &str = "runawaytrain";
/// The table's partition key.
pub const PARTITION_KEY: &str = "pk";
/// The table's sort key.
pub const SORT_KEY: &str = "sk";
/// The table's time-to-live attribute, in seconds since 1970.
pub const EXPIRY: &str = "expires";
/// The default notify list's topic; an account's own list is `runawaytrain-<account id>`.
pub const TOPIC: &str = "runawaytrain";
/// The topic that spend alarms publish to, and nothing else: nobody subscribes to it by mail.
pub const ALARM_TOPIC: &str = "runawaytrain-alarms";
/// What the names of spend alarms begin with, in every account.
pub const SPEND_ALARM_PREFIX: &str = "runawaytrain-spend-";
/// The event bus of the payer that members forward their launches to.
pub const BUS: &str = "runawaytrain";
/// The queue that launches wait in until the function takes them.
pub const LAUNCH_QUEUE: &str = "runawaytrain-launches";
/// The rule that forwards launches, in every enabled region of every account.
pub const LAUNCH_RULE: &str = "runawaytrain-launches";
/// The stack set with the responder and the forwarder: one stack an account.
pub const MEMBER_STACK_SET: &str = "runawaytrain-member";
/// The stack set with the launch rules: one stack an account and region.
pub const MEMBER_REGION_STACK_SET: &str = "runawaytrain-member-region";
/// The stack set with the billing alarms: one stack an account, apart from the roles, since it has no other region than
/// [`HOME_REGION`], which an organization may deny.
pub const MEMBER_ALARMS_STACK_SET: &str = "runawaytrain-member-alarms";
/// What comes before the payer's id in the name of the bucket that is made for the Cost and Usage Reports: buckets are
/// named world-wide.
pub const REPORT_BUCKET_PREFIX: &str = "runawaytrain-cur-";
/// What the keys in that bucket begin with, unless the policy says otherwise.
pub const REPORT_PREFIX: &str = "reports/";
/// The Cost and Usage Report that is made.
pub const REPORT: &str = "runawaytrain";
/// The state machine that sweeps an organization with many workers, where the policy says so.
pub const STATE_MACHINE: &str = "runawaytrain-sweep";
/// What comes before the payer's id in the name of the bucket that a distributed sweep goes through.
pub const SWEEP_BUCKET_PREFIX: &str = "runawaytrain-sweeps-";
/// What the keys in that bucket begin with; the name of the execution follows.
pub const SWEEP_PREFIX: &str = "sweeps/";
/// Where asynchronous invocations that failed are kept.
pub const FAILURE_QUEUE: &str = "runawaytrain-failures";
/// The function's log group.
pub const LOG_GROUP: &str = "/aws/lambda/runawaytrain";
/// The alarm that says that the guard is off.
pub const HEARTBEAT_ALARM: &str = "runawaytrain-heartbeat";
/// What comes before the organization's id in the ExternalId. Not a secret.
pub const EXTERNAL_ID_PREFIX: &str = "runawaytrain-";
/// The policy as JSON, beside the binary.
pub const POLICY_FILE: &str = "runawaytrain.json";
/// The function's environment variables, and whether each must be set.
pub const ENVIRONMENT: [(&str, bool); 10] = [
    ("snstopic", true),
    ("accountnumber", true),
    ("snsregion", true),
    ("statetable", true),
    ("policyfile", true),
    ("envaction", false),
    ("ec2limit", false),
    ("quarantinepolicy", false),
    ("modelspolicy", false),
    ("lockdownpolicy", false),
];
