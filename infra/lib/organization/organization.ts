/**
 * The organization, which is there already: its accounts, the responder role that each of them has, and the policies
 * that may be attached to them.
 */
import { Stack } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { names } from '../contract';
import type { HaltPolicyIds } from '../guardrails/guardrails';
import { grant } from '../shared/grant';

export interface OrganizationProps {
  readonly organizationId: string;
  readonly haltPolicyIds: HaltPolicyIds;
}

export class Organization extends Construct {
  private readonly organizationId: string;
  private readonly haltPolicyIds: HaltPolicyIds;

  constructor(scope: Construct, id: string, { organizationId, haltPolicyIds }: OrganizationProps) {
    super(scope, id);
    this.organizationId = organizationId;
    this.haltPolicyIds = haltPolicyIds;
  }

  grantListAccounts(grantee: IGrantable): void {
    grant(grantee, {
      sid: 'ListAccounts',
      actions: ['organizations:ListAccounts'],
      resources: ['*'],
      // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
      because: 'ListAccounts has no resource to name.',
    });
  }

  /**
   * Which accounts are in the units that the policy names, and in those inside of them.
   * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
   */
  grantListUnits(grantee: IGrantable): void {
    grant(grantee, {
      sid: 'ListUnits',
      actions: ['organizations:ListOrganizationalUnitsForParent', 'organizations:ListAccountsForParent'],
      resources: [`arn:aws:organizations::${Stack.of(this).account}:ou/${this.organizationId}/*`],
      because: 'Units inside of a unit that the policy names come and go.',
    });
  }

  /**
   * The responder role in any account, as long as the account is of this organization: a role of that name in somebody
   * else's organization is not ours to enter. `IfExists` admits accounts outside every organization, for which the key
   * is absent; they never get this far, since the accounts come from ListAccounts.
   * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourceorgid
   */
  grantAssumeResponders(grantee: IGrantable): void {
    grant(grantee, {
      sid: 'AssumeResponderRoles',
      actions: ['sts:AssumeRole'],
      resources: [`arn:aws:iam::*:role/${names.responderRole}`],
      conditions: { StringEqualsIfExists: { 'aws:ResourceOrgID': this.organizationId } },
      because: 'Any account, also one that joins later; the condition keeps it to the organization.',
    });
  }

  /**
   * Sessions as the root user of an account of this organization, which can delete root's own credentials and nothing
   * else.
   * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html
   * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
   */
  grantAssumeRoot(grantee: IGrantable): void {
    const task = 'arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials';
    grant(grantee, {
      sid: 'DeleteRootCredentials',
      actions: ['sts:AssumeRoot'],
      resources: ['arn:aws:iam::*:root'],
      conditions: { StringEquals: { 'sts:TaskPolicyArn': task } },
      because:
        'Any account, also one that joins later; AWS keeps it to members of the organization, and the condition to the task.',
    });
  }

  /**
   * Attaches and detaches these policies, on accounts of this organization only: AWS asks for both, the policy and its
   * target, in the same statement. No root and no unit, where one call would freeze them all.
   * https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_attach.html
   * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
   */
  grantHaltPolicies(grantee: IGrantable): void {
    const payer = Stack.of(this).account;
    const { quarantine, models, lockdown } = this.haltPolicyIds;
    const policies = [quarantine, models, lockdown].flatMap((id) =>
      id === undefined
        ? []
        : [`arn:aws:organizations::${payer}:policy/${this.organizationId}/service_control_policy/${id}`],
    );
    const accounts = `arn:aws:organizations::${payer}:account/${this.organizationId}/*`;
    const because = 'Any account of the organization may have to be frozen.';
    grant(grantee, {
      sid: 'AttachAndDetachHaltPolicies',
      actions: ['organizations:AttachPolicy', 'organizations:DetachPolicy'],
      resources: [...policies, accounts],
      because,
    });
    grant(grantee, {
      sid: 'ListAttachedPolicies',
      actions: ['organizations:ListPoliciesForTarget'],
      resources: [accounts],
      because,
    });
  }
}
