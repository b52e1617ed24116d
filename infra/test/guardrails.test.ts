/** The two service control policies as resources, and what holds for both. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Match } from 'aws-cdk-lib/assertions';
import { names } from '../lib/contract';
import { MOST_CHARACTERS } from '../lib/guardrails/deny';
import {
  assertDenied,
  assertLeft,
  MEMBERS,
  PAYERS_ADMIN,
  protect,
  quarantine,
  RESPONDER,
  STACK_SETS,
  THIEF,
  template,
} from './service-control-policies';
import { idOf, type Json } from './support';

describe('both policies', () => {
  it('are service control policies, and the only resources of their stack', () => {
    assert.deepEqual(
      Object.values(template.toJSON().Resources).map(({ Type }: Json) => Type),
      ['AWS::Organizations::Policy', 'AWS::Organizations::Policy'],
    );
    for (const { Type } of [quarantine, protect]) assert.equal(Type, 'SERVICE_CONTROL_POLICY');
  });

  it('fit into what Organizations takes, with their statements named apart', () => {
    assert.equal(MOST_CHARACTERS, 10_240);
    for (const { Content, Description } of [quarantine, protect]) {
      const text = JSON.stringify(Content);
      assert.ok(text.length <= MOST_CHARACTERS, `${text.length} characters`);
      assert.ok(/^[\x20-\x7e]*$/.test(text), 'one byte a character');
      assert.ok(Description.length <= 512);
      assert.equal(Content.Version, '2012-10-17');
      const sids = Content.Statement.map(({ Sid }: Json) => Sid);
      assert.deepEqual([...new Set(sids)], sids);
      // Whoever is denied reads these in their own console.
      for (const sid of sids) assert.match(sid, /^Deny[A-Z][A-Za-z0-9]+$/);
    }
  });

  it('name an action once in a statement, and none that is a wildcard for a whole service', () => {
    for (const { Content } of [quarantine, protect]) {
      for (const { Action } of Content.Statement) {
        assert.deepEqual([...new Set(Action)], Action);
        // A wildcard at the end alone: older readers of such policies refuse it elsewhere.
        for (const action of Action) assert.match(action, /^[a-z0-9-]+:[A-Z][A-Za-z0-9]+\*?$/);
      }
    }
  });

  it('are made one after the other', () => {
    const made = template.findResources('AWS::Organizations::Policy', { DependsOn: Match.anyValue() });
    const first = idOf(template, 'AWS::Organizations::Policy', ({ Name }) => Name === names.quarantinePolicy);
    assert.deepEqual(
      Object.values(made).map(({ DependsOn }) => DependsOn),
      [[first]],
    );
  });

  it('keep everyone in the organization, root and our own roles too', () => {
    for (const by of [...MEMBERS, RESPONDER, STACK_SETS, PAYERS_ADMIN]) {
      for (const policy of [quarantine, protect]) {
        assertDenied(policy, { by, action: 'organizations:LeaveOrganization' });
        // Into another organization without leaving ours first, and for good.
        assertDenied(policy, { by, action: 'organizations:AcceptHandshake' });
        assertDenied(policy, { by, action: 'account:CloseAccount' });
      }
    }
  });
});

describe('a region with something in it', () => {
  it('is disabled by nobody inside, root included', () => {
    for (const by of MEMBERS) {
      for (const policy of [quarantine, protect]) assertDenied(policy, { by, action: 'account:DisableRegion' });
    }
  });

  it('is disabled by the administrators of the payer where it is not quarantined', () => {
    assertLeft(protect, { by: PAYERS_ADMIN, action: 'account:DisableRegion' });
    assertLeft(protect, { by: THIEF, action: 'account:EnableRegion' });
  });
});
