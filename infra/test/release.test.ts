/** The stack that lets the release pipeline in, and how narrow the door is. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { parse } from 'yaml';
import { names } from '../lib/contract';
import { OptionProblem, optionsFrom } from '../lib/options';
import { environments, type ReleaseSource, RunawayTrainRelease } from '../lib/release/release';
import { bootstrapFile, folder, type Json, list, only, PAYER, REPOSITORY } from './support';

const PROVIDER = `arn:aws:iam::${PAYER}:oidc-provider/token.actions.githubusercontent.com`;
const PROVIDER_TYPE = 'AWS::IAM::OIDCProvider';
const GUARD = 'example-university@1234/guard@5678';

function release(source: ReleaseSource = { repository: GUARD }, context: Record<string, string> = {}): Template {
  const app = new App({ outdir: folder(), context, builtinCloudFormationValidation: false });
  return Template.fromStack(
    new RunawayTrainRelease(app, 'RunawayTrainRelease', { env: { account: PAYER, region: names.homeRegion }, source }),
  );
}

const role = (template: Template, name: string) =>
  only(template, 'AWS::IAM::Role', ({ RoleName }) => RoleName === name);
const deployer = (template: Template) => role(template, names.releaseRole);
const differ = (template: Template) => role(template, 'RunawayTrainReleaseDiff');

/** What a role may do, as sorted `action resource` lines. */
function allowed({ Policies, ManagedPolicyArns }: Json): string[] {
  assert.equal(ManagedPolicyArns, undefined);
  const statements = Policies.flatMap(({ PolicyDocument }: Json) => PolicyDocument.Statement);
  return statements
    .flatMap(({ Effect, Action, Resource }: Json) =>
      list(Action).flatMap((action) => list(Resource).map((resource) => `${Effect} ${action} ${resource}`)),
    )
    .sort();
}

describe('the release stack', () => {
  for (const [what, find, environment] of [
    ['deploys', deployer, 'production'],
    ['shows the differences', differ, 'production-diff'],
  ] as const) {
    it(`trusts for what ${what} only one environment of one repository`, () => {
      const { AssumeRolePolicyDocument } = find(release({ repository: GUARD, providerArn: PROVIDER }));
      assert.deepEqual(AssumeRolePolicyDocument.Statement, [
        {
          Effect: 'Allow',
          Action: 'sts:AssumeRoleWithWebIdentity',
          Principal: { Federated: PROVIDER },
          Condition: {
            StringEquals: {
              'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com',
              'token.actions.githubusercontent.com:sub': `repo:example-university@1234/guard@5678:environment:${environment}`,
            },
          },
        },
      ]);
    });
  }

  it('deploys by the roles of the CDK, asks the function, and may nothing else', () => {
    const cdk = (purpose: string) =>
      `Allow sts:AssumeRole arn:aws:iam::${PAYER}:role/cdk-hnb659fds-${purpose}-role-${PAYER}-us-east-1`;
    assert.deepEqual(allowed(deployer(release())), [
      `Allow lambda:InvokeFunction arn:aws:lambda:us-east-1:${PAYER}:function:runawaytrain`,
      cdk('deploy'),
      cdk('file-publishing'),
      cdk('lookup'),
    ]);
  });

  it('follows the account to a bootstrap with another qualifier', () => {
    const permissions = allowed(deployer(release(undefined, { '@aws-cdk/core:bootstrapQualifier': 'special' })));
    assert.ok(
      permissions.includes(
        `Allow sts:AssumeRole arn:aws:iam::${PAYER}:role/cdk-special-deploy-role-${PAYER}-us-east-1`,
      ),
      permissions.join('\n'),
    );
    assert.ok(!permissions.join().includes('hnb659fds'));
  });

  it('lets the look before the approval read the templates of our stacks, and nothing else', () => {
    const ours = `arn:aws:cloudformation:us-east-1:${PAYER}:stack/RunawayTrain*/*`;
    assert.deepEqual(allowed(differ(release())), [
      `Allow cloudformation:DescribeStacks ${ours}`,
      `Allow cloudformation:GetTemplate ${ours}`,
    ]);
  });

  it('makes the provider of GitHub, once', () => {
    const template = release();
    const [id] = Object.keys(template.findResources(PROVIDER_TYPE));
    assert.deepEqual(only(template, PROVIDER_TYPE), {
      Url: 'https://token.actions.githubusercontent.com',
      ClientIdList: ['sts.amazonaws.com'],
    });
    for (const one of [deployer(template), differ(template)]) {
      assert.deepEqual(one.AssumeRolePolicyDocument.Statement[0].Principal, { Federated: { Ref: id } });
    }
  });

  it('makes no second provider where the account has one', () => {
    release({ repository: GUARD, providerArn: PROVIDER }).resourceCountIs(PROVIDER_TYPE, 0);
  });

  it('names the environments that the workflow deploys in', () => {
    const { jobs } = parse(fs.readFileSync(path.join(REPOSITORY, '.github/workflows/deploy.yml'), 'utf8'));
    assert.deepEqual({ deploy: jobs.deploy.environment, diff: jobs.diff.environment }, environments);
    const assumed = ({ steps }: Json) =>
      steps
        .map((step: Json) => step.with?.['role-to-assume'])
        .filter(Boolean)
        .map((arn: string) => arn.split('/').pop());
    assert.deepEqual(assumed(jobs.deploy), [names.releaseRole]);
    assert.deepEqual(assumed(jobs.diff), ['RunawayTrainReleaseDiff']);
  });
});

describe('the options of a release', () => {
  const options = (context: Record<string, string>) =>
    optionsFrom((name) => ({ bootstrap: bootstrapFile, ...context })[name]);

  it('make no way in unless a repository is named', () => {
    assert.equal(options({}).release, undefined);
  });

  it('take a repository, and a provider that is there', () => {
    assert.deepEqual(options({ releaseRepository: 'a-b@1/c.d_e@2' }).release, {
      repository: 'a-b@1/c.d_e@2',
      providerArn: undefined,
    });
    assert.deepEqual(options({ releaseRepository: GUARD, releaseProvider: PROVIDER }).release, {
      repository: GUARD,
      providerArn: PROVIDER,
    });
  });

  it('trust names alone, which others can take over, only where that is asked for', () => {
    assert.throws(
      () => options({ releaseRepository: 'a-b/c.d_e' }),
      /gh api repos\/a-b\/c\.d_e .* -c releaseSubject=names/,
    );
    const { release: older } = options({ releaseRepository: 'a-b/c.d_e', releaseSubject: 'names' });
    assert.equal(older?.repository, 'a-b/c.d_e');
    assert.throws(() => options({ releaseRepository: GUARD, releaseSubject: 'names' }), OptionProblem);
    assert.throws(() => options({ releaseRepository: GUARD, releaseSubject: 'ids' }), OptionProblem);
    assert.throws(() => options({ releaseSubject: 'names' }), OptionProblem);
  });

  for (const repository of [
    'guard',
    'university/*',
    '*/guard',
    'university/guard:environment:x',
    'university/guard/more',
    '-u/guard',
    'university/gu?rd',
    'university@1/guard',
    'university/guard@1',
    'university@*/guard@1',
    'university@1/guard@x',
    'university@1/guard@2:environment:x',
  ]) {
    it(`refuse ${repository}, which is no repository`, () => {
      assert.throws(() => options({ releaseRepository: repository, releaseSubject: 'names' }), OptionProblem);
      assert.throws(() => options({ releaseRepository: repository }), OptionProblem);
    });
  }

  it('refuse a provider that is not GitHub, and one that nobody asked for', () => {
    const other = `arn:aws:iam::${PAYER}:oidc-provider/gitlab.com`;
    assert.throws(() => options({ releaseRepository: GUARD, releaseProvider: other }), OptionProblem);
    assert.throws(() => options({ releaseProvider: PROVIDER }), OptionProblem);
  });
});
