/** What accounts have of their own, in stacks of their own: however many accounts there are, and whoever comes or goes. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { stackOf } from '../lib/accounts/placement';
import { names, ownTopic } from '../lib/contract';
import type { PolicyDocument } from '../lib/policy/policy';
import { PolicyProblems } from '../lib/policy/problem';
import { readPolicy } from '../lib/policy/read';
import { document, folder, type Json, LAB, PAYER, synthesize } from './support';

/** CloudFormation takes no more in a stack. */
const MOST = 500;

/** Account ids as AWS gives them: in no order. */
const IDS = Array.from({ length: 1000 }, (_, index) =>
  String(createHash('sha256').update(String(index)).digest().readUIntBE(0, 6) % 1e12).padStart(12, '0'),
);

/** The test policy, in which each of these accounts has a list and limits of its own. */
function owning(accounts: readonly string[]): PolicyDocument {
  const own = (id: string) => ({ notify: [`${id}@example.edu`], limits: { instances: 8, spendMonth: 500 } });
  return {
    ...document,
    defaults: { ...document.defaults, limits: { instances: 4, spendMonth: 1000 } },
    accounts: Object.fromEntries(accounts.map((id) => [id, own(id)])),
  };
}

/** The resources of each stack, by its name. */
function stacksOf(policy: PolicyDocument): ReadonlyMap<string, Record<string, Json>> {
  const { template, accounts } = synthesize(policy);
  const all = [['RunawayTrain', template] as const, ...accounts];
  return new Map(all.map(([name, made]) => [name, made.toJSON().Resources]));
}

/** Whose topics, subscriptions and alarms a stack holds, each as a word. */
function heldBy(resources: Record<string, Json>): string[] {
  return Object.values(resources).flatMap(({ Type, Properties }) => {
    if (Type === 'AWS::SNS::Topic') return [Properties.TopicName];
    if (Type === 'AWS::SNS::Subscription' && Properties.Protocol === 'email') return [Properties.Endpoint];
    return Type === 'AWS::CloudWatch::Alarm' ? [Properties.AlarmName] : [];
  });
}

const empty = stacksOf(owning([]));
const synthesized = new Map([1, 200, 1000].map((count) => [count, stacksOf(owning(IDS.slice(0, count)))]));

for (const [count, stacks] of synthesized) {
  describe(`with lists and limits of their own of ${count} account${count === 1 ? '' : 's'}`, () => {
    it('every topic, address and alarm is in one stack, which the id of its account tells', () => {
      const found = [...stacks].flatMap(([name, resources]) => heldBy(resources).map((word) => `${name} ${word}`));
      const expected = IDS.slice(0, count).flatMap((id) =>
        [ownTopic(id), `${id}@example.edu`, `${names.spendAlarmPrefix}${id}`].map((word) => `${stackOf(id)} ${word}`),
      );
      const others = [...empty].flatMap(([name, resources]) => heldBy(resources).map((word) => `${name} ${word}`));
      assert.deepEqual(found.sort(), [...expected, ...others].sort());
    });

    it('no stack comes near the most that CloudFormation takes, and the guard has nothing of it', () => {
      const largest = Math.max(...[...stacks.values()].map((resources) => Object.keys(resources).length));
      assert.ok(largest < MOST, `${largest} resources`);
      assert.deepEqual(Object.keys(stacks.get('RunawayTrain') ?? {}), Object.keys(empty.get('RunawayTrain') ?? {}));
    });
  });
}

it('more accounts change nothing of those that are there', () => {
  for (const [fewer, more] of [
    [1, 200],
    [200, 1000],
  ] as const) {
    for (const [name, resources] of synthesized.get(fewer) ?? []) {
      if (name === 'RunawayTrain') continue;
      for (const [id, resource] of Object.entries(resources)) {
        assert.deepEqual(synthesized.get(more)?.get(name)?.[id], resource, `${name} ${id}`);
      }
    }
  }
});

describe('the stack of an account', () => {
  it('is told by its id and never another one: whoever moved would have to confirm again', () => {
    assert.deepEqual(
      ['000000000001', LAB, '123456789012', '999999999999', '100000000020'].map(stackOf),
      ['01', '11', '12', '19', '00'].map((remainder) => `RunawayTrainAccounts${remainder}`),
    );
  });

  it('is told by the id of a unit as well, and has its list', () => {
    const unit = 'ou-test-research';
    assert.equal(stackOf(unit), 'RunawayTrainAccounts09');
    const units = { [unit]: { notify: ['research@example.edu'], limits: { spendMonth: 9 } } };
    const stacks = stacksOf({ ...owning([]), units });
    assert.deepEqual([...stacks.keys()], ['RunawayTrain', stackOf(unit)]);
    assert.deepEqual(heldBy(stacks.get(stackOf(unit)) ?? {}), [ownTopic(unit), 'research@example.edu']);
  });

  it('is not made where no account has anything of its own', () => {
    assert.deepEqual([...empty.keys()], ['RunawayTrain']);
  });

  it('waits for nothing that another stack exports', () => {
    const [fewest] = synthesized.values();
    for (const resources of fewest?.values() ?? []) assert.ok(!JSON.stringify(resources).includes('Fn::ImportValue'));
    const { template } = synthesize(owning([LAB]));
    assert.deepEqual(template.toJSON().Outputs ?? {}, {});
  });

  it("has the payer's list; its alarm stays with the guard, whether or not the amount is its own", () => {
    const stacks = stacksOf(owning([PAYER]));
    assert.deepEqual([...stacks.keys()], ['RunawayTrain', stackOf(PAYER)]);
    assert.deepEqual(heldBy(stacks.get(stackOf(PAYER)) ?? {}), [ownTopic(PAYER), `${PAYER}@example.edu`]);
    const alarms = (of: ReadonlyMap<string, Record<string, Json>>) =>
      Object.entries(of.get('RunawayTrain') ?? {})
        .filter(([, { Properties }]) => Properties.Namespace === 'AWS/Billing')
        .map(([id, { Properties }]) => [id, Properties.AlarmName, Properties.Threshold]);
    const [[id, name] = []] = alarms(empty);
    assert.equal(name, `${names.spendAlarmPrefix}${PAYER}`);
    assert.deepEqual(alarms(stacks), [[id, name, 500]]);
  });
});

describe('a stack that accounts would fill', () => {
  /** So many accounts of one stack, four resources each. */
  const crowd = (count: number) => owning(Array.from({ length: count }, (_, index) => `1000000${index * 20 + 10_007}`));

  it('takes 500 resources, as they were counted beforehand', () => {
    readPolicy(written(crowd(125)));
    const stacks = stacksOf(crowd(125));
    assert.deepEqual([...stacks.keys()], ['RunawayTrain', 'RunawayTrainAccounts07']);
    assert.equal(Object.keys(stacks.get('RunawayTrainAccounts07') ?? {}).length, MOST);
  });

  it('is refused with one sentence past that', () => {
    assert.throws(
      () => readPolicy(written(crowd(126))),
      (problem) => {
        assert.ok(problem instanceof PolicyProblems);
        assert.equal(
          problem.message,
          'runawaytrain.yaml:18:3  accounts: those whose ids leave 7 when divided by 20 have 504 topics, topic policies, ' +
            'subscriptions and alarms of their own, and their stack RunawayTrainAccounts07 takes 500. ' +
            'Write the one address of a mailing list instead of many, or leave notify or limits.spendMonth of some of them to the defaults.',
        );
        return true;
      },
    );
  });
});

/** JSON is YAML. */
function written(policy: PolicyDocument): string {
  const file = path.join(folder(), 'runawaytrain.yaml');
  fs.writeFileSync(file, JSON.stringify(policy, null, 2));
  return file;
}
