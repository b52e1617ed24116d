/** The responder role of the payer itself: StackSets never reach the management account. */
import { Duration } from 'aws-cdk-lib';
import { PolicyDocument, Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { names } from '../contract';
import type { Policy } from '../policy/policy';
import { wide } from '../shared/wildcards';
import { responderStatements, responderTrust } from './responder-statements';

export interface PayerResponderProps {
  readonly policy: Policy;
}

export class PayerResponder extends Construct {
  constructor(scope: Construct, id: string, { policy }: PayerResponderProps) {
    super(scope, id);
    const statements = responderStatements(policy.payer);
    for (const { sid, resources } of statements) {
      wide(
        this,
        sid === 'List'
          ? 'These list, and have no resource to name.'
          : 'Which of its kind runs away is not known before; it is of this account.',
        ...resources.filter((resource) => resource.includes('*')),
      );
    }
    new Role(this, 'Role', {
      roleName: names.responderRole,
      description: 'Lets runawaytrain observe and contain this account.',
      assumedBy: responderTrust(policy.payer, policy.organization),
      maxSessionDuration: Duration.hours(1),
      inlinePolicies: { Respond: new PolicyDocument({ statements }) },
    });
  }
}
