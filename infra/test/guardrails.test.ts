/** The service control policies: those of the stack as resources, and what holds for each document. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { names } from '../lib/contract';
import { MOST_CHARACTERS } from '../lib/guardrails/deny';
import {
  assertDenied,
  assertLeft,
  lockdown,
  MEMBERS,
  models,
  PAYERS_ADMIN,
  protect,
  quarantine,
  RESPONDER,
  STACK_SETS,
  THIEF,
  template,
} from './service-control-policies';
import { idOf, type Json, REPOSITORY } from './support';

const EACH = [names.quarantinePolicy, names.modelsPolicy, names.lockdownPolicy, names.protectPolicy];

describe('the policies of the stack', () => {
  it('are service control policies, and its only resources', () => {
    const resources = Object.values<Json>(template.toJSON().Resources);
    assert.deepEqual(
      resources.map(({ Type, Properties }) => [Type, Properties.Type, Properties.Name]),
      EACH.map((name) => ['AWS::Organizations::Policy', 'SERVICE_CONTROL_POLICY', name]),
    );
  });

  it('are made one after the other', () => {
    const ids = EACH.map((wanted) => idOf(template, 'AWS::Organizations::Policy', ({ Name }) => Name === wanted));
    const { Resources } = template.toJSON();
    assert.deepEqual(
      ids.map((id) => Resources[id].DependsOn),
      [undefined, [ids[0]], [ids[1]], [ids[2]]],
    );
  });

  it('are attached to nothing until a halt, but for the one that protects', () => {
    for (const name of EACH.slice(0, 3)) {
      const [policy] = Object.values(
        template.findResources('AWS::Organizations::Policy', { Properties: { Name: name } }),
      );
      assert.equal(policy?.Properties.TargetIds, undefined, name);
    }
  });

  it('are what binds the thieves of the simulated organization', () => {
    for (const [name, { Content }] of Object.entries({ quarantine, models, lockdown, protect })) {
      const file = path.join(REPOSITORY, `lambda/testbed/policies/${name}.json`);
      const made = `${JSON.stringify(Content, null, 2)}\n`;
      if (process.env.UPDATE_GENERATED) fs.writeFileSync(file, made);
      assert.ok(
        fs.readFileSync(file, 'utf8') === made,
        `${file} is not what the CDK app deploys. Run: UPDATE_GENERATED=1 npm --prefix infra test`,
      );
    }
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

describe('every document', () => {
  const documents = [quarantine, protect, models, lockdown].map(({ Content }: Json) => Content);

  it('fits into what Organizations takes, with its statements named apart', () => {
    assert.equal(MOST_CHARACTERS, 10_240);
    for (const document of documents) {
      const text = JSON.stringify(document);
      assert.ok(text.length <= MOST_CHARACTERS, `${text.length} characters`);
      assert.ok(/^[\x20-\x7e]*$/.test(text), 'one byte a character');
      assert.equal(document.Version, '2012-10-17');
      const sids = document.Statement.map(({ Sid }: Json) => Sid);
      assert.deepEqual([...new Set(sids)], sids);
      // Whoever is denied reads these in their own console.
      for (const sid of sids) assert.match(sid, /^Deny[A-Z][A-Za-z0-9]+$/);
    }
    for (const { Description } of [quarantine, protect]) assert.ok(Description.length <= 512);
  });

  it('names an action once in a statement, and no whole service: all of them, or a part of a name', () => {
    for (const { Sid, Action } of documents.flatMap(({ Statement }: Json) => Statement)) {
      assert.deepEqual([...new Set(Action)], Action, Sid);
      if (Action.includes('*')) {
        assert.deepEqual(Action, ['*'], Sid);
        continue;
      }
      // A wildcard may stand anywhere in the name of an action, and never in that of a service.
      for (const action of Action) assert.match(action, /^[a-z0-9-]+:[A-Za-z0-9*]*[A-Za-z]{2}[A-Za-z0-9*]*$/, Sid);
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
