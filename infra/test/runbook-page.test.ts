/** Each alarm has its heading in the runbook, where whoever it pages reads what to do. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { names } from '../lib/contract';
import { deployed, document, type Json, LAB, REPOSITORY, synthesize } from './support';

const runbook = fs.readFileSync(path.join(REPOSITORY, 'docs', 'runbook.md'), 'utf8');
const headings = runbook
  .split('\n')
  .filter((line) => line.startsWith('### Alarm: '))
  .map((line) => line.slice('### Alarm: '.length));

/** Those of the payer and of every member, whoever has an amount of their own. */
function alarms(): string[] {
  const limits = { instances: 4, spendMonth: 1000 };
  const accounts = { [LAB]: { limits: { spendMonth: 99.5 } } };
  const { template, accounts: own } = synthesize({
    ...document,
    scale: {},
    defaults: { ...document.defaults, limits },
    accounts,
  });
  const stacks = [
    template.toJSON(),
    ...[...own.values()].map((stack) => stack.toJSON()),
    deployed('member-alarms.yaml'),
  ];
  const resources = stacks.flatMap((stack: Json) => Object.values<Json>(stack.Resources));
  return resources
    .filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm')
    .map(({ Properties }) => Properties.AlarmName);
}

/** The spend alarms are one kind, by whichever account they are named. */
function heading(alarm: string): string {
  return alarm.startsWith(names.spendAlarmPrefix) ? names.spendAlarmPrefix.replace(/-$/, '') : alarm;
}

describe('the runbook', () => {
  it('has a heading for each alarm, and for no other', () => {
    const found = alarms();
    assert.ok(found.includes(`${names.spendAlarmPrefix}${LAB}`), `${found}`);
    assert.deepEqual([...new Set(found.map(heading))].sort(), [...headings].sort());
  });
});
