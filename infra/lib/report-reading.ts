/** Reading Cost and Usage Reports: when, and what of which bucket the function may see. */
import { Duration, Stack } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import { EVENT_IS_STALE_AFTER, type Guard, RETRIES } from './guard';
import type { CostReports } from './policy/policy';
import { wide } from './wildcards';

export interface ReportReadingProps {
  readonly guard: Guard;
  readonly reports: CostReports;
}

export class ReportReading extends Construct {
  constructor(scope: Construct, id: string, { guard, reports }: ReportReadingProps) {
    super(scope, id);
    // AWS writes a few times a day, at no set hour. To look whether something is new is one call.
    new Rule(this, 'Rule', {
      description: 'Read what is new in the Cost and Usage Reports.',
      schedule: Schedule.rate(Duration.hours(1)),
      targets: [
        new LambdaFunction(guard.function, { event: RuleTargetInput.fromObject({ action: 'reports' }), retryAttempts: RETRIES, maxEventAge: EVENT_IS_STALE_AFTER }),
      ],
    });
    // Buckets are named world-wide: one of that name in somebody else's account has nothing to tell us.
    const ours = { StringEquals: { 'aws:ResourceAccount': Stack.of(this).account } };
    const bucket = `arn:aws:s3:::${reports.bucket}`;
    const objects = wide(guard, 'AWS names the files of a report; the bucket and the folder are fixed.', `${bucket}/${reports.prefix}*`);
    guard.allow('ReadReports', ['s3:GetObject'], objects, ours);
    guard.allow('ListReports', ['s3:ListBucket'], [bucket], { ...ours, StringLike: { 's3:prefix': `${reports.prefix}*` } });
  }
}
