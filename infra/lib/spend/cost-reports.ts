/**
 * The Cost and Usage Report: a bucket, and the definition of what AWS writes into it. Only where the policy wants a report
 * and adopts none. Nothing of the other stacks refers to this one: bucket and report have fixed names.
 */
import { Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { CfnReportDefinition } from 'aws-cdk-lib/aws-cur';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { names } from '../contract';
import type { CostReports, Policy } from '../policy/policy';
import { acknowledge } from '../shared/acknowledge';

/** A year and a month: a year's report is finished in the month after it. */
const KEPT = Duration.days(400);
const BILLING = new ServicePrincipal('billingreports.amazonaws.com');

export interface RunawayTrainCostReportsProps extends StackProps {
  readonly policy: Policy;
}

/** The stack, where the policy has a report made; undefined where it adopts one or wants none. */
export function reportCosts(
  scope: Construct,
  props: RunawayTrainCostReportsProps,
): RunawayTrainCostReports | undefined {
  const reports = props.policy.costReports;
  return reports?.made ? new RunawayTrainCostReports(scope, 'RunawayTrainCostReports', props, reports) : undefined;
}

export class RunawayTrainCostReports extends Stack {
  constructor(
    scope: Construct,
    id: string,
    { policy: _, ...props }: RunawayTrainCostReportsProps,
    reports: CostReports,
  ) {
    super(scope, id, props);

    const bucket = new Bucket(this, 'Bucket', {
      bucketName: reports.bucket,
      // AWS's billing service writes with S3's own keys; with one of ours it would need rights over that, too.
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      // Each edition holds the whole month so far: an older version of it is worth nothing.
      versioned: false,
      lifecycleRules: [{ expiration: KEPT, abortIncompleteMultipartUploadAfter: Duration.days(1) }],
      // What was spent is evidence; removing the stack must not remove it.
      removalPolicy: RemovalPolicy.RETAIN,
    });
    acknowledge(
      bucket,
      'AwsSolutions-S1',
      'AWS writes the bucket and the function reads it. A log of that would want another bucket, which costs more than it tells; CloudTrail has data events for who needs them.',
    );
    for (const statement of this.deliveries(bucket)) bucket.addToResourcePolicy(statement);

    const report = new CfnReportDefinition(this, 'Report', {
      reportName: names.report,
      s3Bucket: reports.bucket,
      // AWS puts the slash itself.
      s3Prefix: reports.prefix.replace(/\/+$/, ''),
      s3Region: names.homeRegion,
      timeUnit: 'HOURLY',
      format: 'textORcsv',
      compression: 'GZIP',
      // Editions beside each other: whoever reads one is never handed half of the next. The bucket's lifecycle removes them.
      reportVersioning: 'CREATE_NEW_REPORT',
      // Last month's hours are still corrected when they matter at the turn of a month.
      refreshClosedReports: true,
      // No ids of resources: an hour of an account is asked for, and they make the report many times as long.
      additionalSchemaElements: [],
    });
    // AWS tries out whether it may write before it takes the definition.
    report.node.addDependency(bucket);
  }

  /**
   * AWS's billing service delivers, for definitions of this account only.
   * https://docs.aws.amazon.com/cur/latest/userguide/cur-s3.html
   */
  private deliveries(bucket: Bucket): PolicyStatement[] {
    const conditions = {
      StringEquals: { 'aws:SourceAccount': this.account },
      ArnLike: { 'aws:SourceArn': `arn:aws:cur:${names.homeRegion}:${this.account}:definition/*` },
    };
    return [
      new PolicyStatement({
        sid: 'CheckOwner',
        principals: [BILLING],
        actions: ['s3:GetBucketAcl', 's3:GetBucketPolicy'],
        resources: [bucket.bucketArn],
        conditions,
      }),
      new PolicyStatement({
        sid: 'DeliverReports',
        principals: [BILLING],
        actions: ['s3:PutObject'],
        resources: [bucket.arnForObjects('*')],
        conditions,
      }),
    ];
  }
}
