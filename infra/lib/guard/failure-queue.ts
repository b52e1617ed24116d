/** Where an event goes that the function could not handle, so that it can be read instead of guessed at. */
import { Duration, Stack } from 'aws-cdk-lib';
import { type IGrantable, PolicyStatement, type ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { names } from '../contract';
import { grant } from '../shared/grant';

export class FailureQueue extends Construct {
  readonly queue: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    // By name: that queue needs this one to be there first.
    const launches = Queue.fromQueueArn(
      this,
      'Launches',
      Stack.of(this).formatArn({ service: 'sqs', resource: names.launchQueue }),
    );
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

  /** To a service that delivers for us, on behalf of one sender: it keeps here what it could not deliver. */
  grantSendToService(service: ServicePrincipal, sid: string, sourceArn: string): void {
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

  /** To the function: Lambda sends with its role. */
  grantSend(grantee: IGrantable): void {
    grant(grantee, { sid: 'SendFailedEvents', actions: ['sqs:SendMessage'], resources: [this.arn] });
  }
}
