/** The policy reader against the fixtures that it shares with the function, and its messages word by word. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { type Own, Policy } from '../lib/policy/policy';
import { PolicyProblems } from '../lib/policy/problem';
import { readPolicy } from '../lib/policy/read';
import { folder, REPOSITORY } from './support';

const SHARED = path.join(REPOSITORY, 'lambda/core/tests/policies');
/** Problems that only a reader of YAML can see. */
const OWN = path.join(__dirname, 'policies');

function files(directory: string): string[] {
  return fs
    .readdirSync(directory)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => path.join(directory, name));
}

function problemsOf(file: string): PolicyProblems {
  try {
    readPolicy(file);
  } catch (error) {
    if (error instanceof PolicyProblems) return error;
    throw error;
  }
  assert.fail(`${file} was accepted`);
}

function written(text: string): string {
  const file = path.join(folder(), 'runawaytrain.yaml');
  fs.writeFileSync(file, text);
  return file;
}

describe('a good policy', () => {
  for (const file of [...files(path.join(SHARED, 'good')), path.join(REPOSITORY, 'runawaytrain.yaml')]) {
    it(`is accepted: ${path.basename(file)}`, () => {
      readPolicy(file);
    });
  }

  it('tells the stack what it needs', () => {
    const policy = readPolicy(path.join(SHARED, 'good/everything.yaml'));
    assert.equal(policy.payer, '123456789012');
    assert.equal(policy.organization, 'o-exampleorg');
    assert.equal(policy.scheduleMinutes, 1);
    assert.deepEqual(policy.notify, ['team@example.edu', 'second@example.edu']);
    assert.deepEqual(Object.fromEntries(policy.ownNotify), {
      'ou-exam-research': ['research@example.edu'],
      '111111111111': ['lab@example.edu'],
    });
    // Which accounts the unit has is not known here: its amount has no alarm.
    assert.ok(![...policy.ownSpend.keys()].some((id) => id.startsWith('ou-')));
  });

  it('asks for what a unit alone has', () => {
    const { document } = readPolicy(path.join(SHARED, 'good/minimal.yaml'));
    const having = (unit: Own) => new Policy({ ...document, units: { 'ou-exam-research': unit } });
    const none = new Policy(document);
    assert.deepEqual(
      [none.hasUnits, none.unitsHaveLists, none.deletesRootCredentials, none.limitsPurchases],
      Array(4).fill(false),
    );
    assert.ok(having({}).hasUnits && !having({}).unitsHaveLists);
    assert.ok(having({ notify: ['a@example.edu'] }).unitsHaveLists);
    assert.ok(having({ contain: { root: 'delete-credentials' } }).deletesRootCredentials);
    assert.ok(having({ limits: { purchases: 1 } }).limitsPurchases);
  });

  it('has an address once, however often a list has it', () => {
    const { notify, ownNotify } = new Policy({
      ...readPolicy(path.join(SHARED, 'good/minimal.yaml')).document,
      defaults: { limits: { instances: 1 }, notify: ['a@example.edu', 'b@example.edu', 'a@example.edu'] },
      accounts: { '111111111111': { notify: ['c@example.edu', 'c@example.edu'] } },
    });
    assert.deepEqual(notify, ['a@example.edu', 'b@example.edu']);
    assert.deepEqual([...ownNotify], [['111111111111', ['c@example.edu']]]);
  });

  it('is enrolled by its units, by its root, or not at all', () => {
    assert.deepEqual(readPolicy(path.join(SHARED, 'good/everything.yaml')).enrolled, ['ou-exam-12345678']);
    assert.deepEqual(readPolicy(path.join(REPOSITORY, 'runawaytrain.yaml')).enrolled, ['r-exam']);
    assert.deepEqual(readPolicy(path.join(SHARED, 'good/minimal.yaml')).enrolled, []);
  });

  it('has spend watched by the payer for itself and for accounts with an amount of their own', () => {
    const policy = readPolicy(path.join(SHARED, 'good/spend.yaml'));
    assert.equal(policy.spendMonth, 1000);
    assert.deepEqual([...policy.payerSpend], [['123456789012', 1000]]);
    assert.deepEqual(
      [...policy.ownSpend],
      [
        ['111111111111', 99.5],
        ['222222222222', 0],
      ],
    );
    const { payerSpend, ownSpend } = readPolicy(path.join(SHARED, 'good/minimal.yaml'));
    assert.deepEqual([...payerSpend, ...ownSpend], []);
  });

  it('forwards launches from the regions that it names', () => {
    assert.deepEqual(readPolicy(path.join(SHARED, 'good/everything.yaml')).regions, ['us-east-1', 'ap-southeast-2']);
    assert.deepEqual(readPolicy(path.join(SHARED, 'good/minimal.yaml')).regions, []);
  });

  it('is swept every 5 minutes unless it says otherwise', () => {
    assert.equal(readPolicy(path.join(SHARED, 'good/minimal.yaml')).scheduleMinutes, 5);
    assert.equal(readPolicy(path.join(SHARED, 'good/schedule-bounds.yaml')).scheduleMinutes, 60);
  });

  it('may name one list for hundreds of accounts', () => {
    const accounts = Array.from({ length: 500 }, (_, i) => `  "${String(i).padStart(12, '0')}": {notify: *people}\n`);
    const file = written(`payer: "123456789012"
organization: {id: o-exampleorg}
defaults:
  limits: {instances: 4}
  notify: &people [team@example.edu, second@example.edu]
accounts:
${accounts.join('')}`);
    const { ownNotify } = readPolicy(file);
    assert.equal(ownNotify.size, 500);
    assert.deepEqual(ownNotify.get('000000000499'), ['team@example.edu', 'second@example.edu']);
  });

  it('keeps account ids as text, leading zeros and all', () => {
    const { document } = readPolicy(path.join(SHARED, 'good/account-without-overrides.yaml'));
    assert.deepEqual(Object.keys(document.accounts ?? {}), ['000000000001']);
  });
});

describe('a bad policy', () => {
  for (const file of [...files(path.join(SHARED, 'bad')), ...files(OWN)]) {
    it(`is refused on the right line: ${path.basename(file)}`, () => {
      const lines = fs.readFileSync(file, 'utf8').split('\n');
      const expected = /^# expect: (.+?)(?: # here)?$/.exec(lines[0] ?? '')?.[1];
      assert.ok(expected, 'the first line says what to expect');
      const refused = problemsOf(file);
      assert.ok(refused.message.includes(expected), `"${refused.message}" does not name ${expected}`);
      assert.equal(refused.problems.length, 1, refused.message);
      assert.equal(refused.problems[0]?.line, lines.findIndex((line) => line.includes('# here')) + 1, refused.message);
    });
  }

  it('is told with file, line, column, path, value and remedy, all problems at once', () => {
    const file = written(`payer: 123456789012
organization:
  id: o-exampleorg
schedule: 90m
defaults:
  limits:
    instances: -3
    vcpu: 8
    spendMonth: 500 USD
  notify: []
  contain:
    quarantine: 'yes'
    roles: revoke-session
  exempt:
    roles: [role/x]
grace: 4
suspicion: 2w
accounts:
  "111":
    mode: drill
  222222222222:
    notify: [not-an-address]
`);
    assert.deepEqual(problemsOf(file).message.split('\n'), [
      'runawaytrain.yaml:1:8  payer: must be text (found 123456789012). Write all 12 digits, in quotes.',
      'runawaytrain.yaml:4:11  schedule: is not a schedule (found "90m"). Write whole minutes from 1m to 60m.',
      'runawaytrain.yaml:7:16  defaults.limits.instances: must be >= 0 (found -3). Write a whole number, 0 or more; 0 halts on the first instance.',
      'runawaytrain.yaml:8:5  defaults.limits.vcpu: unknown key. Did you mean "vcpus"?',
      'runawaytrain.yaml:9:17  defaults.limits.spendMonth: must be a number (found "500 USD"). Write US dollars a month, 0 or more, such as 500, without quotes or a currency sign.',
      'runawaytrain.yaml:10:11  defaults.notify: must not be empty (found []). Write an address such as team@example.edu.',
      'runawaytrain.yaml:12:17  defaults.contain.quarantine: must be true or false (found "yes"). Write true or false, without quotes.',
      'runawaytrain.yaml:13:12  defaults.contain.roles: must be one of revoke-sessions, deny, leave (found "revoke-session"). Did you mean revoke-sessions?',
      'runawaytrain.yaml:15:13  defaults.exempt.roles[0]: is not a role name (found "role/x"). Write the name of an IAM role, without its path.',
      'runawaytrain.yaml:16:8  grace: must be text (found 4). Write minutes, hours or days, such as 30m, 4h or 7d.',
      'runawaytrain.yaml:17:12  suspicion: is not a span of time (found "2w"). Write minutes, hours or days, such as 30m, 4h or 7d.',
      'runawaytrain.yaml:19:3  accounts."111": is not an account id of 12 digits (found "111"). Write all 12 digits, in quotes.',
      'runawaytrain.yaml:21:3  accounts."222222222222": an account id must be text, and YAML reads this as a number (found 222222222222). Write it in quotes: "222222222222".',
      'runawaytrain.yaml:22:14  accounts."222222222222".notify[0]: is not an e-mail address (found "not-an-address"). Write an address such as team@example.edu.',
    ]);
  });

  it('is told of more units than StackSets take at once', () => {
    const units = Array.from({ length: 51 }, (_, number) => `ou-exam-${String(number).padStart(8, '0')}`);
    const file = written(`payer: "123456789012"
organization: {id: o-exampleorg, ous: [${units.join(', ')}]}
defaults: {limits: {instances: 4}, notify: [team@example.edu]}
`);
    assert.match(
      problemsOf(file).message,
      /^runawaytrain\.yaml:2:\d+ {2}organization\.ous: has 51 units, and StackSets take 50 at once\. Name the units that contain them/,
    );
  });

  it('is told which of its values the function could not read', () => {
    const numbers = written(`payer: "123456789012"
organization: {id: o-exampleorg}
defaults:
  limits:
    instances: 1e30
    burn: .inf
    spendMonth: 1e13
  notify: [team@example.edu]
`);
    assert.deepEqual(problemsOf(numbers).message.split('\n'), [
      'runawaytrain.yaml:5:16  defaults.limits.instances: must be <= 4294967295 (found 1e+30). Write a whole number, 0 or more; 0 halts on the first instance.',
      'runawaytrain.yaml:6:11  defaults.limits.burn: must be a number (found Infinity). Write US dollars an hour, 0 or more, such as 12.50, without quotes or a currency sign.',
      'runawaytrain.yaml:7:17  defaults.limits.spendMonth: must be <= 1000000000000 (found 10000000000000). Write US dollars a month, 0 or more, such as 500, without quotes or a currency sign.',
    ]);
    const others = written(`payer: "123456789012"
organization: {id: o-exampleorg}
defaults: &defaults
  limits: {instances: 4}
  notify: [team@example.edu, *nobody]
accounts:
  "111111111111":
    name: "\\ud800"
    exempt: *defaults
    contain: {trusted: &again [*again]}
`);
    assert.deepEqual(problemsOf(others).message.split('\n'), [
      'runawaytrain.yaml:5:30  defaults.notify[1]: names an anchor that stands nowhere before it (found "*nobody"). Write out what is meant.',
      'runawaytrain.yaml:8:11  accounts."111111111111".name: is not text: half of a character (\\uD800 to \\uDFFF) stands alone (found "\\ud800"). Write the character itself.',
      'runawaytrain.yaml:10:32  accounts."111111111111".contain.trusted[0]: repeats what it is part of (found "*again"). Write out what is meant.',
    ]);
  });

  it('names both lines of an account that stands twice', () => {
    const [problem] = problemsOf(path.join(SHARED, 'bad/account-twice.yaml')).problems;
    assert.match(problem?.what ?? '', /first on line 11 and again on line 13/);
  });

  it('names the accounts that have no limit, besides the defaults', () => {
    const file = written(`payer: "123456789012"
organization: {id: o-exampleorg}
defaults:
  limits: {}
  notify: [team@example.edu]
accounts:
  "111111111111": {limits: {instances: 1}}
  "222222222222": {limits: {warn: 0.5, spendMonth: 10}}
`);
    assert.deepEqual(
      problemsOf(file).problems.map(({ line, path: where }) => [line, where.join('.')]),
      [
        [4, 'defaults.limits'],
        [8, 'accounts.222222222222'],
      ],
    );
  });

  it('that does not exist is told by its name', () => {
    assert.match(
      problemsOf('/nowhere/policy.yaml').message,
      /^policy\.yaml:1:1 .*no such file.*\/nowhere\/policy\.yaml.*-c policy=PATH/,
    );
  });
});
