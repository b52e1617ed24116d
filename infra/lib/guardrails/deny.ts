/**
 * The words of a service control policy, as far as ours need them. Both only deny; what is allowed stays with the
 * `FullAWSAccess` that every account has.
 * https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_syntax.html
 */
import { names } from '../contract';

/** The most characters that one service control policy may have, white space included; CloudFormation sends none. */
export const MOST_CHARACTERS = 10_240;

export interface Document {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

export interface Statement {
  readonly Sid: string;
  readonly Effect: 'Deny';
  readonly Action: readonly string[];
  readonly Resource?: readonly string[];
  readonly NotResource?: readonly string[];
  readonly Condition?: { readonly ArnNotLike: { readonly 'aws:PrincipalArn': readonly string[] } };
}

export interface Denial {
  /** Read by whoever is denied, in their own console: says what is, in AWS's words. Letters and digits only. */
  readonly sid: string;
  readonly actions: readonly string[];
  /** Which resources, or all but which. */
  readonly on: { readonly only: readonly string[] } | { readonly allBut: readonly string[] };
  /** Names of the roles to which it does not apply; a `*` at the end is a pattern. Nobody else is exempt, root included. */
  readonly exceptFor?: readonly string[];
}

export const EVERYTHING = { only: ['*'] };

/**
 * By which an account leaves: by itself, straight into another organization, or for good. An invitation into ours is
 * accepted before any policy of ours holds, and the payer closes an account from outside of it.
 * https://docs.aws.amazon.com/organizations/latest/userguide/orgs_account_migration.html
 */
export const LEAVES = ['organizations:LeaveOrganization', 'organizations:AcceptHandshake', 'account:CloseAccount'];

export function document(...denials: readonly Denial[]): Document {
  return { Version: '2012-10-17', Statement: denials.map(statement) };
}

function statement({ sid, actions, on, exceptFor }: Denial): Statement {
  return {
    Sid: sid,
    Effect: 'Deny',
    Action: actions,
    ...('only' in on ? { Resource: on.only } : { NotResource: on.allBut }),
    // `aws:PrincipalArn` is the role's own ARN for its sessions, path included: a role of the same name under a path
    // is not exempt. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
    ...(exceptFor && { Condition: { ArnNotLike: { 'aws:PrincipalArn': exceptFor.map(role) } } }),
  };
}

/** `{ec2: ['RunInstances']}` → `['ec2:RunInstances']`. */
export function actions(byService: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(byService).flatMap(([service, some]) => some.map((action) => `${service}:${action}`));
}

/** The role of this name in any account. */
export function role(name: string): string {
  return `arn:aws:iam::*:role/${name}`;
}

/** The role of this name in any account and under any path: the never-touched list looks at names alone. */
export function roleAnywhere(name: string): string[] {
  return [role(name), role(`*/${name}`)];
}

/** CloudFormation StackSets puts our pieces into an account with roles of such names, each with a random end. */
export const STACK_SETS = 'stacksets-exec-*';
/** The payer's administrators enter an account through this. */
export const PAYERS_ADMIN = 'OrganizationAccountAccessRole';

/** Every call that changes an IAM role, or hands it to a service. */
export const ROLE_CHANGES = actions({
  iam: [
    'AttachRolePolicy',
    'CreateRole',
    'DeleteRole',
    'DeleteRolePermissionsBoundary',
    'DeleteRolePolicy',
    'DetachRolePolicy',
    'PassRole',
    'PutRolePermissionsBoundary',
    'PutRolePolicy',
    'TagRole',
    'UntagRole',
    'UpdateAssumeRolePolicy',
    'UpdateRole',
    'UpdateRoleDescription',
  ],
});

/** The guard's roles in a member. */
export const OUR_ROLES_IN_MEMBERS = [names.responderRole, names.forwarderRole];
