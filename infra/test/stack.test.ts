/** What the stack deploys, resource by resource. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { table as keys, metrics, names } from '../lib/contract';
import { BRAKE_ALARM, COVERAGE_ALARM, FAILURES_ALARM } from '../lib/monitoring/guard-alarms';
import { bootstrapFile, document, idOf, type Json, LAB, only, PAYER, synthesize } from './support';

const { template, accounts, outdir } = synthesize();

/** The stale age that the design names: an event older than 5 minutes is dropped. */
const STALE = 300;
/** Picks the schedule out of the rules. */
const CLOCK = ({ ScheduleExpression }: Json) => ScheduleExpression !== undefined;

describe('the function', () => {
  const made = only(template, 'AWS::Lambda::Function');

  it('runs our binary for as long as Lambda allows', () => {
    assert.equal(made.FunctionName, names.function);
    assert.equal(made.Runtime, 'provided.al2023');
    assert.equal(made.Handler, 'bootstrap');
    assert.equal(made.Timeout, 900);
    assert.equal(made.MemorySize, 512);
    assert.equal(made.ReservedConcurrentExecutions, undefined);
    assert.deepEqual(made.Architectures, ['x86_64']);
  });

  it('is built for arm64 when asked', () => {
    const { template: arm } = synthesize(document, Architecture.ARM_64);
    assert.deepEqual(only(arm, 'AWS::Lambda::Function').Architectures, ['arm64']);
  });

  it('is packed as an executable with the policy beside it', () => {
    const asset = fs.readdirSync(outdir).find((name) => name.startsWith('asset.'));
    assert.ok(asset);
    const packed = path.join(outdir, asset);
    assert.deepEqual(fs.readdirSync(packed).sort(), ['bootstrap', names.policyFile].sort());
    assert.deepEqual(fs.readFileSync(path.join(packed, 'bootstrap')), fs.readFileSync(bootstrapFile));
    assert.ok(fs.statSync(path.join(packed, 'bootstrap')).mode & 0o111, 'executable');
    assert.deepEqual(JSON.parse(fs.readFileSync(path.join(packed, names.policyFile), 'utf8')), document);
  });

  it('becomes another package when only the policy changes', () => {
    const changed = synthesize({ ...document, defaults: { ...document.defaults, limits: { instances: 5 } } });
    assert.notDeepEqual(only(changed.template, 'AWS::Lambda::Function').Code, made.Code);
    assert.deepEqual(only(synthesize().template, 'AWS::Lambda::Function').Code, made.Code);
  });

  it('keeps what it could not handle and drops what is stale', () => {
    const queue = idOf(template, 'AWS::SQS::Queue', (properties) => properties.QueueName === names.failureQueue);
    const unhandled = only(template, 'AWS::Lambda::EventInvokeConfig');
    assert.deepEqual(unhandled.FunctionName, { Ref: idOf(template, 'AWS::Lambda::Function', () => true) });
    assert.equal(unhandled.Qualifier, '$LATEST');
    assert.equal(unhandled.MaximumEventAgeInSeconds, STALE);
    assert.equal(unhandled.MaximumRetryAttempts, 2);
    assert.deepEqual(unhandled.DestinationConfig, { OnFailure: { Destination: { 'Fn::GetAtt': [queue, 'Arn'] } } });
  });

  it('logs into a group of a year that outlives the stack', () => {
    const group = { LogGroupName: names.logGroup, RetentionInDays: 365 };
    template.hasResource('AWS::Logs::LogGroup', {
      Properties: group,
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
    assert.deepEqual(made.LoggingConfig, { LogGroup: { Ref: idOf(template, 'AWS::Logs::LogGroup', () => true) } });
  });
});

describe('the schedule', () => {
  it('starts the function at each tick and drops what is stale', () => {
    const target = idOf(template, 'AWS::Lambda::Function', () => true);
    const rule = only(template, 'AWS::Events::Rule', CLOCK);
    assert.equal(rule.ScheduleExpression, 'rate(7 minutes)');
    assert.equal(rule.State, 'ENABLED');
    assert.equal(rule.Targets.length, 1);
    assert.deepEqual(rule.Targets[0].Arn, { 'Fn::GetAtt': [target, 'Arn'] });
    assert.deepEqual(rule.Targets[0].RetryPolicy, { MaximumEventAgeInSeconds: STALE, MaximumRetryAttempts: 2 });
  });

  it('says one minute in the singular, as EventBridge demands', () => {
    const { template: quick } = synthesize({ ...document, schedule: '1m' });
    assert.equal(only(quick, 'AWS::Events::Rule', CLOCK).ScheduleExpression, 'rate(1 minute)');
  });

  it('and the alarm topic alone may start the function', () => {
    const permissions = Object.values(template.findResources('AWS::Lambda::Permission')).map(
      ({ Properties }) => Properties,
    );
    assert.deepEqual(
      permissions
        .map(({ Action, Principal, SourceArn }) => [Action, Principal, SourceArn])
        .sort(([, a], [, b]) => a.localeCompare(b)),
      [
        [
          'lambda:InvokeFunction',
          'events.amazonaws.com',
          { 'Fn::GetAtt': [idOf(template, 'AWS::Events::Rule', CLOCK), 'Arn'] },
        ],
        [
          'lambda:InvokeFunction',
          'sns.amazonaws.com',
          { Ref: idOf(template, 'AWS::SNS::Topic', ({ TopicName }) => TopicName === names.alarmTopic) },
        ],
      ],
    );
  });
});

describe('the table', () => {
  it('has the keys of the contract, grows with use, can be restored and forgets what expires', () => {
    const made = only(template, 'AWS::DynamoDB::Table');
    assert.equal(made.TableName, names.table);
    assert.deepEqual(made.KeySchema, [
      { AttributeName: keys.partitionKey, KeyType: 'HASH' },
      { AttributeName: keys.sortKey, KeyType: 'RANGE' },
    ]);
    assert.deepEqual(made.AttributeDefinitions, [
      { AttributeName: keys.partitionKey, AttributeType: 'S' },
      { AttributeName: keys.sortKey, AttributeType: 'S' },
    ]);
    assert.equal(made.BillingMode, 'PAY_PER_REQUEST');
    assert.deepEqual(made.PointInTimeRecoverySpecification, { PointInTimeRecoveryEnabled: true });
    assert.deepEqual(made.TimeToLiveSpecification, { AttributeName: keys.expiry, Enabled: true });
  });

  it('survives the stack, and can be adopted by the next one', () => {
    // Adoption asks for a retained resource whose name is a literal.
    template.hasResource('AWS::DynamoDB::Table', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: { TableName: names.table, DeletionProtectionEnabled: true },
    });
  });
});

describe('the topics', () => {
  const templates = [template, ...accounts.values()];
  const topicId = (name: string) => idOf(template, 'AWS::SNS::Topic', (properties) => properties.TopicName === name);

  it('are one for the default list, one for each list of an account, and one for spend alarms', () => {
    const topics = templates.flatMap((one) =>
      Object.values(one.findResources('AWS::SNS::Topic')).map(({ Properties }) => Properties.TopicName),
    );
    assert.deepEqual(topics, [names.topic, names.alarmTopic, `${names.topic}-${LAB}`]);
  });

  it('mail every address of their list, and no other', () => {
    const mailed = templates.flatMap((one) => {
      const topics = one.findResources('AWS::SNS::Topic');
      return Object.values(one.findResources('AWS::SNS::Subscription'))
        .map(({ Properties }) => Properties)
        .filter(({ Protocol }) => Protocol !== 'lambda')
        .map(({ Protocol, Endpoint, TopicArn }) =>
          [Protocol, Endpoint, topics[TopicArn.Ref]?.Properties.TopicName].join(' '),
        );
    });
    assert.deepEqual(mailed.sort(), [
      `email lab@example.edu ${names.topic}-${LAB}`,
      `email second@example.edu ${names.topic}`,
      `email team@example.edu ${names.topic}`,
    ]);
  });

  it('have one policy each, which refuses what is not encrypted on its way', () => {
    for (const one of templates) {
      const policies = Object.values(one.findResources('AWS::SNS::TopicPolicy')).map(({ Properties }) => Properties);
      const governed = policies.flatMap(({ Topics }) => Topics.map(({ Ref }: { Ref: string }) => Ref));
      assert.deepEqual(governed.sort(), Object.keys(one.findResources('AWS::SNS::Topic')).sort());
      for (const { PolicyDocument } of policies) {
        const refusal = PolicyDocument.Statement.find(({ Effect }: { Effect: string }) => Effect === 'Deny');
        assert.equal(refusal.Action, 'sns:Publish');
        assert.equal(refusal.Principal, '*');
        assert.deepEqual(refusal.Condition, { Bool: { 'aws:SecureTransport': 'false' } });
      }
    }
  });

  it('that mail take only the alarms that watch the guard, and only the general one does', () => {
    const lists = templates
      .flatMap((one) => Object.values(one.findResources('AWS::SNS::TopicPolicy')))
      .filter(({ Properties }) => Properties.Topics[0].Ref !== topicId(names.alarmTopic));
    const opened = lists.flatMap(({ Properties }) =>
      Properties.PolicyDocument.Statement.filter(({ Effect }: { Effect: string }) => Effect === 'Allow'),
    );
    const alarms = {
      Heartbeat: names.heartbeatAlarm,
      Failures: FAILURES_ALARM,
      Coverage: COVERAGE_ALARM,
      Brake: BRAKE_ALARM,
    };
    assert.deepEqual(
      opened,
      Object.entries(alarms).map(([what, alarm]) => ({
        Sid: `Accept${what}Alarm`,
        Effect: 'Allow',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Action: 'sns:Publish',
        Resource: { Ref: topicId(names.topic) },
        Condition: {
          ArnEquals: { 'aws:SourceArn': `arn:aws:cloudwatch:us-east-1:${PAYER}:alarm:${alarm}` },
          StringEquals: { 'aws:SourceAccount': PAYER },
        },
      })),
    );
  });
});

describe('the failure queue', () => {
  it('is encrypted at rest and on the way, and keeps messages for two weeks', () => {
    const isIt = ({ QueueName }: Json) => QueueName === names.failureQueue;
    const queue = only(template, 'AWS::SQS::Queue', isIt);
    assert.equal(queue.SqsManagedSseEnabled, true);
    assert.equal(queue.MessageRetentionPeriod, 14 * 24 * 60 * 60);
    assert.equal(queue.RedriveAllowPolicy.redrivePermission, 'byQueue');
    assert.equal(queue.RedriveAllowPolicy.sourceQueueArns.length, 1);
    assert.match(
      JSON.stringify(queue.RedriveAllowPolicy.sourceQueueArns),
      new RegExp(`:sqs:us-east-1:${PAYER}:${names.launchQueue}"`),
    );
    const { PolicyDocument } = only(
      template,
      'AWS::SQS::QueuePolicy',
      ({ Queues }) => Queues[0].Ref === idOf(template, 'AWS::SQS::Queue', isIt),
    );
    const refusals = PolicyDocument.Statement.filter(({ Effect }: { Effect: string }) => Effect === 'Deny');
    assert.equal(refusals.length, 1);
    assert.deepEqual(
      [refusals[0].Action, refusals[0].Condition],
      ['sqs:*', { Bool: { 'aws:SecureTransport': 'false' } }],
    );
  });
});

describe('the heartbeat alarm', () => {
  it('rings after three ticks without a completed sweep, silence included, and says when it is over', () => {
    const alarm = only(template, 'AWS::CloudWatch::Alarm', ({ AlarmName }) => AlarmName === names.heartbeatAlarm);
    const told = [{ Ref: idOf(template, 'AWS::SNS::Topic', (properties) => properties.TopicName === names.topic) }];
    assert.equal(alarm.Namespace, metrics.namespace);
    assert.equal(alarm.MetricName, 'Heartbeat');
    assert.equal(alarm.Dimensions, undefined);
    assert.equal(alarm.Statistic, 'Sum');
    assert.equal(alarm.Period, 7 * 60);
    assert.equal(alarm.EvaluationPeriods, 3);
    assert.equal(alarm.DatapointsToAlarm ?? 3, 3);
    assert.equal(alarm.ComparisonOperator, 'LessThanThreshold');
    assert.equal(alarm.Threshold, 1);
    assert.equal(alarm.TreatMissingData, 'breaching');
    assert.deepEqual(alarm.AlarmActions, told);
    assert.deepEqual(alarm.OKActions, told);
  });
});

describe('the alarms on what the guard does not do', () => {
  const told = [{ Ref: idOf(template, 'AWS::SNS::Topic', (properties) => properties.TopicName === names.topic) }];
  const named = (name: string) => only(template, 'AWS::CloudWatch::Alarm', ({ AlarmName }) => AlarmName === name);

  it('ring for the first event that could not be handled, and say when the queue is empty', () => {
    const alarm = named(FAILURES_ALARM);
    const queue = idOf(template, 'AWS::SQS::Queue', ({ QueueName }) => QueueName === names.failureQueue);
    assert.deepEqual(alarm.Dimensions, [{ Name: 'QueueName', Value: { 'Fn::GetAtt': [queue, 'QueueName'] } }]);
    assert.deepEqual(
      [alarm.Namespace, alarm.MetricName, alarm.Statistic, alarm.ComparisonOperator, alarm.Threshold],
      ['AWS/SQS', 'ApproximateNumberOfMessagesVisible', 'Maximum', 'GreaterThanOrEqualToThreshold', 1],
    );
    assert.equal(alarm.TreatMissingData, 'notBreaching');
    assert.deepEqual([alarm.AlarmActions, alarm.OKActions], [told, told]);
  });

  it('ring as long as accounts wait behind the brake for people', () => {
    const alarm = named(BRAKE_ALARM);
    assert.deepEqual(
      [alarm.Namespace, alarm.MetricName, alarm.Statistic, alarm.ComparisonOperator, alarm.Threshold],
      [metrics.namespace, 'WaitingForPeople', 'Maximum', 'GreaterThanOrEqualToThreshold', 1],
    );
    assert.equal(alarm.TreatMissingData, 'notBreaching');
    assert.deepEqual([alarm.AlarmActions, alarm.OKActions], [told, told]);
  });

  it('ring when no sweep of an hour saw everything, and leave silence to the heartbeat', () => {
    const alarm = named(COVERAGE_ALARM);
    assert.deepEqual(
      [alarm.Namespace, alarm.MetricName, alarm.Statistic, alarm.Period, alarm.ComparisonOperator, alarm.Threshold],
      [metrics.namespace, 'Coverage', 'Maximum', 3600, 'LessThanThreshold', 100],
    );
    assert.equal(alarm.TreatMissingData, 'notBreaching');
    assert.deepEqual([alarm.AlarmActions, alarm.OKActions], [told, told]);
  });
});

it('the dashboard shows whether the guard is on, what it sees, and what waits or fails', () => {
  const page = only(template, 'AWS::CloudWatch::Dashboard');
  assert.equal(page.DashboardName, names.function);
  const body = JSON.stringify(page.DashboardBody);
  for (const metric of [
    ...metrics.table.map(({ name }) => name),
    'Errors',
    'Throttles',
    'Duration',
    'ApproximateAgeOfOldestMessage',
    'ApproximateNumberOfMessagesVisible',
  ]) {
    assert.ok(body.includes(`\\"${metric}\\"`), metric);
  }
  assert.ok(body.includes(`message = \\\\\\"${metrics.accountLine}`), body);
});
