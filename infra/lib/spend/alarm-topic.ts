/**
 * Where the spend alarms of every account publish, and where the function listens. Nobody subscribes by mail: an alarm is
 * a question to the guard, and what comes of it is mailed to the account's own list.
 */
import { Stack } from 'aws-cdk-lib';
import type { IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { LambdaSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { names } from '../contract';
import type { FailureQueue } from '../guard/failure-queue';
import type { Guard } from '../guard/guard';
import type { Policy } from '../policy/policy';

export interface AlarmTopicProps {
  readonly policy: Policy;
  readonly guard: Guard;
  readonly failures: FailureQueue;
}

/** For alarms in other stacks: the topic by its name, since this stack could not change what another one imports from it. */
export function alarmTopicAction(scope: Construct): IAlarmAction {
  const { account, region } = Stack.of(scope);
  const arn = `arn:aws:sns:${region}:${account}:${names.alarmTopic}`;
  return new SnsAction(Topic.fromTopicArn(scope, 'AlarmTopic', arn));
}

export class AlarmTopic extends Construct {
  private readonly topic: Topic;

  constructor(scope: Construct, id: string, { policy, guard, failures }: AlarmTopicProps) {
    super(scope, id);
    const { region } = Stack.of(this);
    this.topic = new Topic(this, 'Topic', {
      topicName: names.alarmTopic,
      // Begins the one policy of the topic. Not encrypted with the AWS managed key: CloudWatch could not publish through it.
      enforceSSL: true,
    });
    // Spend alarms of any account of the organization, the payer's too, and no other alarm.
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AcceptSpendAlarms',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: {
          StringEquals: { 'aws:SourceOrgID': policy.organization },
          ArnLike: { 'aws:SourceArn': `arn:aws:cloudwatch:${region}:*:alarm:${names.spendAlarmPrefix}*` },
        },
      }),
    );
    // Asynchronous from here on: what the function fails at is kept by its own failure destination. This keeps what
    // could not be handed to it at all.
    this.topic.addSubscription(new LambdaSubscription(guard.function, { deadLetterQueue: failures.queue }));
  }

  get action(): IAlarmAction {
    return new SnsAction(this.topic);
  }
}
