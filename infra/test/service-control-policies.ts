/** The two service control policies as the stack makes them, who is in an account, and an evaluator that says whom they deny what. */
import assert from 'node:assert/strict';
import { Template } from 'aws-cdk-lib/assertions';
import { names } from '../lib/contract';
import { guardrails, type Json, LAB, only } from './support';

export const stack = guardrails();
export const template = Template.fromStack(stack);
const policyNamed = (name: string) => only(template, 'AWS::Organizations::Policy', ({ Name }) => Name === name);
export const quarantine = policyNamed(names.quarantinePolicy);
export const protect = policyNamed(names.protectPolicy);

export const iam = (path: string) => `arn:aws:iam::${LAB}:${path}`;
export const RESPONDER = iam(`role/${names.responderRole}`);
export const FORWARDER = iam(`role/${names.forwarderRole}`);
export const STACK_SETS = iam('role/stacksets-exec-0123456789abcdef0123456789abcdef');
export const PAYERS_ADMIN = iam('role/OrganizationAccountAccessRole');
export const CONTROL_TOWER = iam('role/AWSControlTowerExecution');
const ROOT_USER = iam('root');
export const THIEF = iam('user/mallory');
export const MEMBERS = [
  THIEF,
  ROOT_USER,
  iam('role/Admin'),
  iam('role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123'),
];

/** As IAM does it: a `*` is any run of characters, slashes included; the names of actions have no case. */
function like(pattern: string, text: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${escaped}$`, 's').test(text);
}

interface Request {
  readonly by: string;
  readonly action: string;
  readonly on?: string;
}

/** An evaluator of the little that our policies are made of; it stops at anything else. */
function denies({ Content }: Json, { by, action, on = '*' }: Request): boolean {
  return Content.Statement.some((statement: Json) => {
    const { Sid, Effect, Action, Resource, NotResource, Condition, ...rest } = statement;
    assert.deepEqual([Effect, rest], ['Deny', {}], Sid);
    assert.notEqual(Resource === undefined, NotResource === undefined, Sid);
    if (!Action.some((pattern: string) => like(pattern.toLowerCase(), action.toLowerCase()))) return false;
    if (
      Resource
        ? !Resource.some((pattern: string) => like(pattern, on))
        : NotResource.some((pattern: string) => like(pattern, on))
    )
      return false;
    if (Condition === undefined) return true;
    assert.deepEqual(
      [Object.keys(Condition), Object.keys(Condition.ArnNotLike)],
      [['ArnNotLike'], ['aws:PrincipalArn']],
      Sid,
    );
    return !Condition.ArnNotLike['aws:PrincipalArn'].some((pattern: string) => like(pattern, by));
  });
}

export function assertDenied(policy: Json, request: Request): void {
  assert.ok(denies(policy, request), `must be denied: ${JSON.stringify(request)}`);
}

export function assertLeft(policy: Json, request: Request): void {
  assert.ok(!denies(policy, request), `must not be denied: ${JSON.stringify(request)}`);
}
