/** What the steps of a distributed sweep hand to each other: the list of accounts, and what came of each worker. */
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { names } from '../contract';
import { acknowledge } from '../shared/acknowledge';
import { grant } from '../shared/grant';

/** A sweep is over within the hour. What went wrong in one may be looked for after the weekend. */
const KEPT = Duration.days(7);
const EACH_SWEEP = 'Each sweep has a folder of its own, by the name of its execution; bucket and prefix are fixed.';

export class SweepBucket extends Construct {
  private readonly bucket: Bucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      // Buckets are named world-wide. The function knows this one by its name.
      bucketName: `${names.sweepBucketPrefix}${Stack.of(this).account}`,
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      versioned: false,
      lifecycleRules: [{ expiration: KEPT, abortIncompleteMultipartUploadAfter: Duration.days(1) }],
      // CloudFormation removes no bucket that has objects. It empties itself, and the next deployment takes it over.
      removalPolicy: RemovalPolicy.RETAIN,
    });
    acknowledge(
      this.bucket,
      'AwsSolutions-S1',
      'Only the function and its state machine use the bucket. A log of that would want another bucket, which costs more than it tells.',
    );
  }

  /** To the function: it writes the list, and reads that and the results. */
  grantHandOn(grantee: IGrantable): void {
    this.grant(grantee, 'HandOnSweeps', ['s3:GetObject', 's3:PutObject']);
  }

  /**
   * To the state machine: its Distributed Map reads the list and writes the results, in parts where they are long.
   * https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
   */
  grantDistribute(grantee: IGrantable): void {
    const parts = ['s3:ListMultipartUploadParts', 's3:AbortMultipartUpload'];
    this.grant(grantee, 'ReadListWriteResults', ['s3:GetObject', 's3:PutObject', ...parts]);
  }

  private grant(grantee: IGrantable, sid: string, actions: string[]): void {
    grant(grantee, {
      sid,
      actions,
      resources: [`arn:aws:s3:::${this.bucketName}/${names.sweepPrefix}*`],
      conditions: { StringEquals: { 'aws:ResourceAccount': Stack.of(this).account } },
      because: EACH_SWEEP,
    });
  }

  private get bucketName(): string {
    return `${names.sweepBucketPrefix}${Stack.of(this).account}`;
  }
}
