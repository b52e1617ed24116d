/**
 * Spend alarms that the payer itself holds, one an account. A member cannot delete them, and only the payer can read the
 * charges of one account apart from the others'.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html
 */
import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IAlarmAction, Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { names } from '../contract';
import { runbook } from '../shared/runbook';

/** AWS publishes the estimate several times a day; a shorter period would mostly be empty. */
const PERIOD = Duration.hours(6);

/** Each account's alarm is read about in one place. */
const RUNBOOK = runbook(names.spendAlarmPrefix.replace(/-$/, ''));

export interface SpendAlarmsProps {
  /** US dollars a month, by account. */
  readonly watched: ReadonlyMap<string, number>;
  readonly tell: IAlarmAction;
}

export class SpendAlarms extends Construct {
  constructor(scope: Construct, id: string, { watched, tell }: SpendAlarmsProps) {
    super(scope, id);
    for (const [account, dollars] of watched) this.watch(account, dollars, tell);
  }

  private watch(account: string, dollars: number, tell: IAlarmAction): void {
    const alarm = new Alarm(this, account, {
      alarmName: `${names.spendAlarmPrefix}${account}`,
      alarmDescription: `Account ${account} was charged more than USD ${dollars} this month, by AWS's estimate. runawaytrain judges it now. ${RUNBOOK}`,
      metric: new Metric({
        namespace: 'AWS/Billing',
        metricName: 'EstimatedCharges',
        // Without LinkedAccount the payer's metric is the total of all accounts, the payer's own included.
        dimensionsMap: { Currency: 'USD', LinkedAccount: account },
        // The month so far, which only grows.
        statistic: 'Maximum',
        period: PERIOD,
      }),
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      threshold: dollars,
      evaluationPeriods: 1,
      // A gap between two estimates says nothing about spend. As good or as bad it would make the alarm change its state,
      // and each change to ALARM is a sweep.
      treatMissingData: TreatMissingData.IGNORE,
    });
    // No action on OK: spend falls at the turn of the month, and that releases nobody.
    alarm.addAlarmAction(tell);
  }
}
