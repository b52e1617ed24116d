/** The alarms that say that the guard is on and does not do all of its work. */
import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { metrics, names } from '../contract';
import type { NotifyTopic } from '../notification/notify-topic';

export const FAILURES_ALARM = names.failureQueue;
export const COVERAGE_ALARM = `${names.function}-coverage`;
export const BRAKE_ALARM = `${names.function}-brake`;

export interface TroubleProps {
  readonly failures: IQueue;
  readonly tell: NotifyTopic;
}

export class Trouble extends Construct {
  constructor(scope: Construct, id: string, { failures, tell }: TroubleProps) {
    super(scope, id);
    const ring = (id: string, sid: string, alarm: { name: string; says: string; metric: IMetric; when: When }) => {
      const { comparison, threshold } = alarm.when;
      const made = new Alarm(this, id, {
        alarmName: alarm.name,
        alarmDescription: alarm.says,
        metric: alarm.metric,
        comparisonOperator: comparison,
        threshold,
        evaluationPeriods: 1,
        // No sweep at all is what the heartbeat is for.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      });
      made.addAlarmAction(tell.action);
      made.addOkAction(tell.action);
      tell.grantPublishToAlarm(sid, alarm.name);
    };
    ring('Failures', 'AcceptFailuresAlarm', {
      name: FAILURES_ALARM,
      says:
        `An event could not be handled by runawaytrain, in spite of the retries, and lies in the queue ${names.failureQueue}: a launch, ` +
        `an order or a billing alarm that nobody has acted on. Read it there and the log group ${names.logGroup}; what it was about is ` +
        'judged at the next sweep. Delete the message when it is understood.',
      metric: failures.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: Duration.minutes(5) }),
      when: { comparison: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD, threshold: 1 },
    });
    ring('Coverage', 'AcceptCoverageAlarm', {
      name: COVERAGE_ALARM,
      says:
        'No sweep of the last hour saw every account in every region: something is not watched. Ask runawaytrain for its status; the ' +
        'report of a sweep names each account and region that did not answer, and why.',
      // The most of an hour: one region that is slow once is noise.
      metric: own(metrics.coverage, Duration.hours(1)),
      when: { comparison: ComparisonOperator.LESS_THAN_THRESHOLD, threshold: 100 },
    });
    ring('Brake', 'AcceptBrakeAlarm', {
      name: BRAKE_ALARM,
      says:
        'Accounts that ran away are frozen and not halted, for the brake held: what runs in them goes on and bills. No further account is ' +
        'halted until people have halted or released each of them. The status of runawaytrain names them.',
      metric: own(metrics.waiting, Duration.minutes(5)),
      when: { comparison: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD, threshold: 1 },
    });
  }
}

function own(metricName: string, period: Duration): Metric {
  return new Metric({ namespace: metrics.namespace, metricName, statistic: 'Maximum', period });
}

interface When {
  readonly comparison: ComparisonOperator;
  readonly threshold: number;
}
