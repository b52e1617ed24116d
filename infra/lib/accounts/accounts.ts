/**
 * The stacks with what accounts and units have of their own in the payer: the topics of their lists, and alarms at the amounts of
 * accounts. With some 150 such accounts the stack RunawayTrain would pass the 500 resources that CloudFormation takes in one.
 *
 * They are stacks of the app and not nested ones: everybody deploys with `--import-existing-resources`, and nothing can be
 * imported into nested stacks. https://github.com/aws/aws-cdk/issues/20918
 */
import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { ownTopic } from '../contract';
import { NotifyTopic } from '../notification/notify-topic';
import type { Policy } from '../policy/policy';
import { alarmTopicAction } from '../spend/alarm-topic';
import { SpendAlarms } from '../spend/spend-alarms';
import { stackOf } from './placement';

export interface RunawayTrainAccountsProps extends StackProps {
  readonly policy: Policy;
}

export class RunawayTrainAccounts extends Stack {
  /** @param id which accounts and units it has: `stackOf` each of them. */
  constructor(scope: Construct, id: string, { policy, ...props }: RunawayTrainAccountsProps) {
    super(scope, id, { ...props, stackName: id });
    const placed = <Own>(all: ReadonlyMap<string, Own>) => new Map([...all].filter(([owner]) => stackOf(owner) === id));

    for (const [owner, addresses] of placed(policy.ownNotify)) {
      new NotifyTopic(this, `Notify${owner}`, { name: ownTopic(owner), addresses });
    }
    new SpendAlarms(this, 'Spend', { watched: placed(policy.ownSpend), tell: alarmTopicAction(this) });
  }
}

/** Only the stacks that have something. */
export function accountStacks(
  scope: Construct,
  guard: Stack,
  props: RunawayTrainAccountsProps,
): RunawayTrainAccounts[] {
  const { ownNotify, ownSpend } = props.policy;
  const ids = new Set([...ownNotify.keys(), ...ownSpend.keys()].map(stackOf));
  return [...ids].sort().map((id) => {
    const stack = new RunawayTrainAccounts(scope, id, props);
    // Former versions had all this in the guard's stack, and two stacks cannot hold a topic of one name: it has to go there first.
    stack.addStackDependency(guard, 'the alarms tell its topic');
    return stack;
  });
}
