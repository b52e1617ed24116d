/**
 * The words of a service control policy, as far as ours need them. Ours only deny; what is allowed stays with the
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
  readonly Condition?: Condition;
}

/** All that it names must hold for the statement to deny. */
export interface Condition {
  readonly ArnLike?: PrincipalArn;
  readonly ArnNotLike?: PrincipalArn;
  readonly BoolIfExists?: { readonly 'aws:AssumedRoot': 'false' };
}

interface PrincipalArn {
  readonly 'aws:PrincipalArn': readonly string[];
}

export interface Denial {
  /** Read by whoever is denied, in their own console: says what is, in AWS's words. Letters and digits only. */
  readonly sid: string;
  readonly actions: readonly string[];
  /** Which resources, or all but which. */
  readonly on: { readonly only: readonly string[] } | { readonly allBut: readonly string[] };
  /** ARNs of the only principals to which it applies. Without them it applies to everybody, root included. */
  readonly onlyFor?: readonly string[];
  /** Names of the roles to which it does not apply; a `*` at the end is a pattern. */
  readonly exceptFor?: readonly string[];
  /** Nor does it apply to a session of root that the payer opened. */
  readonly exceptForAssumedRoot?: true;
}

export const EVERYTHING = { only: ['*'] };
export const EVERY_ACTION = ['*'];

/** The root user of any account, by password, key or session. */
export const ROOT_USER = 'arn:aws:iam::*:root';

/**
 * By which an account leaves: by itself, straight into another organization, or for good. An invitation into ours is
 * accepted before any policy of ours holds, and the payer closes an account from outside of it.
 * https://docs.aws.amazon.com/organizations/latest/userguide/orgs_account_migration.html
 */
export const LEAVES = ['organizations:LeaveOrganization', 'organizations:AcceptHandshake', 'account:CloseAccount'];

export function document(...denials: readonly Denial[]): Document {
  return { Version: '2012-10-17', Statement: denials.map(statement) };
}

function statement({ sid, actions, on, onlyFor, exceptFor, exceptForAssumedRoot }: Denial): Statement {
  // `aws:PrincipalArn` is the role's own ARN for its sessions, path included: a role of the same name under a path
  // is not exempt. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
  const condition: Condition = {
    ...(onlyFor && { ArnLike: { 'aws:PrincipalArn': onlyFor } }),
    ...(exceptFor && { ArnNotLike: { 'aws:PrincipalArn': exceptFor.map(role) } }),
    // The key is there, and true, for what is called with credentials of `sts:AssumeRoot`, which only the payer and its
    // delegated administrator of IAM are given. Where it is missing, the statement denies.
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-assumedroot
    ...(exceptForAssumedRoot && { BoolIfExists: { 'aws:AssumedRoot': 'false' } }),
  };
  return {
    Sid: sid,
    Effect: 'Deny',
    Action: actions,
    ...('only' in on ? { Resource: on.only } : { NotResource: on.allBut }),
    ...(Object.keys(condition).length > 0 && { Condition: condition }),
  };
}

/** `{ec2: ['RunInstances']}` → `['ec2:RunInstances']`. */
export function actions(byService: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(byService).flatMap(([service, some]) => some.map((action) => `${service}:${action}`));
}

/**
 * One pattern for the two calls that make a thing and change it: `Create` and `Update` end in the same three letters. It
 * saves room where both names are long. `Associate`, `Terminate` and `Validate` end so as well, so a test looks at what
 * each pattern catches.
 */
export function createOrUpdate(...things: readonly string[]): string[] {
  return things.map((thing) => `*ate${thing}`);
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

/** Every call that changes an IAM role, or hands it to a service. It is denied on single roles only, so it may be wide. */
export const ROLE_CHANGES = actions({
  iam: [
    'AttachRolePolicy',
    'CreateRole',
    // Its policies and its boundary, too.
    'DeleteRole*',
    'DetachRolePolicy',
    'PassRole',
    'PutRole*',
    'TagRole',
    'UntagRole',
    // Its trust.
    'UpdateAssumeRolePolicy',
    // Its description, too.
    'UpdateRole*',
  ],
});

/** The guard's roles in a member. */
export const OUR_ROLES_IN_MEMBERS = [names.responderRole, names.forwarderRole];
