/** Whether the guard is on, what it sees, and what waits or fails, on one page. */
import { Duration } from 'aws-cdk-lib';
import { GraphWidget, type IMetric, Metric, Dashboard as Page } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { metrics, names } from '../contract';

export interface DashboardProps {
  readonly function: IFunction;
  readonly launches: IQueue;
  readonly failures: IQueue;
}

export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    const own = (metricName: string, statistic: string) =>
      new Metric({ namespace: metrics.namespace, metricName, statistic, period: Duration.minutes(5) });
    new Page(this, 'Page', {
      dashboardName: names.function,
      defaultInterval: Duration.days(1),
      widgets: [
        [
          graph('Complete sweeps', [own(metrics.heartbeat, 'Sum')]),
          // The least: one blind sweep must not drown in the average.
          graph('Coverage, percent of accounts × regions', [own(metrics.coverage, 'Minimum')]),
        ],
        [
          graph('Invocations that failed or were throttled', [
            props.function.metricErrors(),
            props.function.metricThrottles(),
          ]),
          graph('Duration of an invocation', [props.function.metricDuration({ statistic: 'Maximum' })]),
        ],
        [
          graph('Age of the oldest launch that waits', [props.launches.metricApproximateAgeOfOldestMessage()]),
          graph('Events that could not be handled', [props.failures.metricApproximateNumberOfMessagesVisible()]),
        ],
      ],
    });
  }
}

function graph(title: string, left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, left, width: 12, leftYAxis: { min: 0 } });
}
