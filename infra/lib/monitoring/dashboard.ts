/**
 * What runs in the organization, what it costs, whether the guard is on and what it sees, on one page; below, account
 * by account, from the log.
 */
import { Duration } from 'aws-cdk-lib';
import {
  GraphWidget,
  type IMetric,
  LogQueryVisualizationType,
  LogQueryWidget,
  Dashboard as Page,
  SingleValueWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { metrics, names } from '../contract';
import { ownMetric } from './own-metric';

export interface DashboardProps {
  readonly function: IFunction;
  readonly launches: IQueue;
  readonly failures: IQueue;
  readonly scheduleMinutes: number;
}

/** CloudWatch's grid is 24 wide. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html */
const WHOLE = 24;
const HALF = WHOLE / 2;
const ROWS_SHOWN = 20;
const SWEEPS = 2;

export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    // Each metric of the function's table, by its own words.
    const own = metrics.table.map(({ key, meaning }) => graph(meaning, [ownMetric(key)]));
    const lambda = [
      graph('Invocations that failed or were throttled', [
        props.function.metricErrors(),
        props.function.metricThrottles(),
      ]),
      graph('Duration of an invocation', [props.function.metricDuration({ statistic: 'Maximum' })]),
      graph('Age of the oldest launch that waits', [props.launches.metricApproximateAgeOfOldestMessage()]),
      graph('Events that could not be handled', [props.failures.metricApproximateNumberOfMessagesVisible()]),
    ];
    new Page(this, 'Page', {
      dashboardName: names.function,
      defaultInterval: Duration.days(1),
      widgets: [
        [
          new SingleValueWidget({
            title: 'Now',
            metrics: ['instances', 'vcpus', 'burn', 'coverage', 'halted', 'frozen'].map((key) => ownMetric(key)),
            width: WHOLE,
            height: 4,
          }),
        ],
        [
          query('Accounts, by what they cost now', [
            // Of the last sweeps alone: who has become quiet is not written of any more.
            `filter message = "${metrics.accountLine}" and toMillis(@timestamp) > (now() - ${props.scheduleMinutes * SWEEPS * 60}) * 1000`,
            'stats latest(name) as Name, latest(state) as State, latest(verdict) as Verdict, latest(unseen) as Unseen, ' +
              'latest(instances) as Instances, latest(vcpus) as vCPUs, latest(usd_per_hour) as USDPerHour by account as Account',
            'sort Unseen desc, USDPerHour desc, Instances desc',
            `limit ${ROWS_SHOWN}`,
          ]),
        ],
        ...pairs(own),
        ...pairs(lambda),
        [
          query('Warnings and errors', [
            'filter level in ["WARN", "ERROR"]',
            'display @timestamp, level, account, message, error',
            'sort @timestamp desc',
            `limit ${ROWS_SHOWN}`,
          ]),
        ],
      ],
    });
  }
}

function graph(title: string, left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, left, width: HALF, leftYAxis: { min: 0 } });
}

/** A table from the log: a metric for each account would cost more than the function. */
function query(title: string, queryLines: string[]): LogQueryWidget {
  const view = LogQueryVisualizationType.TABLE;
  return new LogQueryWidget({ title, logGroupNames: [names.logGroup], queryLines, view, width: WHOLE, height: 8 });
}

function pairs(widgets: readonly GraphWidget[]): GraphWidget[][] {
  return widgets.flatMap((_, at) => (at % 2 === 0 ? [widgets.slice(at, at + 2)] : []));
}
