/** The way of a launch in the payer: bus, rule, queue, function. Who may enter it, and what becomes of what gets stuck. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { names } from '../lib/contract';
import { idOf, type Json, ORGANIZATION, only, PAYER, synthesize } from './support';

const { template } = synthesize();
const bus = only(template, 'AWS::Events::EventBus');
const ruleId = idOf(template, 'AWS::Events::Rule', ({ EventBusName }) => EventBusName !== undefined);
const rule = only(template, 'AWS::Events::Rule', ({ EventBusName }) => EventBusName !== undefined);
const queueId = idOf(template, 'AWS::SQS::Queue', ({ QueueName }) => QueueName === names.launchQueue);
const queue = only(template, 'AWS::SQS::Queue', ({ QueueName }) => QueueName === names.launchQueue);
const failures = {
  'Fn::GetAtt': [idOf(template, 'AWS::SQS::Queue', ({ QueueName }) => QueueName === names.failureQueue), 'Arn'],
};
const policyOf = (name: string) => {
  const id = idOf(template, 'AWS::SQS::Queue', ({ QueueName }) => QueueName === name);
  return only(template, 'AWS::SQS::QueuePolicy', ({ Queues }) => Queues.some(({ Ref }: { Ref: string }) => Ref === id))
    .PolicyDocument.Statement;
};

describe('the bus', () => {
  it('admits launches of EC2, forwarded by the forwarder roles of the organization, and nothing else', () => {
    assert.equal(bus.Name, names.bus);
    assert.deepEqual(bus.Policy.Statement, [
      {
        Sid: 'AdmitLaunches',
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: 'events:PutEvents',
        Resource: `arn:aws:events:us-east-1:${PAYER}:event-bus/${names.bus}`,
        Condition: {
          StringEquals: { 'aws:PrincipalOrgID': ORGANIZATION },
          ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::*:role/${names.forwarderRole}` },
          'ForAllValues:StringEquals': {
            'events:source': 'aws.ec2',
            'events:detail-type': ['EC2 Instance State-change Notification', 'AWS API Call via CloudTrail'],
          },
          Null: { 'events:source': 'false', 'events:detail-type': 'false' },
          BoolIfExists: { 'events:eventBusInvocation': 'true' },
        },
      },
    ]);
  });

  it('is read by one rule, which fills the queue and nothing else', () => {
    const readers = Object.values(template.findResources('AWS::Events::Rule')).filter(
      ({ Properties }) => Properties.EventBusName !== undefined,
    );
    assert.equal(readers.length, 1);
    assert.deepEqual(rule.EventBusName, { Ref: idOf(template, 'AWS::Events::EventBus', () => true) });
    assert.equal(rule.State, 'ENABLED');
    assert.deepEqual(rule.Targets, [
      { Id: 'Target0', Arn: { 'Fn::GetAtt': [queueId, 'Arn'] }, DeadLetterConfig: { Arn: failures } },
    ]);
  });
});

describe('the launch queue', () => {
  it('is encrypted, and a message that nobody can handle ends in the failure queue', () => {
    assert.equal(queue.SqsManagedSseEnabled, true);
    assert.deepEqual(queue.RedrivePolicy, { deadLetterTargetArn: failures, maxReceiveCount: 5 });
  });

  it('hides a message for as long as it can be worked on, and keeps it for longer than all receives take', () => {
    const { Timeout } = only(template, 'AWS::Lambda::Function');
    const { MaximumBatchingWindowInSeconds } = only(template, 'AWS::Lambda::EventSourceMapping');
    assert.ok(queue.VisibilityTimeout >= Timeout + MaximumBatchingWindowInSeconds);
    assert.equal(queue.VisibilityTimeout, 960);
    assert.ok(queue.MessageRetentionPeriod > queue.VisibilityTimeout * queue.RedrivePolicy.maxReceiveCount);
  });

  it('takes messages from the rule alone, and none that is not encrypted on its way', () => {
    const [refusal, admission, ...more] = policyOf(names.launchQueue);
    assert.deepEqual(more, []);
    assert.deepEqual(
      [refusal.Effect, refusal.Action, refusal.Condition],
      ['Deny', 'sqs:*', { Bool: { 'aws:SecureTransport': 'false' } }],
    );
    assert.deepEqual(admission, {
      Sid: 'AcceptLaunches',
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: { 'Fn::GetAtt': [queueId, 'Arn'] },
      Condition: { ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': [ruleId, 'Arn'] } } },
    });
  });

  it('is taken by the function at once, ten at a time and in no window, each message answered for', () => {
    assert.deepEqual(only(template, 'AWS::Lambda::EventSourceMapping'), {
      EventSourceArn: { 'Fn::GetAtt': [queueId, 'Arn'] },
      FunctionName: { Ref: idOf(template, 'AWS::Lambda::Function', () => true) },
      BatchSize: 10,
      // With any window Lambda may hold the only message of a queue back for 20 seconds.
      MaximumBatchingWindowInSeconds: 0,
      ScalingConfig: { MaximumConcurrency: 24 },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
  });
});

it('the failure queue takes what our services could not deliver, each for one sender', () => {
  const admitted = policyOf(names.failureQueue).filter(({ Effect }: { Effect: string }) => Effect === 'Allow');
  const topic = idOf(template, 'AWS::SNS::Topic', ({ TopicName }) => TopicName === names.alarmTopic);
  assert.deepEqual(
    admitted.map(({ Principal, Action, Resource, Condition }: Json) => [
      Principal.Service,
      Action,
      Resource,
      Condition,
    ]),
    [
      [
        'events.amazonaws.com',
        'sqs:SendMessage',
        failures,
        { ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': [ruleId, 'Arn'] } } },
      ],
      ['sns.amazonaws.com', 'sqs:SendMessage', failures, { ArnEquals: { 'aws:SourceArn': { Ref: topic } } }],
    ],
  );
});
