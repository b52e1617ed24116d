/** Where launches wait for the function. Its numbers, and why they are so, are in `lambda/core/src/contract/launches.rs`. */
import { Duration } from 'aws-cdk-lib';
import type { Rule } from 'aws-cdk-lib/aws-events';
import { type IGrantable, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { launches, names } from '../contract';
import type { FailureQueue } from '../guard/failure-queue';
import type { Guard } from '../guard/guard';
import { grant } from '../shared/grant';

export interface LaunchQueueProps {
  /** What may fill the queue. */
  readonly from: Rule;
  readonly guard: Guard;
  readonly failures: FailureQueue;
}

export class LaunchQueue extends Construct {
  readonly queue: Queue;

  constructor(scope: Construct, id: string, { from, guard, failures }: LaunchQueueProps) {
    super(scope, id);
    this.queue = new Queue(this, 'Queue', {
      queueName: names.launchQueue,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: Duration.seconds(launches.visibilitySeconds),
      // Longer than all receives together take.
      retentionPeriod: Duration.days(1),
      deadLetterQueue: { queue: failures.queue, maxReceiveCount: launches.receives },
    });
    this.acceptFrom(from, failures);
    new EventSourceMapping(this, 'Mapping', {
      target: guard.function,
      eventSourceArn: this.queue.queueArn,
      batchSize: launches.batch,
      maxBatchingWindow: Duration.seconds(launches.windowSeconds),
      maxConcurrency: launches.concurrency,
      // One account that cannot be judged does not send the launches of all others round again.
      reportBatchItemFailures: true,
    });
  }

  /** What Lambda asks for to empty the queue; it does so with the role of the function. */
  grantReceive(grantee: IGrantable): void {
    grant(grantee, {
      sid: 'ReceiveLaunches',
      actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
      resources: [this.queue.queueArn],
    });
  }

  private acceptFrom(rule: Rule, failures: FailureQueue): void {
    const service = new ServicePrincipal('events.amazonaws.com');
    this.queue.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AcceptLaunches',
        principals: [service],
        actions: ['sqs:SendMessage'],
        resources: [this.queue.queueArn],
        conditions: { ArnEquals: { 'aws:SourceArn': rule.ruleArn } },
      }),
    );
    failures.grantSendToService(service, 'AcceptUndeliveredLaunches', rule.ruleArn);
    // Not the ready-made SqsQueue, which also grants reading the queue's attributes.
    rule.addTarget({ bind: () => ({ arn: this.queue.queueArn, deadLetterConfig: { arn: failures.arn } }) });
  }
}
