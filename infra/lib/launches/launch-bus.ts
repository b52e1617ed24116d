/** The bus where the launches of every account arrive. */
import { Stack } from 'aws-cdk-lib';
import { CfnEventBus, EventBus, Rule, type RuleTargetConfig } from 'aws-cdk-lib/aws-events';
import { Construct } from 'constructs';
import { names } from '../contract';
import type { Policy } from '../policy/policy';
import { busArn } from './forwarder-statements';
import { LAUNCH_DETAIL_TYPES, LAUNCH_PATTERN, LAUNCH_SOURCE } from './launch-pattern';

export interface LaunchBusProps {
  readonly policy: Policy;
}

export class LaunchBus extends Construct {
  /** Picks the launches out of whatever the bus admitted. */
  readonly rule: Rule;
  private readonly bus: CfnEventBus;

  constructor(scope: Construct, id: string, { policy }: LaunchBusProps) {
    super(scope, id);
    const { account } = Stack.of(this);
    this.bus = new CfnEventBus(this, 'Bus', {
      name: names.bus,
      description: 'Launches in any account of the organization.',
      // Inline, not an EventBusPolicy, so that there is one place where somebody else may be let in.
      policy: {
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'AdmitLaunches',
            Effect: 'Allow',
            Principal: { AWS: '*' },
            Action: 'events:PutEvents',
            Resource: busArn(account),
            Condition: admission(policy.organization),
          },
        ],
      },
    });
    this.rule = new Rule(this, 'Launched', {
      ruleName: names.launchRule,
      description: 'Launches in any account of the organization: judge that account now.',
      eventBus: EventBus.fromEventBusName(this, 'ByName', this.bus.ref),
      eventPattern: {
        source: LAUNCH_PATTERN.source,
        detailType: LAUNCH_PATTERN['detail-type'],
        detail: LAUNCH_PATTERN.detail,
      },
    });
  }

  /** What a rule needs to send to this bus. */
  target(): RuleTargetConfig {
    return { arn: this.bus.attrArn };
  }
}

/**
 * Whom the bus admits: the forwarder role of an account of this organization, with launch events of EC2.
 *
 * - `events:source` and `events:detail-type` may hold several values, of which each must be ours; a request without any would
 *   pass that test, so there must be one. Nobody but AWS can send events of a source that begins with `aws.`.
 * - `events:eventBusInvocation` is false for a PutEvents call, which only somebody with the forwarder's session could make.
 *
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
 */
function admission(organizationId: string): Record<string, Record<string, string | string[]>> {
  return {
    StringEquals: { 'aws:PrincipalOrgID': organizationId },
    ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::*:role/${names.forwarderRole}` },
    'ForAllValues:StringEquals': { 'events:source': LAUNCH_SOURCE, 'events:detail-type': LAUNCH_DETAIL_TYPES },
    Null: { 'events:source': 'false', 'events:detail-type': 'false' },
    BoolIfExists: { 'events:eventBusInvocation': 'true' },
  };
}
