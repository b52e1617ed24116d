/** What an alarm says leads to its heading in the runbook: whoever is woken by it reads on there. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { deployed, document, type Json, LAB, synthesize } from './support';

const { template, accounts } = synthesize({
  ...document,
  scale: {},
  defaults: { ...document.defaults, limits: { instances: 4, spendMonth: 1000 } },
  accounts: { [LAB]: { limits: { spendMonth: 99.5 } } },
});

/** Every alarm, the payer's and the members'. */
const alarms = [
  ...[template, ...accounts.values()].flatMap((one) => Object.values(one.findResources('AWS::CloudWatch::Alarm'))),
  ...Object.values<Json>(deployed('member-alarms.yaml').Resources),
].map(({ Properties }) => Properties);

/** An account's own spend alarm is read about where all of them are. */
function heading(alarmName: string): string {
  return alarmName.startsWith('runawaytrain-spend-') ? 'runawaytrain-spend' : alarmName;
}

it('each alarm ends in its heading in the runbook', () => {
  assert.ok(alarms.length >= 9, `${alarms.length} alarms`);
  for (const { AlarmName, AlarmDescription } of alarms) {
    assert.ok(
      AlarmDescription.endsWith(`. Runbook: docs/runbook.md#alarm-${heading(AlarmName)}`),
      `${AlarmName}: ${AlarmDescription}`,
    );
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    assert.ok(AlarmDescription.length <= 1024, AlarmName);
  }
});
