/**
 * The stack that enrolls every sub-account, present and future: stack sets, which CloudFormation itself deploys into the
 * accounts of the root or units that the policy names. The management account is never among them; what it needs is
 * in the stack RunawayTrain.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Annotations, CfnStackSet, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { names } from '../contract';
import type { Policy } from '../policy/policy';

const TEMPLATES = path.resolve(__dirname, '../../../stacksets');

export interface RunawayTrainEnrollmentProps extends StackProps {
  readonly policy: Policy;
}

export class RunawayTrainEnrollment extends Stack {
  constructor(scope: Construct, id: string, { policy, ...props }: RunawayTrainEnrollmentProps) {
    super(scope, id, props);
    const { payer, organization, enrolled, spendMonth } = policy;
    const deploymentTargets = { organizationalUnitIds: [...enrolled] };

    const member = new CfnStackSet(this, 'Member', {
      ...stackSet(names.memberStackSet, 'Roles of an account that runawaytrain guards.', 'member.yaml'),
      capabilities: ['CAPABILITY_NAMED_IAM'],
      parameters: parameters({ PayerAccount: payer, OrganizationId: organization }),
      // One region: the names of roles are the account's.
      stackInstancesGroup: [{ deploymentTargets, regions: [this.regionOfRoles(policy)] }],
      autoDeployment: EVERY_NEW_ACCOUNT,
    });

    const regional = new CfnStackSet(this, 'MemberRegion', {
      ...stackSet(names.memberRegionStackSet, 'Rules that forward launches to runawaytrain.', 'member-region.yaml'),
      parameters: parameters({ PayerAccount: payer }),
      stackInstancesGroup: [{ deploymentTargets, regions: this.regionsOf(policy) }],
      // For accounts that join later. The rules need the role of the other set.
      autoDeployment: { ...EVERY_NEW_ACCOUNT, dependsOn: [this.arnOf(member)] },
    });
    // The same order for the accounts of today, and the reverse when the stack is removed.
    regional.addResourceDependency(member);

    if (spendMonth === undefined) return;
    const alarms = new CfnStackSet(this, 'MemberAlarms', {
      ...stackSet(
        names.memberAlarmsStackSet,
        'Billing alarms of an account that runawaytrain guards.',
        'member-alarms.yaml',
      ),
      parameters: parameters({ PayerAccount: payer, SpendMonth: digits(spendMonth) }),
      // Billing metrics exist only here. Where the organization denies this region to its accounts, these stacks fail, and
      // none but these: the guard has its roles and looks by its schedule, only later than an alarm would have it look.
      stackInstancesGroup: [{ deploymentTargets, regions: [names.homeRegion] }],
      autoDeployment: EVERY_NEW_ACCOUNT,
    });
    // Until now the stacks of the roles had these alarms, whose names are free once those are updated.
    alarms.addResourceDependency(member);
  }

  /** Where the stack with the roles of each account is. */
  private regionOfRoles({ memberRegion, closedRegions }: Policy): string {
    if (closedRegions.includes(memberRegion)) {
      Annotations.of(this).addWarningV2(
        'runawaytrain:roles-in-a-closed-region',
        `the roles of every account are deployed in ${memberRegion}, and the policy has that region under organization.closedRegions: where a ` +
          'service control policy denies it, no account is enrolled. Name a region that is allowed in organization.memberRegion, or exempt ' +
          'stacksets-exec-* from that policy.',
      );
    }
    return memberRegion;
  }

  /** StackSets want regions by name, and a list of ours would be out of date within the year. */
  private regionsOf(policy: Policy): string[] {
    if (policy.regions.length > 0) return [...policy.regions];
    Annotations.of(this).addWarningV2(
      'runawaytrain:launches-in-one-region',
      `the policy names no organization.regions, so only launches in ${names.homeRegion} are told at once; in all other regions the schedule ` +
        'finds them. Add the regions that your organization has enabled.',
    );
    return [names.homeRegion];
  }

  /** The id is the set's name and a unique part; dependencies between sets are named by ARN. */
  private arnOf(set: CfnStackSet): string {
    return this.formatArn({ service: 'cloudformation', resource: 'stackset', resourceName: set.attrStackSetId });
  }
}

/**
 * The enrollment stack, or none where the policy does not say whom to enroll; then `guard` carries a warning.
 * The bus and the topic that members name have to be there first, so it waits for `guard`.
 */
export function enroll(
  scope: Construct,
  guard: Stack,
  props: RunawayTrainEnrollmentProps,
): RunawayTrainEnrollment | undefined {
  if (props.policy.enrolled.length === 0) {
    Annotations.of(guard).addWarningV2(
      'runawaytrain:enrolls-nobody',
      'the policy names neither organization.root nor organization.ous, so no sub-account is enrolled: the guard may look into none of them. ' +
        'Add organization.root, or deploy stacksets/member.yaml into each account by hand.',
    );
    return undefined;
  }
  const enrollment = new RunawayTrainEnrollment(scope, 'RunawayTrainEnrollment', props);
  enrollment.addStackDependency(guard, 'members name the bus and the topic');
  return enrollment;
}

/** An account that leaves loses its pieces: what remained would trust a payer that is no longer its own. */
const EVERY_NEW_ACCOUNT = { enabled: true, retainStacksOnAccountRemoval: false };

/** What the sets have in common. */
function stackSet(stackSetName: string, description: string, template: string) {
  return {
    stackSetName,
    description,
    permissionModel: 'SERVICE_MANAGED',
    // In the text itself: a bucket would have to be opened to every account. CloudFormation takes up to 51,200 bytes.
    templateBody: fs.readFileSync(path.join(TEMPLATES, template), 'utf8'),
    // Else one operation at a time: an account that joins would wait for a rollout to all the others.
    managedExecution: { Active: true },
    operationPreferences: {
      // One broken account, or a region that it has not enabled, must leave no other unguarded. Whoever was not reached
      // is named by the guard itself, as Unseen.
      failureTolerancePercentage: 100,
      // Accounts do not share quotas, so nothing is gained by going slower.
      maxConcurrentPercentage: 100,
      regionConcurrencyType: 'PARALLEL',
    },
  };
}

/** To the millionth of a dollar, as the function reads it. Less than that JavaScript would write with an exponent. */
function digits(dollars: number): string {
  return Number(dollars.toFixed(6)).toString();
}

function parameters(values: Record<string, string>): CfnStackSet.ParameterProperty[] {
  return Object.entries(values).map(([parameterKey, parameterValue]) => ({ parameterKey, parameterValue }));
}
