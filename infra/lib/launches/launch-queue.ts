/** Where launches wait for the function, some seconds' worth at a time. */
import { Duration } from 'aws-cdk-lib';
import type { Rule } from 'aws-cdk-lib/aws-events';
import { type IGrantable, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { names } from '../contract';
import type { FailureQueue } from '../guard/failure-queue';
import { FUNCTION_TIMEOUT, type Guard } from '../guard/guard';
import { grant } from '../shared/grant';

/** A thief launches by the hundred: this makes one sweep of a burst, and costs five of the seconds that a halt may take. */
const GATHER = Duration.seconds(5);
/** Messages an invocation: a burst of so many is a single one. Lambda allows 10,000, but no more than 6 MB of them. */
const BATCH = 1000;
/**
 * Invocations at once. Each may hold on to one account that resists for as long as an invocation lasts; the brake lets ten be
 * halted in an hour, unless the policy says more, so two are always left for everybody else's launches. They cost nothing while
 * nothing is launched, and leases keep two of them from one account.
 */
const CONCURRENCY = 12;
/** As AWS advises at least, so that a throttled invocation does not count as a poisoned message. */
const RECEIVES = 5;

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
      // The longest invocation, the gathering before it, and a margin: a message that came back while it is still worked
      // on would start a second sweep. Lambda's advice of six timeouts is against throttling, which CONCURRENCY prevents;
      // by it the launches of a crashed invocation would come back after an hour and a half.
      visibilityTimeout: FUNCTION_TIMEOUT.plus(GATHER).plus(Duration.seconds(55)),
      // Longer than all receives together take.
      retentionPeriod: Duration.days(1),
      deadLetterQueue: { queue: failures.queue, maxReceiveCount: RECEIVES },
    });
    this.acceptFrom(from, failures);
    new EventSourceMapping(this, 'Mapping', {
      target: guard.function,
      eventSourceArn: this.queue.queueArn,
      batchSize: BATCH,
      maxBatchingWindow: GATHER,
      maxConcurrency: CONCURRENCY,
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
