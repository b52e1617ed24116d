/** Reading Cost and Usage Reports: when, and what of which bucket the function may see. */
import { Duration, Stack } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { EVENT_IS_STALE_AFTER, type Guard, RETRIES } from '../guard/guard';
import type { CostReports } from '../policy/policy';
import { grant } from '../shared/grant';

export interface ReportReadingProps {
  readonly guard: Guard;
  readonly reports: CostReports;
}

export class ReportReading extends Construct {
  private readonly reports: CostReports;

  constructor(scope: Construct, id: string, { guard, reports }: ReportReadingProps) {
    super(scope, id);
    this.reports = reports;
    // AWS writes a few times a day, at no set hour. To look whether something is new is one call.
    new Rule(this, 'Rule', {
      description: 'Read what is new in the Cost and Usage Reports.',
      schedule: Schedule.rate(Duration.hours(1)),
      targets: [
        new LambdaFunction(guard.function, {
          event: RuleTargetInput.fromObject({ action: 'reports' }),
          retryAttempts: RETRIES,
          maxEventAge: EVENT_IS_STALE_AFTER,
        }),
      ],
    });
  }

  grantRead(grantee: IGrantable): void {
    const { bucket, prefix } = this.reports;
    // Buckets are named world-wide: one of that name in somebody else's account has nothing to tell us.
    const ours = { StringEquals: { 'aws:ResourceAccount': Stack.of(this).account } };
    grant(grantee, {
      sid: 'ReadReports',
      actions: ['s3:GetObject'],
      resources: [`arn:aws:s3:::${bucket}/${prefix}*`],
      conditions: ours,
      because: 'AWS names the files of a report; the bucket and the folder are fixed.',
    });
    grant(grantee, {
      sid: 'ListReports',
      actions: ['s3:ListBucket'],
      resources: [`arn:aws:s3:::${bucket}`],
      conditions: { ...ours, StringLike: { 's3:prefix': `${prefix}*` } },
    });
  }
}
