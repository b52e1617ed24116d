/** The topic of the default list, and who may publish to it and to those of accounts and units, which are in stacks of their own. */
import { Stack } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { names, ownTopic } from '../contract';
import type { Policy } from '../policy/policy';
import { grant } from '../shared/grant';
import { NotifyTopic } from './notify-topic';

export interface NotifyTopicsProps {
  readonly policy: Policy;
}

/** One `?` a digit. It matches the topics of accounts, and nothing that is named for a purpose. */
const ANY_ACCOUNT = '?'.repeat(12);
/** The ids of units are of many lengths. */
const ANY_UNIT = 'ou-*';

export class NotifyTopics extends Construct {
  /** The default list: the people who run the guard. */
  readonly general: NotifyTopic;
  private readonly unitsHaveLists: boolean;

  constructor(scope: Construct, id: string, { policy }: NotifyTopicsProps) {
    super(scope, id);
    this.general = new NotifyTopic(this, 'General', { name: names.topic, addresses: policy.notify });
    this.unitsHaveLists = policy.unitsHaveLists;
  }

  /** A pattern instead of a list: a few hundred names would not fit into the role's 10,240 characters of policy. */
  grantPublish(grantee: IGrantable): void {
    const { account, region } = Stack.of(this);
    const arn = (name: string) => `arn:aws:sns:${region}:${account}:${name}`;
    grant(grantee, {
      sid: 'PublishNotifications',
      actions: ['sns:Publish'],
      resources: [names.topic, ownTopic(ANY_ACCOUNT)].map(arn),
    });
    if (!this.unitsHaveLists) return;
    grant(grantee, {
      sid: 'PublishToUnits',
      actions: ['sns:Publish'],
      resources: [arn(ownTopic(ANY_UNIT))],
      because: 'Any unit may have a list; only topics of units are named so.',
    });
  }
}
