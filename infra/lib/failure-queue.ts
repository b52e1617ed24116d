/** Where an event goes that the function could not handle, so that it can be read instead of guessed at. */
import { Duration, Stack } from 'aws-cdk-lib';
import { type IGrantable, PolicyStatement, type ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { names } from './contract';

export class FailureQueue extends Construct {
  readonly queue: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    // By name: that queue needs this one to be there first.
    const launches = Queue.fromQueueArn(this, 'Launches', Stack.of(this).formatArn({ service: 'sqs', resource: names.launchQueue }));
    this.queue = new Queue(this, 'Queue', {
      queueName: names.failureQueue,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      // The most that SQS allows: somebody may be on holiday.
      retentionPeriod: Duration.days(14),
      // No other queue may unload here.
      redriveAllowPolicy: { sourceQueues: [launches] },
    });
  }

  get arn(): string {
    return this.queue.queueArn;
  }

  /** A service that delivers for us keeps here what it could not deliver, on behalf of one sender. */
  accept(sid: string, service: ServicePrincipal, sourceArn: string): void {
    this.queue.addToResourcePolicy(
      new PolicyStatement({
        sid,
        principals: [service],
        actions: ['sqs:SendMessage'],
        resources: [this.arn],
        conditions: { ArnEquals: { 'aws:SourceArn': sourceArn } },
      }),
    );
  }

  /** Lambda sends with the function's own role. */
  grantSend(grantee: IGrantable): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ sid: 'KeepFailures', actions: ['sqs:SendMessage'], resources: [this.arn] }),
    );
  }
}
