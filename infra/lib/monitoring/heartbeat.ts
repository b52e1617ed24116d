/** The alarm that says the guard is off: it rings when no sweep was completed for three ticks. */
import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { names } from '../contract';
import type { NotifyTopic } from '../notification/notify-topic';
import { runbook } from '../shared/runbook';
import { ownMetric } from './own-metric';

/** One missed tick is noise, a deployment for instance. Three in a row are an account that nobody watches. */
const TICKS = 3;

export interface HeartbeatProps {
  readonly scheduleMinutes: number;
  readonly tell: NotifyTopic;
}

export class Heartbeat extends Construct {
  constructor(scope: Construct, id: string, { scheduleMinutes, tell }: HeartbeatProps) {
    super(scope, id);
    const alarm = new Alarm(this, 'Alarm', {
      alarmName: names.heartbeatAlarm,
      alarmDescription:
        `runawaytrain completed no sweep in ${TICKS * scheduleMinutes} minutes: no account is being watched. ` +
        `Look at the log group ${names.logGroup} and the queue ${names.failureQueue}, and whether envaction or mode is pass. ${runbook(names.heartbeatAlarm)}`,
      metric: ownMetric('heartbeat', { period: Duration.minutes(scheduleMinutes) }),
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      threshold: 1,
      evaluationPeriods: TICKS,
      // A dead guard sends no zeros; it sends nothing.
      treatMissingData: TreatMissingData.BREACHING,
    });
    alarm.addAlarmAction(tell.action);
    alarm.addOkAction(tell.action);
    tell.grantPublishToAlarm('AcceptHeartbeatAlarm', names.heartbeatAlarm);
  }
}
