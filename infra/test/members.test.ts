/** What members get: the templates against the contract, and against what the payer has of the same. */
import assert from 'node:assert/strict';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { App, Stack } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { AwsSolutionsChecks } from 'cdk-nag';
import { names } from '../lib/contract';
import { responderStatements } from '../lib/organization/responder-statements';
import { deployed, folder, type Json, LAB, only, PAYER, REPOSITORY, synthesize, written } from './support';

const MEMBER = 'member.yaml';
const REGION = 'member-region.yaml';
const ALARMS = 'member-alarms.yaml';
const BUS = `arn:aws:events:us-east-1:${PAYER}:event-bus/${names.bus}`;

const { template: payer } = synthesize();
const member = deployed(MEMBER);
const region = deployed(REGION);
const alarming = deployed(ALARMS);

describe('the templates of the members', () => {
  for (const [file, parameters, resources] of [
    [MEMBER, ['PayerAccount', 'OrganizationId'], ['Responder', 'Forwarder']],
    [REGION, ['PayerAccount'], ['Launches']],
    [ALARMS, ['PayerAccount', 'SpendMonth'], ['SpendAlarm', 'LinkedSpendAlarm']],
  ] as const) {
    it(`are plain, and small enough to be handed to a stack set as they are: ${file}`, () => {
      const template = deployed(file);
      // StackSets with service-managed permissions take no transform, and so no macro, and no nested stack.
      assert.equal(template.Transform, undefined);
      assert.ok(!written(file).includes('Fn::Transform') && !written(file).includes('!Transform'));
      assert.ok(Buffer.byteLength(written(file)) < 51_200);
      assert.deepEqual(Object.keys(template.Resources), resources);
      const types = Object.values<Json>(template.Resources).map(({ Type }) => Type);
      for (const type of types) assert.match(type, /^AWS::(IAM::Role|CloudWatch::Alarm|Events::Rule)$/);
    });

    it(`ask for what they need, and nothing may be left out: ${file}`, () => {
      const asked = Object.entries<Json>(deployed(file).Parameters);
      assert.deepEqual(
        asked.map(([name]) => name),
        parameters,
      );
      for (const [name, { Default }] of asked) assert.equal(Default, undefined, name);
    });
  }

  it('are found clean by cdk-nag, but for the resources that the payer gives reasons for', () => {
    const app = new App({ outdir: folder(), builtinCloudFormationValidation: false });
    const stack = new Stack(app, 'Members');
    for (const file of [MEMBER, REGION, ALARMS]) {
      new CfnInclude(stack, file.replace('.yaml', ''), { templateFile: path.join(REPOSITORY, 'stacksets', file) });
    }
    const found = new AwsSolutionsChecks(app).validateScope(app).violations.map(({ ruleName }) => ruleName);
    // `PayerResponder` says why.
    const resources = responderStatements('<AWS::AccountId>').flatMap((statement) => statement.resources);
    const patterns = resources.filter((resource) => resource.includes('*'));
    assert.deepEqual(
      found.sort(),
      [...new Set(patterns)].map((resource) => `AwsSolutions-IAM5[Resource::${resource}]`).sort(),
    );
  });

  it('take an amount of dollars as the policy writes it', () => {
    const pattern = new RegExp(`^(?:${alarming.Parameters.SpendMonth.AllowedPattern})$`);
    for (const amount of ['0', '750', '99.5', String(1234.56)]) assert.match(amount, pattern);
    for (const amount of ['', '-1', '$750', '1,000', 'none', '5.', '1e-7']) assert.doesNotMatch(amount, pattern);
  });
});

describe('the forwarder role', () => {
  const { Properties } = member.Resources.Forwarder;

  it('belongs to EventBridge alone, on behalf of our rule in the same account', () => {
    assert.equal(Properties.RoleName, names.forwarderRole);
    assert.deepEqual(Properties.AssumeRolePolicyDocument.Statement, [
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Principal: { Service: 'events.amazonaws.com' },
        Condition: {
          StringEquals: { 'aws:SourceAccount': LAB },
          ArnLike: { 'aws:SourceArn': `arn:aws:events:*:${LAB}:rule/${names.launchRule}` },
        },
      },
    ]);
  });

  it('may send to the bus of the payer and do nothing else', () => {
    assert.equal(Properties.ManagedPolicyArns, undefined);
    assert.equal(Properties.Policies.length, 1);
    assert.deepEqual(Properties.Policies[0].PolicyDocument.Statement, [
      { Sid: 'Forward', Effect: 'Allow', Action: 'events:PutEvents', Resource: BUS },
    ]);
  });

  it('is the same in the payer', () => {
    const own = only(payer, 'AWS::IAM::Role', ({ RoleName }) => RoleName === names.forwarderRole);
    const { Properties: theirs } = deployed(MEMBER, PAYER).Resources.Forwarder;
    assert.deepEqual(own.AssumeRolePolicyDocument, theirs.AssumeRolePolicyDocument);
    assert.deepEqual(own.Policies, theirs.Policies);
    assert.equal(own.ManagedPolicyArns, undefined);
  });
});

describe('the launch rule', () => {
  const { Properties } = region.Resources.Launches;
  const own = only(
    payer,
    'AWS::Events::Rule',
    ({ Name, EventBusName }) => Name === names.launchRule && EventBusName === undefined,
  );

  it('sends to the bus of the payer with the forwarder role', () => {
    assert.equal(Properties.Name, names.launchRule);
    assert.equal(Properties.State, 'ENABLED');
    // The default bus: AWS's own events are on no other.
    assert.equal(Properties.EventBusName, undefined);
    assert.deepEqual(Properties.Targets, [
      { Id: 'payer', Arn: BUS, RoleArn: `arn:aws:iam::${LAB}:role/${names.forwarderRole}` },
    ]);
  });

  it('looks for the same in members, in the payer, and on the bus itself', () => {
    const onTheBus = only(payer, 'AWS::Events::Rule', ({ EventBusName }) => EventBusName !== undefined);
    assert.deepEqual(Properties.EventPattern, own.EventPattern);
    assert.deepEqual(Properties.EventPattern, onTheBus.EventPattern);
    assert.deepEqual(Properties.EventPattern, {
      source: ['aws.ec2'],
      'detail-type': ['EC2 Instance State-change Notification', 'AWS API Call via CloudTrail'],
      detail: {
        $or: [
          { state: ['pending', 'running'] },
          { eventSource: ['ec2.amazonaws.com'], eventName: ['RunInstances'], errorCode: [{ exists: false }] },
        ],
      },
    });
  });

  it('of the payer sends to its bus with its own forwarder role', () => {
    const [target, ...more] = own.Targets;
    assert.deepEqual(more, []);
    assert.deepEqual(target.Arn, {
      'Fn::GetAtt': [Object.keys(payer.findResources('AWS::Events::EventBus'))[0], 'Arn'],
    });
    const role = target.RoleArn['Fn::GetAtt'][0];
    assert.equal(payer.findResources('AWS::IAM::Role')[role]?.Properties.RoleName, names.forwarderRole);
  });
});

describe('the spend alarms of a member', () => {
  const alarms = Object.entries<Json>(alarming.Resources);

  it('watch the estimate both with and without the account in it', () => {
    const currency = { Name: 'Currency', Value: 'USD' };
    assert.deepEqual(
      alarms.map(([, { Properties }]) => Properties.Dimensions),
      [[currency], [currency, { Name: 'LinkedAccount', Value: LAB }]],
    );
  });

  it('tell the topic of the payer alone, under a name that it takes, once spend is strictly more', () => {
    const alarmNames = alarms.map(([, { Properties }]) => Properties.AlarmName);
    assert.equal(new Set(alarmNames).size, 2);
    for (const [id, { Properties }] of alarms) {
      assert.ok(Properties.AlarmName.startsWith(names.spendAlarmPrefix), id);
      assert.deepEqual(
        [Properties.Namespace, Properties.MetricName, Properties.Statistic],
        ['AWS/Billing', 'EstimatedCharges', 'Maximum'],
      );
      assert.deepEqual([Properties.Threshold, Properties.ComparisonOperator], ['750', 'GreaterThanThreshold']);
      assert.deepEqual(
        [Properties.Period, Properties.EvaluationPeriods, Properties.TreatMissingData],
        [21_600, 1, 'ignore'],
      );
      assert.deepEqual(Properties.AlarmActions, [`arn:aws:sns:us-east-1:${PAYER}:${names.alarmTopic}`]);
      assert.equal(Properties.OKActions, undefined);
    }
  });
});
