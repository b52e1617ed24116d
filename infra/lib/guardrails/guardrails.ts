/**
 * The stack with the two service control policies. They name our roles by their fixed names, so this stack needs
 * nothing of the others; they take what they need from here.
 */
import { Annotations, Stack, type StackProps } from 'aws-cdk-lib';
import { CfnPolicy } from 'aws-cdk-lib/aws-organizations';
import type { Construct } from 'constructs';
import { names } from '../contract';
import type { Policy } from '../policy/policy';
import { protect } from './protect';
import { quarantine } from './quarantine';

const TYPE = 'SERVICE_CONTROL_POLICY';

export interface RunawayTrainGuardrailsProps extends StackProps {
  readonly policy: Policy;
}

export class RunawayTrainGuardrails extends Stack {
  /** What a halt attaches. */
  readonly quarantinePolicyId: string;

  constructor(scope: Construct, id: string, { policy, ...props }: RunawayTrainGuardrailsProps) {
    super(scope, id, props);

    // No target: a halt attaches it to the one account, and a release detaches it.
    const frozen = new CfnPolicy(this, 'Quarantine', {
      name: names.quarantinePolicy,
      description:
        'runawaytrain attaches this to an account that runs away: nothing in it can grow. What runs keeps running.',
      type: TYPE,
      content: quarantine(),
    });
    this.quarantinePolicyId = frozen.attrId;

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
    guarded.addResourceDependency(frozen);
  }
}
