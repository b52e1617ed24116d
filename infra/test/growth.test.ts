/** The service control policies against everything that AWS's services can be asked to do. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { permissions } from '../lib/contract';
import { actionsOf, awsActions } from './aws-actions';
import {
  assertDenied,
  assertLeft,
  catches,
  denies,
  FORWARDER,
  iam,
  lockdown,
  models,
  protect,
  quarantine,
  RESPONDER,
  THIEF,
} from './service-control-policies';
import { type Json, LAB } from './support';
import { OWNERS, WORKLOADS } from './workloads';

const POLICIES: Readonly<Record<string, Json>> = { quarantine, protect, models };
const ROLE = iam('role/workload');

const patternsOf = ({ Content }: Json): string[] =>
  Content.Statement.flatMap(({ Action }: Json) => Action).filter((pattern: string) => pattern !== '*');
const serviceOf = (pattern: string) => pattern.split(':')[0] ?? '';

describe('the actions that the policies name', () => {
  it('are actions of AWS, each pattern one at least', async () => {
    assert.ok((await awsActions()).length > 20_000);
    for (const [name, policy] of Object.entries(POLICIES)) {
      for (const pattern of patternsOf(policy)) {
        const caught = (await actionsOf(serviceOf(pattern))).filter((action) => catches(pattern, action));
        assert.notDeepEqual(caught, [], `${name}: ${pattern}`);
      }
    }
  });

  it('are written as AWS writes them', async () => {
    const ids = new Set((await awsActions()).map(({ id }) => id));
    for (const [name, policy] of Object.entries(POLICIES)) {
      const whole = patternsOf(policy).filter((pattern) => !pattern.includes('*'));
      assert.deepEqual(
        whole.filter((action) => !ids.has(action)),
        [],
        name,
      );
    }
  });

  it('are named once: no pattern of a statement catches another one of it', async () => {
    for (const [name, policy] of Object.entries(POLICIES)) {
      for (const { Sid, Action } of policy.Content.Statement) {
        const spare = Action.filter((one: string) =>
          Action.some((other: string) => other !== one && catches(other, one.replaceAll('*', 'x'))),
        );
        assert.deepEqual(spare, [], `${name}: ${Sid}`);
      }
    }
  });
});

describe('what the quarantine leaves alone', () => {
  it('is what looks, stops and takes away, in every service of AWS', async () => {
    const takesAway =
      /^(Abort|Cancel|Decrease|Delete|Deregister|Detach|Disable|Disassociate|Pause|Reject|Release|Remove|Revoke|Stop|Suspend|Terminate|Unsubscribe|BatchDelete|BatchStop)([A-Z]|$)/;
    const denied = (await awsActions())
      .filter(({ name, reads }) => reads || takesAway.test(name))
      .map(({ id }) => id)
      .filter((action) => denies(quarantine, { by: ROLE, action }));
    assert.deepEqual(
      denied.sort(),
      [
        // Calls by API keys, which AWS reckons to read.
        'aws-external-anthropic:CallWithBearerToken',
        'bedrock-mantle:CallWithBearerToken',
        'bedrock:CallWithBearerToken',
        // A region that is disabled keeps what bills in it.
        'account:DisableRegion',
        // What takes our deny, or a limit, off.
        'iam:DeleteGroupPolicy',
        'iam:DeleteRolePermissionsBoundary',
        'iam:DeleteRolePolicy',
        'iam:DeleteUserPermissionsBoundary',
        'iam:DeleteUserPolicy',
        'iam:DetachGroupPolicy',
        'iam:DetachRolePolicy',
        'iam:DetachUserPolicy',
        'iam:RemoveUserFromGroup',
        'lambda:DeleteFunctionConcurrency',
        'sagemaker:CallWithBearerToken',
      ].sort(),
    );
  });

  it('is what workloads call while they run, and what their owners do to stop them', async () => {
    const ids = new Set((await awsActions()).map(({ id }) => id));
    for (const action of [...WORKLOADS, ...OWNERS]) {
      assert.ok(ids.has(action), `AWS has no action ${action}`);
      for (const by of [ROLE, THIEF]) assertLeft(quarantine, { by, action });
    }
    for (const on of [
      `arn:aws:sns:eu-central-1:${LAB}:orders`,
      `arn:aws:sns:eu-central-1:${LAB}:endpoint/APNS/app/0123`,
    ]) {
      assertLeft(quarantine, { by: ROLE, action: 'sns:Publish', on });
    }
  });

  it('is what our own roles need, in every policy that a halt attaches', async () => {
    const ids = new Set((await awsActions()).map(({ id }) => id));
    for (const action of [...permissions.observe, ...permissions.contain]) {
      assert.ok(ids.has(action), `AWS has no action ${action}`);
      for (const policy of [quarantine, models, lockdown]) {
        for (const on of ['*', iam('user/x'), iam('role/x')]) assertLeft(policy, { by: RESPONDER, action, on });
      }
    }
    for (const policy of [quarantine, models, lockdown])
      assertLeft(policy, { by: FORWARDER, action: 'events:PutEvents' });
  });
});

const words = (text: string) => text.trim().split(/\s+/).join('|');
/** Verbs by which something that bills comes to be. */
const MAKES = words(`
  Accept Allocate Boot Buy Claim Clone Confirm Copy Create Deploy Execute Extend Import Increase Invoke Launch Order Provision
  Purchase Register Renew Replicate Request Reserve Resize Restore Resume Retry Run Scale Start Submit Subscribe Train Transfer
  Upgrade
`);
/** Verbs by which it may grow, where the name speaks of room besides. There are too many to read each. */
const CHANGES = words('Activate Add Associate Attach Enable Modify Put Set Update');
const ROOM = words(`
  Broker Capacity Class Cluster Concurrency Count Endpoint Environment Fleet Instance Limit Node Pool Quota Replica Reservation
  Scaling Server Shard Size Storage Throughput Unit Volume Worker
`);
const makes = new RegExp(`^(${MAKES})([A-Z]|$)`);
const changes = new RegExp(`^(${CHANGES})[A-Z]`);
const room = new RegExp(`(${ROOM})s?(?![a-z])`);

/** `left-open.txt`: actions and whole services, each under its reason. */
function leftOpen(): { actions: string[]; services: string[] } {
  const text = fs.readFileSync(path.join(__dirname, 'left-open.txt'), 'utf8');
  const lines = text
    .replaceAll('\n  ', ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const found = { actions: [] as string[], services: [] as string[] };
  for (const line of lines) {
    const [head, ...words] = line.split(' ');
    if (head === '*') found.services.push(...words);
    else found.actions.push(...words.map((word) => `${head}${word}`));
  }
  return found;
}

/** Both lists, each without the other's: nothing is new, and nothing is written down that is not so any more. */
function assertReviewed(what: string, open: readonly string[], written: readonly string[]): void {
  const unwritten = open.filter((one) => !written.includes(one));
  assert.deepEqual(unwritten, [], `${what}: neither denied nor in test/left-open.txt with a reason`);
  const stale = written.filter((one) => !open.includes(one));
  assert.deepEqual(stale, [], `${what}: in test/left-open.txt, though denied, or no more of AWS`);
  assert.deepEqual([...new Set(written)], written, `${what}: twice in test/left-open.txt`);
}

describe('growth', () => {
  const named = new Set([quarantine, models].flatMap(patternsOf).map(serviceOf));

  it('is denied, or left open for a reason, in every service that the quarantine names', async () => {
    const open = (await awsActions()).filter(
      ({ service, name, id }) =>
        named.has(service) &&
        (makes.test(name) || (changes.test(name) && room.test(name))) &&
        ![quarantine, models].some((policy) => patternsOf(policy).some((pattern) => catches(pattern, id))),
    );
    assertReviewed(
      'actions',
      open.map(({ id }) => id),
      leftOpen().actions,
    );
  });

  it('is looked for in every service of AWS', async () => {
    const services = new Set((await awsActions()).map(({ service }) => service));
    const others = [...services].filter((service) => !named.has(service));
    assertReviewed('services', others, leftOpen().services);
  });

  it('by a name that AWS has not thought of yet would be found', () => {
    for (const name of ['CreateGpuFarm', 'StartTurbo', 'RunCell', 'UpdateTurboCapacity', 'PutPoolSize']) {
      assert.ok(makes.test(name) || (changes.test(name) && room.test(name)), name);
    }
    assertDenied(quarantine, { by: THIEF, action: 'ecs:CreateGpuFarm' });
  });
});
