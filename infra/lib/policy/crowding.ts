/**
 * Accounts and units whose topics and alarms do not fit into the stack that their ids place them in. A JSON Schema cannot say it, and the
 * CDK would end in a stack trace.
 */
import { remainderOf, STACKS, stackAt } from '../accounts/placement';
import type { Policy } from './policy';
import type { Finding } from './problem';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
const MOST_RESOURCES = 500;
/** A topic and its policy. Each address is a subscription besides. */
const TOPIC = 2;

export function crowdedStacks(policy: Policy): Finding[] {
  const resources = Array.from({ length: STACKS }, () => 0);
  const count = (id: string, more: number) => {
    const remainder = remainderOf(id);
    resources[remainder] = (resources[remainder] ?? 0) + more;
  };
  for (const [id, addresses] of policy.ownNotify) count(id, TOPIC + addresses.length);
  for (const account of policy.ownSpend.keys()) count(account, 1);
  return resources.flatMap((held, remainder) => (held > MOST_RESOURCES ? [crowded(remainder, held)] : []));
}

function crowded(remainder: number, resources: number): Finding {
  return {
    path: ['accounts'],
    atKey: true,
    what:
      `those whose ids leave ${remainder} when divided by ${STACKS} have ${resources} topics, topic policies, subscriptions and alarms ` +
      `of their own, and their stack ${stackAt(remainder)} takes ${MOST_RESOURCES}`,
    todo: 'Write the one address of a mailing list instead of many, or leave notify or limits.spendMonth of some of them to the defaults.',
  };
}
