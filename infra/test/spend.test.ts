/** Spend alarms: the topic that takes them, and those that the payer holds itself. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { names } from '../lib/contract';
import type { PolicyDocument } from '../lib/policy/policy';
import { document, idOf, type Json, LAB, ORGANIZATION, only, PAYER, synthesize } from './support';

const OTHER = '222222222222';

/** The test policy with a default amount, amounts of accounts, or neither. */
function spending(all: number | undefined, own: Record<string, number>): PolicyDocument {
  const accounts = Object.fromEntries(Object.entries(own).map(([id, spendMonth]) => [id, { limits: { spendMonth } }]));
  return {
    ...document,
    defaults: { ...document.defaults, limits: { instances: 4, ...(all !== undefined && { spendMonth: all }) } },
    accounts,
  };
}

const { template } = synthesize(spending(1000, { [LAB]: 99.5, [OTHER]: 0 }));
const topicId = idOf(template, 'AWS::SNS::Topic', ({ TopicName }) => TopicName === names.alarmTopic);

describe('the alarm topic', () => {
  it('takes spend alarms of the organization, encrypted on their way, and nothing else', () => {
    const { PolicyDocument } = only(template, 'AWS::SNS::TopicPolicy', ({ Topics }) =>
      Topics.some(({ Ref }: { Ref: string }) => Ref === topicId),
    );
    const [refusal, admission, ...more] = PolicyDocument.Statement;
    assert.deepEqual(more, []);
    assert.deepEqual([refusal.Effect, refusal.Principal, refusal.Action], ['Deny', '*', 'sns:Publish']);
    assert.deepEqual(refusal.Condition, { Bool: { 'aws:SecureTransport': 'false' } });
    assert.deepEqual(admission, {
      Sid: 'AcceptSpendAlarms',
      Effect: 'Allow',
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Action: 'sns:Publish',
      Resource: { Ref: topicId },
      Condition: {
        StringEquals: { 'aws:SourceOrgID': ORGANIZATION },
        ArnLike: { 'aws:SourceArn': `arn:aws:cloudwatch:us-east-1:*:alarm:${names.spendAlarmPrefix}*` },
      },
    });
  });

  it('does not take the heartbeat alarm, whose name lacks the prefix', () => {
    assert.ok(!names.heartbeatAlarm.startsWith(names.spendAlarmPrefix));
  });

  it('is heard by the function alone, and what cannot be handed over is kept', () => {
    const heard = Object.values(template.findResources('AWS::SNS::Subscription')).filter(
      ({ Properties }) => Properties.TopicArn.Ref === topicId,
    );
    assert.deepEqual(
      heard.map(({ Properties }) => Properties),
      [
        {
          Protocol: 'lambda',
          TopicArn: { Ref: topicId },
          Endpoint: { 'Fn::GetAtt': [idOf(template, 'AWS::Lambda::Function', () => true), 'Arn'] },
          RedrivePolicy: {
            deadLetterTargetArn: {
              'Fn::GetAtt': [
                idOf(template, 'AWS::SQS::Queue', ({ QueueName }) => QueueName === names.failureQueue),
                'Arn',
              ],
            },
          },
        },
      ],
    );
  });
});

describe('the spend alarms of the payer', () => {
  const held = (policy: PolicyDocument) => {
    const { template: guard, accounts } = synthesize(policy);
    return [guard, ...accounts.values()].flatMap((one) =>
      Object.values(one.findResources('AWS::CloudWatch::Alarm', { Properties: { Namespace: 'AWS/Billing' } })).map(
        ({ Properties }) => Properties,
      ),
    );
  };
  const told = (policy: PolicyDocument) =>
    Object.fromEntries(held(policy).map(({ AlarmName, Threshold }) => [AlarmName, Threshold]));

  it('watch the accounts that have an amount of their own, and the payer, which no stack set reaches', () => {
    assert.deepEqual(told(spending(1000, { [LAB]: 99.5, [OTHER]: 0 })), {
      [`runawaytrain-spend-${PAYER}`]: 1000,
      [`runawaytrain-spend-${LAB}`]: 99.5,
      [`runawaytrain-spend-${OTHER}`]: 0,
    });
    assert.deepEqual(told(spending(undefined, { [LAB]: 50 })), { [`runawaytrain-spend-${LAB}`]: 50 });
    assert.deepEqual(told(spending(1000, { [PAYER]: 20 })), { [`runawaytrain-spend-${PAYER}`]: 20 });
    assert.deepEqual(told(spending(undefined, {})), {});
  });

  it('each read the charges of one account, never the total of all', () => {
    for (const alarm of held(spending(1000, { [LAB]: 99.5 }))) {
      const dimensions = Object.fromEntries(alarm.Dimensions.map(({ Name, Value }: Json) => [Name, Value]));
      assert.deepEqual(dimensions, {
        Currency: 'USD',
        LinkedAccount: alarm.AlarmName.slice(names.spendAlarmPrefix.length),
      });
      assert.equal(alarm.MetricName, 'EstimatedCharges');
    }
  });

  it('ring once spend is strictly more, tell the alarm topic alone, and keep their state over a gap', () => {
    for (const alarm of held(spending(1000, { [LAB]: 99.5 }))) {
      assert.deepEqual(
        [alarm.ComparisonOperator, alarm.Statistic, alarm.EvaluationPeriods],
        ['GreaterThanThreshold', 'Maximum', 1],
      );
      assert.deepEqual([alarm.Period, alarm.TreatMissingData], [21_600, 'ignore']);
      // From another stack by its ARN.
      const fromElsewhere = `arn:aws:sns:us-east-1:${PAYER}:${names.alarmTopic}`;
      const payers = alarm.AlarmName.endsWith(PAYER);
      assert.deepEqual(alarm.AlarmActions, [payers ? { Ref: topicId } : fromElsewhere]);
      assert.equal(alarm.OKActions, undefined);
    }
  });
});
