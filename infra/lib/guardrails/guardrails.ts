/**
 * The stack with the service control policies. They name our roles by their fixed names, so this stack needs
 * nothing of the others; they take what they need from here.
 */
import { Annotations, Stack, type StackProps } from 'aws-cdk-lib';
import { CfnPolicy } from 'aws-cdk-lib/aws-organizations';
import type { Construct } from 'constructs';
import { names } from '../contract';
import type { Policy } from '../policy/policy';
import type { Document } from './deny';
import { lockdown } from './lockdown';
import { models } from './models';
import { protect } from './protect';
import { quarantine } from './quarantine';

const TYPE = 'SERVICE_CONTROL_POLICY';

export interface RunawayTrainGuardrailsProps extends StackProps {
  readonly policy: Policy;
}

/** The ids of what a halt attaches. */
export interface HaltPolicyIds {
  readonly quarantine: string;
  /** Beside the quarantine; without it a halt leaves models alone, and says so. */
  readonly models?: string;
  /** Where the policy asks for it; without it no account is locked down. */
  readonly lockdown?: string;
}

export class RunawayTrainGuardrails extends Stack {
  readonly haltPolicyIds: HaltPolicyIds;

  constructor(scope: Construct, id: string, { policy, ...props }: RunawayTrainGuardrailsProps) {
    super(scope, id, props);

    // No target: a halt attaches them to the one account, and a release detaches them.
    const policyOfAHalt = (id: string, name: string, description: string, content: Document) =>
      new CfnPolicy(this, id, { name, description, type: TYPE, content });
    const frozen = policyOfAHalt(
      'Quarantine',
      names.quarantinePolicy,
      'runawaytrain attaches this to an account that runs away: nothing in it can grow. What runs keeps running.',
      quarantine(),
    );
    const withoutModels = policyOfAHalt(
      'Models',
      names.modelsPolicy,
      'runawaytrain attaches this beside the quarantine: nobody in the account can call a foundation model.',
      models(),
    );
    const lockedDown = policyOfAHalt(
      'Lockdown',
      names.lockdownPolicy,
      'runawaytrain attaches this to a halted account where its policy says so: nobody can call anything but the guard.',
      lockdown(),
    );
    this.haltPolicyIds = { quarantine: frozen.attrId, models: withoutModels.attrId, lockdown: lockedDown.attrId };

    const enrolled = policy.enrolled;
    const guarded = new CfnPolicy(this, 'Protect', {
      name: names.protectPolicy,
      description:
        'Keeps members from touching what runawaytrain has in their account, and from leaving the organization.',
      type: TYPE,
      content: protect(),
      targetIds: enrolled.length > 0 ? [...enrolled] : undefined,
    });
    if (enrolled.length === 0) {
      Annotations.of(this).addWarningV2(
        'runawaytrain:protects-nothing',
        `the policy names neither organization.root nor organization.ous, so ${names.protectPolicy} is attached to nothing: ` +
          'whoever administers a sub-account can remove the guard from it. Add organization.root.',
      );
    }
    // One after the other: Organizations refuses two changes at the same time.
    // https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreatePolicy.html, ConcurrentModificationException
    const all = [frozen, withoutModels, lockedDown, guarded];
    for (const [before, policy] of all.slice(1).entries()) policy.addResourceDependency(all[before] as CfnPolicy);
  }
}
