/** The service control policies, those of the stack as it makes them, who is in an account, and an evaluator that says whom they deny what. */
import assert from 'node:assert/strict';
import { Template } from 'aws-cdk-lib/assertions';
import { names } from '../lib/contract';
import { guardrails, type Json, LAB, only } from './support';

export const stack = guardrails();
export const template = Template.fromStack(stack);
const policyNamed = (name: string) => only(template, 'AWS::Organizations::Policy', ({ Name }) => Name === name);
export const quarantine = policyNamed(names.quarantinePolicy);
export const protect = policyNamed(names.protectPolicy);
export const models = policyNamed(names.modelsPolicy);
export const lockdown = policyNamed(names.lockdownPolicy);

export const iam = (path: string) => `arn:aws:iam::${LAB}:${path}`;
export const RESPONDER = iam(`role/${names.responderRole}`);
export const FORWARDER = iam(`role/${names.forwarderRole}`);
export const STACK_SETS = iam('role/stacksets-exec-0123456789abcdef0123456789abcdef');
export const PAYERS_ADMIN = iam('role/OrganizationAccountAccessRole');
export const CONTROL_TOWER = iam('role/AWSControlTowerExecution');
export const ROOT_USER = iam('root');
export const THIEF = iam('user/mallory');
export const MEMBERS = [
  THIEF,
  ROOT_USER,
  iam('role/Admin'),
  iam('role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123'),
];

/** Every action of AWS is held against every pattern. */
const compiled = new Map<string, RegExp>();

/** As IAM does it: a `*` is any run of characters, slashes included. */
function like(pattern: string, text: string, flags = 's'): boolean {
  const key = `${flags} ${pattern}`;
  let expression = compiled.get(key);
  if (expression === undefined) {
    const escaped = pattern.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replaceAll('*', '.*');
    expression = new RegExp(`^${escaped}$`, flags);
    compiled.set(key, expression);
  }
  return expression.test(text);
}

/** Whether a pattern of a statement catches an action. The names of actions have no case. */
export function catches(pattern: string, action: string): boolean {
  // Most patterns are about another service, and to see that is faster.
  const service = action.slice(0, action.indexOf(':') + 1);
  return (pattern === '*' || pattern.startsWith(service)) && like(pattern, action, 'is');
}

interface Request {
  readonly by: string;
  readonly action: string;
  readonly on?: string;
  /** Whether it is made with credentials of `sts:AssumeRoot`. */
  readonly assumedRoot?: boolean;
}

/** An evaluator of the little that our policies are made of; it stops at anything else. */
export function denies({ Content }: Json, { by, action, on = '*', assumedRoot = false }: Request): boolean {
  return Content.Statement.some((statement: Json) => {
    const { Sid, Effect, Action, Resource, NotResource, Condition = {}, ...rest } = statement;
    assert.deepEqual([Effect, rest], ['Deny', {}], Sid);
    assert.notEqual(Resource === undefined, NotResource === undefined, Sid);
    if (!Action.some((pattern: string) => catches(pattern, action))) return false;
    if (
      Resource
        ? !Resource.some((pattern: string) => like(pattern, on))
        : NotResource.some((pattern: string) => like(pattern, on))
    )
      return false;
    return Object.entries<Json>(Condition).every(([operator, tests]) => {
      const [[key, expected], ...others] = Object.entries<Json>(tests) as [[string, Json]];
      assert.deepEqual(others, [], Sid);
      const among = () => expected.some((pattern: string) => like(pattern, by));
      switch (`${operator} ${key}`) {
        case 'ArnLike aws:PrincipalArn':
          return among();
        case 'ArnNotLike aws:PrincipalArn':
          return !among();
        // AWS adds the key to such requests alone; where it is missing, the test holds.
        case 'BoolIfExists aws:AssumedRoot':
          return !assumedRoot || expected === 'true';
        default:
          return assert.fail(`${Sid}: ${operator} of ${key} is new here`);
      }
    });
  });
}

export function assertDenied(policy: Json, request: Request): void {
  assert.ok(denies(policy, request), `must be denied: ${JSON.stringify(request)}`);
}

export function assertLeft(policy: Json, request: Request): void {
  assert.ok(!denies(policy, request), `must not be denied: ${JSON.stringify(request)}`);
}
