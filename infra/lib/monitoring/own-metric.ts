/** The metrics that the function emits, by the keys of its own table. */
import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { metrics } from '../contract';

/** With the table's statistic over five minutes, unless it is told otherwise. */
export function ownMetric(key: string, other: { statistic?: string; period?: Duration } = {}): Metric {
  const row = metrics.table.find((metric) => metric.key === key);
  if (row === undefined) throw new Error(`the function emits no metric ${key}`);
  const { name: metricName, statistic } = row;
  return new Metric({ namespace: metrics.namespace, metricName, statistic, period: Duration.minutes(5), ...other });
}
