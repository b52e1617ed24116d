/** One topic: one list of people, by e-mail. */
import { Stack } from 'aws-cdk-lib';
import type { IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';

export interface NotifyTopicProps {
  readonly name: string;
  readonly addresses: readonly string[];
}

export class NotifyTopic extends Construct {
  private readonly topic: Topic;

  constructor(scope: Construct, id: string, { name, addresses }: NotifyTopicProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', {
      topicName: name,
      // The one policy of the topic. Not encrypted with the AWS managed key: CloudWatch could not publish through it.
      enforceSSL: true,
    });
    for (const address of addresses) this.topic.addSubscription(new EmailSubscription(address));
  }

  /** Mails what an alarm has to say. The alarm needs a grant besides. */
  get action(): IAlarmAction {
    return new SnsAction(this.topic);
  }

  /**
   * To CloudWatch, on behalf of one alarm of this account.
   * A topic with a policy no longer has the default one, under which the account's own alarms may publish.
   * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
   */
  grantPublishToAlarm(sid: string, alarmName: string): void {
    const { account, region } = Stack.of(this);
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        sid,
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: {
          ArnEquals: { 'aws:SourceArn': `arn:aws:cloudwatch:${region}:${account}:alarm:${alarmName}` },
          StringEquals: { 'aws:SourceAccount': account },
        },
      }),
    );
  }
}
