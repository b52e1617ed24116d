/** Cost and Usage Reports: the bucket and the definition where they are made, and what the function may read wherever they are. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { App } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { names } from '../lib/contract';
import { Policy, type PolicyDocument } from '../lib/policy/policy';
import { reportCosts } from '../lib/spend/cost-reports';
import { bootstrapFile, document, folder, idOf, type Json, list, only, PAYER, REPOSITORY, synthesize } from './support';

const MADE: PolicyDocument = { ...document, cur: {} };
const ADOPTED: PolicyDocument = { ...document, cur: { bucket: 'payer-reports', prefix: 'cur/hourly' } };
const BUCKET = `runawaytrain-cur-${PAYER}`;

function stack(policy: PolicyDocument): Template | undefined {
  const app = new App({ outdir: folder(), builtinCloudFormationValidation: false });
  const made = reportCosts(app, {
    env: { account: policy.payer, region: names.homeRegion },
    policy: new Policy(policy),
  });
  return made && Template.fromStack(made);
}

describe('the stack of the cost reports', () => {
  const template = stack(MADE);
  assert.ok(template);

  it('is made only where the policy wants a report and adopts none', () => {
    assert.equal(stack(document), undefined);
    assert.equal(stack(ADOPTED), undefined);
  });

  it('holds a bucket that is private, encrypted, without versions, and kept when the stack goes', () => {
    const bucket = only(template, 'AWS::S3::Bucket');
    assert.equal(bucket.BucketName, BUCKET);
    assert.deepEqual(bucket.PublicAccessBlockConfiguration, {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    });
    assert.deepEqual(bucket.BucketEncryption.ServerSideEncryptionConfiguration, [
      { ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } },
    ]);
    assert.deepEqual(bucket.OwnershipControls, { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] });
    assert.equal(bucket.VersioningConfiguration, undefined);
    assert.deepEqual(
      bucket.LifecycleConfiguration.Rules.map(({ ExpirationInDays, Status }: Json) => [ExpirationInDays, Status]),
      [[400, 'Enabled']],
    );
    template.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
  });

  it('lets the billing service deliver for definitions of this account, over TLS, and nobody else', () => {
    const { PolicyDocument, Bucket } = only(template, 'AWS::S3::BucketPolicy');
    assert.deepEqual(Bucket, { Ref: idOf(template, 'AWS::S3::Bucket', () => true) });
    const [tls, ...deliveries] = PolicyDocument.Statement;
    assert.deepEqual(
      [tls.Effect, tls.Action, tls.Principal, tls.Condition],
      ['Deny', 's3:*', { AWS: '*' }, { Bool: { 'aws:SecureTransport': 'false' } }],
    );
    assert.deepEqual(
      deliveries.map(({ Sid, Effect, Action }: Json) => [Sid, Effect, Action]),
      [
        ['CheckOwner', 'Allow', ['s3:GetBucketAcl', 's3:GetBucketPolicy']],
        ['DeliverReports', 'Allow', 's3:PutObject'],
      ],
    );
    for (const { Principal, Condition } of deliveries) {
      assert.deepEqual(Principal, { Service: 'billingreports.amazonaws.com' });
      assert.deepEqual(Condition, {
        StringEquals: { 'aws:SourceAccount': PAYER },
        ArnLike: { 'aws:SourceArn': `arn:aws:cur:us-east-1:${PAYER}:definition/*` },
      });
    }
  });

  it('defines an hourly report in the form that the function reads, once the bucket takes it', () => {
    assert.deepEqual(only(template, 'AWS::CUR::ReportDefinition'), {
      ReportName: names.report,
      S3Bucket: BUCKET,
      S3Prefix: 'reports',
      S3Region: 'us-east-1',
      TimeUnit: 'HOURLY',
      Format: 'textORcsv',
      Compression: 'GZIP',
      ReportVersioning: 'CREATE_NEW_REPORT',
      RefreshClosedReports: true,
      AdditionalSchemaElements: [],
    });
    const [report] = Object.values(template.findResources('AWS::CUR::ReportDefinition'));
    assert.ok(list(report?.DependsOn).includes(idOf(template, 'AWS::S3::BucketPolicy', () => true)));
    const other = stack({ ...document, cur: { prefix: 'money/all/' } });
    assert.equal(only(other as Template, 'AWS::CUR::ReportDefinition').S3Prefix, 'money/all');
  });

  it('neither gives anything to another stack nor takes anything', () => {
    const text = JSON.stringify(template.toJSON());
    assert.ok(!text.includes('Fn::ImportValue') && template.toJSON().Outputs === undefined);
  });
});

describe('the guard', () => {
  const role = (template: Template) =>
    idOf(template, 'AWS::IAM::Role', ({ RoleName }) => RoleName === names.functionRole);
  const statements = (policy: PolicyDocument): Json[] => {
    const { template } = synthesize(policy);
    return only(template, 'AWS::IAM::Policy', ({ Roles }) =>
      list(Roles).some((one: Json) => one.Ref === role(template)),
    ).PolicyDocument.Statement;
  };
  const more = (policy: PolicyDocument) => {
    const usual = new Set(statements(document).map(({ Sid }) => Sid));
    return statements(policy).filter(({ Sid }) => !usual.has(Sid));
  };

  it('may read the objects of the report and list them, in a bucket of the payer, and nothing else', () => {
    for (const [policy, bucket, prefix] of [
      [MADE, BUCKET, 'reports/'],
      [ADOPTED, 'payer-reports', 'cur/hourly/'],
    ] as const) {
      assert.deepEqual(more(policy), [
        {
          Sid: 'ReadReports',
          Effect: 'Allow',
          Action: 's3:GetObject',
          Resource: `arn:aws:s3:::${bucket}/${prefix}*`,
          Condition: { StringEquals: { 'aws:ResourceAccount': PAYER } },
        },
        {
          Sid: 'ListReports',
          Effect: 'Allow',
          Action: 's3:ListBucket',
          Resource: `arn:aws:s3:::${bucket}`,
          Condition: { StringEquals: { 'aws:ResourceAccount': PAYER }, StringLike: { 's3:prefix': `${prefix}*` } },
        },
      ]);
    }
  });

  it('may see no bucket where the policy has no report', () => {
    assert.deepEqual(
      statements(document).filter(({ Action }) => list(Action).some((one) => String(one).startsWith('s3:'))),
      [],
    );
  });

  it('is told to read them every hour, by a constant input', () => {
    const { template } = synthesize(MADE);
    const hourly = only(
      template,
      'AWS::Events::Rule',
      ({ ScheduleExpression }) => ScheduleExpression === 'rate(1 hour)',
    );
    assert.equal(hourly.Targets.length, 1);
    assert.equal(hourly.Targets[0].Input, JSON.stringify({ action: 'reports' }));
    assert.deepEqual(hourly.Targets[0].Arn, {
      'Fn::GetAtt': [idOf(template, 'AWS::Lambda::Function', () => true), 'Arn'],
    });
    const { template: without } = synthesize(document);
    assert.equal(
      Object.values(without.findResources('AWS::Events::Rule', { Properties: { ScheduleExpression: 'rate(1 hour)' } }))
        .length,
      0,
    );
  });

  it('needs no resource type for it that it did not need before', () => {
    const types = (policy: PolicyDocument) =>
      [...new Set(Object.values(synthesize(policy).template.toJSON().Resources).map((one: Json) => one.Type))].sort();
    assert.deepEqual(types(MADE), types(document));
  });
});

describe('the app', () => {
  it('makes the stack where the policy says so, found clean by cdk-nag and the CDK itself, and nothing waits for it', () => {
    const policy = path.join(folder(), 'runawaytrain.yaml');
    const sample = fs.readFileSync(path.join(REPOSITORY, 'runawaytrain.yaml'), 'utf8');
    fs.writeFileSync(policy, `cur: {}\n${sample.replace(/^cur:.*$/m, '')}`);
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
    const { artifacts } = JSON.parse(fs.readFileSync(path.join(outdir, 'manifest.json'), 'utf8'));
    const stacks = Object.entries<Json>(artifacts).filter(([, { type }]) => type === 'aws:cloudformation:stack');
    assert.ok(stacks.some(([name]) => name === 'RunawayTrainCostReports'));
    assert.deepEqual(
      stacks.filter(([, { dependencies }]) => dependencies?.includes('RunawayTrainCostReports')),
      [],
    );
  });
});

describe('a limit on purchases', () => {
  it('without reports that tell of them is warned about', () => {
    const limits = { instances: 4, purchases: 1000 };
    const text = Match.stringLikeRegexp('limits purchases.*Add cur');
    const inDefaults = { ...document, defaults: { ...document.defaults, limits } };
    const ofOne = { ...document, accounts: { '111111111111': { limits: { purchases: 0 } } } };
    for (const policy of [inDefaults, ofOne]) {
      Annotations.fromStack(synthesize(policy).guard).hasWarning('/RunawayTrain', text);
    }
    for (const policy of [document, { ...inDefaults, cur: {} }]) {
      Annotations.fromStack(synthesize(policy).guard).hasNoWarning('/RunawayTrain', text);
    }
  });
});
