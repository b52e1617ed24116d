/** The responder role of the payer itself: StackSets never reach the management account. */
import { Duration } from 'aws-cdk-lib';
import { PolicyDocument, Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { names } from './contract';
import type { Policy } from './policy/policy';
import { responderStatements, responderTrust } from './responder-statements';

export interface PayerResponderProps {
  readonly policy: Policy;
}

export class PayerResponder extends Construct {
  constructor(scope: Construct, id: string, { policy }: PayerResponderProps) {
    super(scope, id);
    new Role(this, 'Role', {
      roleName: names.responderRole,
      description: 'Lets runawaytrain observe and contain this account.',
      assumedBy: responderTrust(policy.payer, policy.organization),
      maxSessionDuration: Duration.hours(1),
      inlinePolicies: { Respond: new PolicyDocument({ statements: responderStatements(policy.payer) }) },
    });
  }
}
