/** A sweep past one function: the state machine, who may what, and that nothing of it is there without the key. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import type { Template } from 'aws-cdk-lib/assertions';
import { names } from '../lib/contract';
import type { PolicyDocument } from '../lib/policy/policy';
import { FAILED_ALARM, LATE_ALARM } from '../lib/scale/distributed-sweep';
import { bootstrapFile, document, folder, idOf, type Json, list, only, PAYER, REPOSITORY, synthesize } from './support';

const SCALED: PolicyDocument = { ...document, scale: { accountsPerWorker: 250, maxConcurrency: 40 } };
const BUCKET = `runawaytrain-sweeps-${PAYER}`;
const MACHINE = `arn:aws:states:us-east-1:${PAYER}:stateMachine:${names.stateMachine}`;
const { template } = synthesize(SCALED);
const { template: plain } = synthesize(document);

/** The text of a definition, with every ARN that only a deployment knows as its logical id. */
function definitionOf(one: Template): Json {
  const { DefinitionString } = only(one, 'AWS::StepFunctions::StateMachine');
  const parts: Json[] = DefinitionString['Fn::Join'][1];
  return JSON.parse(parts.map((part) => (typeof part === 'string' ? part : part['Fn::GetAtt'][0])).join(''));
}

const definition = definitionOf(template);
const FUNCTION = idOf(template, 'AWS::Lambda::Function', () => true);
const map = definition.States['Sweep in batches'];
const worker = map.ItemProcessor.States[map.ItemProcessor.StartAt];

function statementsOf(one: Template, role: string): Json[] {
  return only(one, 'AWS::IAM::Policy', ({ Roles }) => list(Roles).some((each: Json) => each.Ref === role))
    .PolicyDocument.Statement;
}

/** Of the two roles that are there for it; roles that others name have fixed names. */
function roleOf(service: string): string {
  return idOf(
    template,
    'AWS::IAM::Role',
    ({ RoleName, AssumeRolePolicyDocument }) =>
      RoleName === undefined && AssumeRolePolicyDocument.Statement[0].Principal.Service === service,
  );
}

describe('without scale', () => {
  it('there is no state machine, no bucket and no role for them', () => {
    for (const type of ['AWS::StepFunctions::StateMachine', 'AWS::S3::Bucket', 'AWS::S3::BucketPolicy']) {
      assert.deepEqual(plain.findResources(type), {}, type);
    }
    const text = JSON.stringify(plain.toJSON());
    for (const trace of ['states:', 'states.amazonaws.com', names.stateMachine, BUCKET, 's3:']) {
      assert.ok(!text.includes(trace), trace);
    }
  });

  it('every resource is as it is with scale, but for the function’s package and rights, the schedule, and who may mail', () => {
    const [before, after]: Json[] = [plain.toJSON().Resources, template.toJSON().Resources];
    const changed = Object.keys(before).filter((id) => JSON.stringify(before[id]) !== JSON.stringify(after[id]));
    assert.deepEqual(changed.map((id) => before[id].Type).sort(), [
      'AWS::Events::Rule',
      'AWS::IAM::Policy',
      'AWS::Lambda::Function',
      // It lets the schedule's rule invoke the function, which nothing does any more.
      'AWS::Lambda::Permission',
      'AWS::SNS::TopicPolicy',
    ]);
  });
});

describe('the schedule', () => {
  it('starts the state machine instead of the function, and drops what is stale', () => {
    const machine = idOf(template, 'AWS::StepFunctions::StateMachine', () => true);
    const clock = only(template, 'AWS::Events::Rule', ({ ScheduleExpression }) => ScheduleExpression !== undefined);
    assert.equal(clock.Targets.length, 1);
    assert.deepEqual(clock.Targets[0].Arn, { Ref: machine });
    assert.deepEqual(clock.Targets[0].RoleArn, { 'Fn::GetAtt': [roleOf('events.amazonaws.com'), 'Arn'] });
    assert.deepEqual(clock.Targets[0].RetryPolicy, { MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 2 });
  });

  it('may start that machine and do nothing else', () => {
    const [statement, ...others] = statementsOf(template, roleOf('events.amazonaws.com'));
    assert.deepEqual(others, []);
    assert.equal(statement.Action, 'states:StartExecution');
    assert.equal(statement.Resource, MACHINE);
  });
});

it('both roles are taken by their service on behalf of this account alone', () => {
  for (const service of ['states.amazonaws.com', 'events.amazonaws.com']) {
    const { AssumeRolePolicyDocument } = template.findResources('AWS::IAM::Role')[roleOf(service)]?.Properties ?? {};
    const [{ Action, Condition }, ...others] = AssumeRolePolicyDocument.Statement;
    assert.deepEqual(others, []);
    assert.deepEqual([Action, Condition], ['sts:AssumeRole', { StringEquals: { 'aws:SourceAccount': PAYER } }]);
  }
});

describe('the state machine', () => {
  it('lists, sweeps in batches and adds up, and each state asks the same function', () => {
    assert.deepEqual(Object.keys(definition.States), [
      'List accounts',
      'Anything to sweep',
      'Nothing to sweep',
      'Sweep in batches',
      'Add up',
      'Say that nobody was seen',
      'Not swept',
    ]);
    const tasks = [...Object.values<Json>(definition.States), worker].filter(({ Type }) => Type === 'Task');
    assert.equal(tasks.length, 4);
    for (const { Resource, Parameters, TimeoutSeconds } of tasks) {
      assert.equal(Resource, 'arn:aws:states:::lambda:invoke');
      assert.equal(Parameters.FunctionName, FUNCTION);
      assert.ok(TimeoutSeconds > 900, 'the function ends by itself first');
    }
    assert.deepEqual(
      tasks.map(({ Parameters }) => Parameters.Payload),
      [
        { 'sweep.$': '$$.Execution.Name', step: 'list' },
        { 'sweep.$': '$.sweep', step: 'summary', 'results.$': '$.map.ResultWriterDetails' },
        { 'sweep.$': '$.sweep', step: 'summary' },
        { 'sweep.$': '$.BatchInput.sweep', step: 'batch', 'accounts.$': '$.Items' },
      ],
    );
  });

  it('is a distributed map over the list in S3, in batches, as the policy says, with the results in S3', () => {
    assert.deepEqual(map.ItemProcessor.ProcessorConfig, { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' });
    assert.deepEqual(map.ItemReader, {
      Resource: 'arn:aws:states:::s3:getObject',
      ReaderConfig: { InputType: 'JSON' },
      Parameters: { 'Bucket.$': '$.bucket', 'Key.$': '$.key' },
    });
    assert.deepEqual([map.ItemBatcher.MaxItemsPerBatch, map.MaxConcurrency], [250, 40]);
    assert.deepEqual(map.ResultWriter, {
      Resource: 'arn:aws:states:::s3:putObject',
      Parameters: { 'Bucket.$': '$.bucket', 'Prefix.$': '$.results' },
    });
    const { template: defaults } = synthesize({ ...document, scale: {} });
    const usual = definitionOf(defaults).States['Sweep in batches'];
    assert.deepEqual([usual.ItemBatcher.MaxItemsPerBatch, usual.MaxConcurrency], [500, 20]);
  });

  it('lets a worker fail without the others, and tells of a map that fails whole before it fails', () => {
    assert.equal(map.ToleratedFailurePercentage, 100);
    assert.deepEqual(
      map.Catch.map(({ ErrorEquals, Next }: Json) => [ErrorEquals, Next]),
      [[['States.ALL'], 'Say that nobody was seen']],
    );
    assert.equal(definition.States['Say that nobody was seen'].Next, 'Not swept');
    assert.equal(definition.States['Not swept'].Type, 'Fail');
  });

  it('tries again only what Lambda itself failed at, a few times', () => {
    for (const { Retry } of [definition.States['List accounts'], worker, definition.States['Add up']]) {
      assert.equal(Retry.length, 1);
      assert.ok(Retry[0].ErrorEquals.every((error: string) => error.startsWith('Lambda.')));
      assert.ok(!Retry[0].ErrorEquals.includes('Lambda.Unknown'), 'that is the function itself');
      assert.equal(Retry[0].MaxAttempts, 4);
    }
    assert.equal(map.Retry, undefined);
  });

  it('ends within an hour', () => assert.equal(definition.TimeoutSeconds, 3600));

  it('may ask the guard, run its own workers, and use its prefix of its bucket', () => {
    const role = roleOf('states.amazonaws.com');
    const found = statementsOf(template, role);
    const ours = { StringEquals: { 'aws:ResourceAccount': PAYER } };
    const [objects, ask, start, follow, ...others] = found;
    assert.deepEqual(others, []);
    assert.deepEqual(objects, {
      Sid: 'ReadListWriteResults',
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObject', 's3:ListMultipartUploadParts', 's3:AbortMultipartUpload'],
      Resource: `arn:aws:s3:::${BUCKET}/sweeps/*`,
      Condition: ours,
    });
    assert.deepEqual([ask.Action, ask.Resource], ['lambda:InvokeFunction', { 'Fn::GetAtt': [FUNCTION, 'Arn'] }]);
    assert.deepEqual([start.Action, start.Resource], ['states:StartExecution', MACHINE]);
    assert.deepEqual(follow.Action, ['states:DescribeExecution', 'states:StopExecution']);
    assert.equal(follow.Resource, `arn:aws:states:us-east-1:${PAYER}:execution:${names.stateMachine}/*`);
    const { Properties } = template.findResources('AWS::IAM::Role')[role] ?? {};
    assert.deepEqual([Properties.ManagedPolicyArns, Properties.Policies], [undefined, undefined]);
  });
});

describe('the guard', () => {
  const role = (one: Template) => idOf(one, 'AWS::IAM::Role', ({ RoleName }) => RoleName === names.functionRole);

  it('may read and write what a sweep hands on, and gains nothing else', () => {
    const usual = new Set(statementsOf(plain, role(plain)).map(({ Sid }) => Sid));
    assert.deepEqual(
      statementsOf(template, role(template)).filter(({ Sid }) => !usual.has(Sid)),
      [
        {
          Sid: 'HandOnSweeps',
          Effect: 'Allow',
          Action: ['s3:GetObject', 's3:PutObject'],
          Resource: `arn:aws:s3:::${BUCKET}/sweeps/*`,
          Condition: { StringEquals: { 'aws:ResourceAccount': PAYER } },
        },
      ],
    );
  });
});

describe('the bucket', () => {
  it('is private, encrypted, over TLS alone, and forgets within days', () => {
    const bucket = only(template, 'AWS::S3::Bucket');
    assert.equal(bucket.BucketName, BUCKET);
    assert.deepEqual(Object.values(bucket.PublicAccessBlockConfiguration), [true, true, true, true]);
    assert.deepEqual(bucket.BucketEncryption.ServerSideEncryptionConfiguration, [
      { ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } },
    ]);
    assert.deepEqual(
      bucket.LifecycleConfiguration.Rules.map(({ ExpirationInDays, Status }: Json) => [ExpirationInDays, Status]),
      [[7, 'Enabled']],
    );
    const { PolicyDocument } = only(template, 'AWS::S3::BucketPolicy');
    assert.deepEqual(
      PolicyDocument.Statement.map(({ Effect, Action, Condition }: Json) => [Effect, Action, Condition]),
      [['Deny', 's3:*', { Bool: { 'aws:SecureTransport': 'false' } }]],
    );
  });
});

describe('the alarms', () => {
  it('ring for the first execution that fails or times out, and say when it is over', () => {
    const told = [{ Ref: idOf(template, 'AWS::SNS::Topic', ({ TopicName }) => TopicName === names.topic) }];
    const machine = { Ref: idOf(template, 'AWS::StepFunctions::StateMachine', () => true) };
    for (const [name, metric] of [
      [FAILED_ALARM, 'ExecutionsFailed'],
      [LATE_ALARM, 'ExecutionsTimedOut'],
    ]) {
      const alarm = only(template, 'AWS::CloudWatch::Alarm', ({ AlarmName }) => AlarmName === name);
      assert.deepEqual([alarm.Namespace, alarm.MetricName, alarm.Statistic], ['AWS/States', metric, 'Sum']);
      assert.deepEqual(alarm.Dimensions, [{ Name: 'StateMachineArn', Value: machine }]);
      assert.deepEqual([alarm.ComparisonOperator, alarm.Threshold], ['GreaterThanOrEqualToThreshold', 1]);
      assert.equal(alarm.TreatMissingData, 'notBreaching');
      assert.deepEqual([alarm.AlarmActions, alarm.OKActions], [told, told]);
    }
  });
});

describe('the app', () => {
  it('is found clean by cdk-nag and the CDK itself with scale', () => {
    const policy = path.join(folder(), 'runawaytrain.yaml');
    fs.writeFileSync(policy, `scale: {}\n${fs.readFileSync(path.join(REPOSITORY, 'runawaytrain.yaml'), 'utf8')}`);
    const outdir = folder();
    const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'bin/runawaytrain.ts'], {
      cwd: path.join(REPOSITORY, 'infra'),
      env: {
        ...process.env,
        CDK_OUTDIR: outdir,
        CDK_VALIDATION: 'true',
        CDK_CONTEXT_JSON: JSON.stringify({ policy, bootstrap: bootstrapFile }),
      },
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.deepEqual(
      JSON.parse(fs.readFileSync(path.join(outdir, 'validation-report.json'), 'utf8')).pluginReports,
      [],
    );
  });
});
