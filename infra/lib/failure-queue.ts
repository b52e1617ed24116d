/** Where an event goes that the function could not handle, so that it can be read instead of guessed at. */
import { Duration } from 'aws-cdk-lib';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { names } from './contract';

export class FailureQueue extends Construct {
  private readonly queue: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.queue = new Queue(this, 'Queue', {
      queueName: names.failureQueue,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      // The most that SQS allows: somebody may be on holiday.
      retentionPeriod: Duration.days(14),
    });
  }

  get arn(): string {
    return this.queue.queueArn;
  }

  /** Lambda sends with the function's own role. */
  grantSend(grantee: IGrantable): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ sid: 'KeepFailures', actions: ['sqs:SendMessage'], resources: [this.arn] }),
    );
  }
}
