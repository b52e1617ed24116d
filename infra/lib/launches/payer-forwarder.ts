/**
 * The payer's own launches in this region: StackSets never reach the management account. In its other regions the payer
 * is seen by the schedule, or by `stacksets/member-region.yaml` deployed there by hand; this stack has one region.
 */
import { Stack } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { PolicyDocument, Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { names } from '../contract';
import { forwarderStatements, forwarderTrust } from './forwarder-statements';
import type { LaunchBus } from './launch-bus';
import { LAUNCH_PATTERN } from './launch-pattern';

export interface PayerForwarderProps {
  readonly to: LaunchBus;
}

export class PayerForwarder extends Construct {
  constructor(scope: Construct, id: string, { to }: PayerForwarderProps) {
    super(scope, id);
    const { account } = Stack.of(this);
    const role = new Role(this, 'Role', {
      roleName: names.forwarderRole,
      description: 'Lets EventBridge carry launch events to the bus of runawaytrain.',
      assumedBy: forwarderTrust(account),
      inlinePolicies: { Forward: new PolicyDocument({ statements: forwarderStatements(account) }) },
    });
    new Rule(this, 'Rule', {
      // On the default bus, where AWS's own events are; ours has a rule of this name as well.
      ruleName: names.launchRule,
      description: 'Forwards launches to the bus of runawaytrain.',
      eventPattern: {
        source: LAUNCH_PATTERN.source,
        detailType: LAUNCH_PATTERN['detail-type'],
        detail: LAUNCH_PATTERN.detail,
      },
      targets: [{ bind: () => ({ ...to.target(), role }) }],
    });
  }
}
