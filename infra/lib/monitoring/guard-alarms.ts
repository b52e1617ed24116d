/** The alarms that say that the guard is on and does not do all of its work. */
import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { names } from '../contract';
import type { NotifyTopic } from '../notification/notify-topic';
import { runbook } from '../shared/runbook';
import { ownMetric } from './own-metric';

export const FAILURES_ALARM = names.failureQueue;
export const COVERAGE_ALARM = `${names.function}-coverage`;
export const BRAKE_ALARM = `${names.function}-brake`;

const { LESS_THAN_THRESHOLD, GREATER_THAN_OR_EQUAL_TO_THRESHOLD } = ComparisonOperator;

export interface GuardAlarmsProps {
  readonly failures: IQueue;
  readonly tell: NotifyTopic;
}

export class GuardAlarms extends Construct {
  private readonly tell: NotifyTopic;

  constructor(scope: Construct, id: string, { failures, tell }: GuardAlarmsProps) {
    super(scope, id);
    this.tell = tell;
    this.alarm('Failures', {
      alarmName: FAILURES_ALARM,
      alarmDescription:
        `runawaytrain could not handle an event, in spite of the retries. It lies in the queue ${names.failureQueue}: a launch, ` +
        `an order or a billing alarm that nobody has acted on. Read it there and in the log group ${names.logGroup}. What it was ` +
        `about is judged at the next sweep. Delete the message once it is understood. ${runbook(FAILURES_ALARM)}`,
      metric: failures.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: Duration.minutes(5) }),
      comparisonOperator: GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: 1,
    });
    this.alarm('Coverage', {
      alarmName: COVERAGE_ALARM,
      alarmDescription:
        'No sweep of runawaytrain saw every account in every region in the last hour: something is not watched. The report of a sweep ' +
        `names each account and region that did not answer, and why. ${runbook(COVERAGE_ALARM)}`,
      // The most of an hour: one region that is slow once is noise.
      metric: ownMetric('coverage', { statistic: 'Maximum', period: Duration.hours(1) }),
      comparisonOperator: LESS_THAN_THRESHOLD,
      threshold: 100,
    });
    this.alarm('Brake', {
      alarmName: BRAKE_ALARM,
      alarmDescription:
        'runawaytrain froze accounts that ran away instead of halting them, because the brake held: what runs in them runs on and bills. ' +
        `No further account is halted until people have halted or released each of them: runawaytrain status names them. ${runbook(BRAKE_ALARM)}`,
      metric: ownMetric('waiting'),
      comparisonOperator: GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: 1,
    });
  }

  private alarm(what: string, props: AlarmDescription): void {
    // No sweep at all is what the heartbeat is for.
    const treatMissingData = TreatMissingData.NOT_BREACHING;
    const alarm = new Alarm(this, what, { ...props, evaluationPeriods: 1, treatMissingData });
    alarm.addAlarmAction(this.tell.action);
    alarm.addOkAction(this.tell.action);
    this.tell.grantPublishToAlarm(`Accept${what}Alarm`, props.alarmName);
  }
}

interface AlarmDescription {
  readonly alarmName: string;
  readonly alarmDescription: string;
  readonly metric: IMetric;
  readonly comparisonOperator: ComparisonOperator;
  readonly threshold: number;
}
