/**
 * The events that tell of a launch: an instance that is pending, whoever started it, which is told first and needs no trail;
 * one that runs, in case the first was lost; and the call that asked for it, where a trail records management events. All
 * are best effort, so the schedule stays.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
 *
 * A test holds `stacksets/member-region.yaml` to this.
 */
export const LAUNCH_SOURCE = 'aws.ec2';
export const LAUNCH_DETAIL_TYPES = ['EC2 Instance State-change Notification', 'AWS API Call via CloudTrail'];

/** What a launch event looks like, as EventBridge writes patterns. */
export const LAUNCH_PATTERN = {
  source: [LAUNCH_SOURCE],
  'detail-type': LAUNCH_DETAIL_TYPES,
  detail: {
    $or: [
      { state: ['pending', 'running'] },
      // A call that was refused launched nothing.
      { eventSource: ['ec2.amazonaws.com'], eventName: ['RunInstances'], errorCode: [{ exists: false }] },
    ],
  },
};
