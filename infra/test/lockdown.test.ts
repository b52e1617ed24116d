/** Whom the lockdown policy leaves anything at all. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { names } from '../lib/contract';
import {
  assertDenied,
  assertLeft,
  CONTROL_TOWER,
  FORWARDER,
  iam,
  lockdown,
  MEMBERS,
  PAYERS_ADMIN,
  RESPONDER,
  ROOT_USER,
  STACK_SETS,
} from './service-control-policies';
import type { Json } from './support';

const ANYTHING = [
  's3:GetObject',
  'ec2:DescribeInstances',
  'ec2:TerminateInstances',
  'sts:AssumeRole',
  'iam:PutRolePolicy',
];

describe('the lockdown policy', () => {
  it('denies everything to everybody in the account, and to administrators of the payer who enter it', () => {
    for (const action of ANYTHING) {
      for (const by of [...MEMBERS, PAYERS_ADMIN, CONTROL_TOWER, iam('role/workload')]) {
        assertDenied(lockdown, { by, action });
        assertDenied(lockdown, { by, action, on: RESPONDER });
      }
    }
  });

  it('leaves our roles and stack sets all that they may do, and a session of root that the payer opened', () => {
    for (const action of ANYTHING) {
      for (const by of [RESPONDER, FORWARDER, STACK_SETS]) assertLeft(lockdown, { by, action });
      assertLeft(lockdown, { by: ROOT_USER, action, assumedRoot: true });
    }
  });

  it('does not take another for one of them', () => {
    const impostors = [
      iam(`user/${names.responderRole}`),
      iam(`role/x/${names.responderRole}`),
      iam(`role/${names.forwarderRole}2`),
      iam('role/x/stacksets-exec-0123'),
      iam('role/my-stacksets-exec-0123'),
    ];
    for (const by of impostors) assertDenied(lockdown, { by, action: 's3:GetObject' });
  });

  it('is one statement that says so', () => {
    assert.deepEqual(
      lockdown.Content.Statement.map(({ Sid }: Json) => Sid),
      ['DenyEverything'],
    );
  });
});
