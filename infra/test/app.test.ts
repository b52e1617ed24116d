/** The app from outside: what a person at the terminal gets. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { names } from '../lib/contract';
import { OptionProblem, optionsFrom } from '../lib/options';
import { bootstrapFile, folder, type Json, QUARANTINE, REPOSITORY } from './support';

const SAMPLE = path.join(REPOSITORY, 'runawaytrain.yaml');
const BAD = path.join(REPOSITORY, 'lambda/core/tests/policies/bad/limit-negative.yaml');

/** The stacks that a stack waits for. */
function waitsFor(outdir: string, stack: string): string[] {
  const { artifacts } = JSON.parse(fs.readFileSync(path.join(outdir, 'manifest.json'), 'utf8'));
  return artifacts[stack].dependencies.filter((name: string) => artifacts[name].type === 'aws:cloudformation:stack');
}

function run(
  context: Record<string, string>,
  { validated = false } = {},
): { status: number | null; said: string; outdir: string } {
  const outdir = folder();
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'bin/runawaytrain.ts'], {
    cwd: path.join(REPOSITORY, 'infra'),
    env: {
      ...process.env,
      CDK_OUTDIR: outdir,
      CDK_VALIDATION: String(validated),
      CDK_CONTEXT_JSON: JSON.stringify(context),
    },
    encoding: 'utf8',
  });
  return { status, said: stderr, outdir };
}

describe('the app', () => {
  it('makes the stacks of the sample policy in the payer and its region', () => {
    const { status, said, outdir } = run({ policy: SAMPLE, bootstrap: bootstrapFile });
    assert.equal(status, 0, said);
    const { artifacts } = JSON.parse(fs.readFileSync(path.join(outdir, 'manifest.json'), 'utf8'));
    const stacks = Object.entries<Json>(artifacts).filter(([, { type }]) => type === 'aws:cloudformation:stack');
    assert.deepEqual(stacks.map(([name, { environment }]) => `${name} ${environment}`).sort(), [
      'RunawayTrain aws://123456789012/us-east-1',
      'RunawayTrainAccounts11 aws://123456789012/us-east-1',
      'RunawayTrainEnrollment aws://123456789012/us-east-1',
      'RunawayTrainGuardrails aws://123456789012/us-east-1',
    ]);
  });

  it('is found clean by cdk-nag and by the CDK itself', () => {
    const { status, said, outdir } = run({ policy: SAMPLE, bootstrap: bootstrapFile }, { validated: true });
    assert.equal(status, 0, said);
    const { pluginReports } = JSON.parse(fs.readFileSync(path.join(outdir, 'validation-report.json'), 'utf8'));
    assert.deepEqual(pluginReports, []);
  });

  it('lets references run one way: from the guardrails to the guard, which is there before anybody is enrolled', () => {
    const { outdir } = run({ policy: SAMPLE, bootstrap: bootstrapFile });
    assert.deepEqual(waitsFor(outdir, 'RunawayTrain'), ['RunawayTrainGuardrails']);
    assert.deepEqual(waitsFor(outdir, 'RunawayTrainGuardrails'), []);
    assert.deepEqual(waitsFor(outdir, 'RunawayTrainEnrollment'), ['RunawayTrain']);
    assert.deepEqual(waitsFor(outdir, 'RunawayTrainAccounts11'), ['RunawayTrain']);

    const read = (stack: string) => JSON.parse(fs.readFileSync(path.join(outdir, `${stack}.template.json`), 'utf8'));
    const guard = Object.values<Json>(read('RunawayTrain').Resources).find(
      ({ Type }) => Type === 'AWS::Lambda::Function',
    );
    const { Variables } = guard.Properties.Environment;
    const { Resources, Outputs } = read('RunawayTrainGuardrails');
    const named = Object.fromEntries(
      Object.values<Json>(Outputs).map(({ Export, Value }) => {
        const [exported, attribute] = Value['Fn::GetAtt'];
        assert.equal(attribute, 'Id');
        return [Export.Name, Resources[exported].Properties.Name];
      }),
    );
    const taken = ['quarantinepolicy', 'modelspolicy', 'lockdownpolicy'].map(
      (variable) => named[Variables[variable]['Fn::ImportValue']],
    );
    assert.deepEqual(taken, [names.quarantinePolicy, names.modelsPolicy, names.lockdownPolicy]);
    assert.equal(Object.keys(named).length, 3);
  });

  it('gives no topic, bus or queue two policies, over all stacks', () => {
    const { outdir } = run({ policy: SAMPLE, bootstrap: bootstrapFile });
    const templates = fs.readdirSync(outdir).filter((name) => name.endsWith('.template.json'));
    assert.equal(templates.length, 4);
    const governed: string[] = [];
    const exist: string[] = [];
    for (const name of templates) {
      for (const [id, { Type, Properties }] of Object.entries<Json>(
        JSON.parse(fs.readFileSync(path.join(outdir, name), 'utf8')).Resources,
      )) {
        if (['AWS::SNS::Topic', 'AWS::SQS::Queue', 'AWS::Events::EventBus'].includes(Type)) exist.push(`${name} ${id}`);
        if (Type === 'AWS::Events::EventBus' && Properties.Policy !== undefined) governed.push(`${name} ${id}`);
        if (/^AWS::(SNS::TopicPolicy|SQS::QueuePolicy|SNS::TopicInlinePolicy|SQS::QueueInlinePolicy)$/.test(Type)) {
          for (const one of [
            Properties.Topics ?? Properties.Queues ?? Properties.TopicArn ?? Properties.Queue,
          ].flat()) {
            governed.push(`${name} ${one.Ref ?? JSON.stringify(one)}`);
          }
        }
        // A second way to the policy of a bus.
        assert.notEqual(Type, 'AWS::Events::EventBusPolicy');
      }
    }
    assert.deepEqual(governed.sort(), exist.sort());
  });

  it('needs no guardrails where the quarantine policy is named on the command line', () => {
    const { status, said, outdir } = run({ policy: SAMPLE, bootstrap: bootstrapFile, quarantinePolicyId: QUARANTINE });
    assert.equal(status, 0, said);
    assert.deepEqual(waitsFor(outdir, 'RunawayTrain'), []);
    const template = fs.readFileSync(path.join(outdir, 'RunawayTrain.template.json'), 'utf8');
    assert.ok(!template.includes('Fn::ImportValue'));
    assert.ok(template.includes(QUARANTINE));
    // What is not named is not there: a halt says so.
    for (const variable of ['modelspolicy', 'lockdownpolicy']) assert.ok(!template.includes(variable), variable);
  });

  it('refuses to take half of the policies from the command line', () => {
    const { status, said } = run({ policy: SAMPLE, bootstrap: bootstrapFile, modelsPolicyId: 'p-examplepolicyid111' });
    assert.equal(status, 1);
    assert.equal(
      said,
      '-c modelsPolicyId=p-examplepolicyid111: name the quarantine as well, with -c quarantinePolicyId=p-…, or neither.\n',
    );
  });

  it('refuses what is not the id of a policy', () => {
    const { status, said } = run({
      policy: SAMPLE,
      bootstrap: bootstrapFile,
      quarantinePolicyId: 'RunawayTrainQuarantine',
    });
    assert.equal(status, 1);
    assert.equal(
      said,
      '-c quarantinePolicyId=RunawayTrainQuarantine: this is not the id of a policy, such as p-examplepolicyid111.\n',
    );
  });

  it('refuses a bad policy in plain sentences', () => {
    const { status, said } = run({ policy: BAD, bootstrap: bootstrapFile });
    assert.equal(status, 1);
    assert.equal(
      said,
      'limit-negative.yaml:7:16  defaults.limits.instances: must be >= 0 (found -3). Write a whole number, 0 or more; 0 halts on the first instance.\n',
    );
  });

  it('says how to build a function that is not built', () => {
    const { status, said } = run({ policy: SAMPLE, bootstrap: '/nowhere/bootstrap' });
    assert.equal(status, 1);
    assert.match(said, /^the function is not built: .*\/nowhere\/bootstrap.*scripts\/build.*\n$/);
  });

  it('refuses an architecture that Lambda does not have', () => {
    const { status, said } = run({ policy: SAMPLE, bootstrap: bootstrapFile, arch: 'mips' });
    assert.equal(status, 1);
    assert.equal(said, '-c arch=mips: the architecture is one of arm64, x86_64.\n');
  });
});

describe('the options', () => {
  const options = (context: Record<string, string>) => optionsFrom((name) => context[name]);

  for (const [arch, given] of [
    ['x86_64', {}],
    ['arm64', { arch: 'arm64' }],
  ] as const) {
    it(`look for the function where the build for ${arch} puts it`, () => {
      const place = path.join(REPOSITORY, '.build', arch, 'bootstrap');
      try {
        assert.equal(options(given).bootstrapFile, place);
      } catch (error) {
        // Not built here: then the message names the place.
        assert.ok(error instanceof OptionProblem && error.message.includes(place), String(error));
      }
    });
  }

  it('take the policy at the top of the repository unless told otherwise', () => {
    assert.equal(options({ bootstrap: bootstrapFile }).policyFile, SAMPLE);
    assert.equal(options({ bootstrap: bootstrapFile }).architecture, Architecture.X86_64);
    assert.equal(options({ bootstrap: bootstrapFile, policy: '/elsewhere.yaml' }).policyFile, '/elsewhere.yaml');
    assert.equal(options({ bootstrap: bootstrapFile, arch: 'arm64' }).architecture, Architecture.ARM_64);
  });
});
