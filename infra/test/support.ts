/** What several tests need: a policy, a built function that is not one, and the stack made of them. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { parse } from 'yaml';
import { accountStacks } from '../lib/accounts/accounts';
import { names } from '../lib/contract';
import { RunawayTrainGuardrails } from '../lib/guardrails/guardrails';
import { enroll, type RunawayTrainEnrollment } from '../lib/organization/enrollment';
import { Policy, type PolicyDocument } from '../lib/policy/policy';
import { RunawayTrain } from '../lib/runawaytrain';

/** A piece of a template, of a manifest or of a workflow. */
// biome-ignore lint/suspicious/noExplicitAny: its form is what the assertions are there to find out.
export type Json = any;

export const PAYER = '999988887777';
export const ORGANIZATION = 'o-testtesttest';
export const LAB = '111111111111';
export const ROOT = 'r-test';
export const QUARANTINE = 'p-quarantine1';
export const MODELS = 'p-models1';
export const LOCKDOWN = 'p-lockdown1';

export const REPOSITORY = path.resolve(__dirname, '../..');

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'runawaytrain-test-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));

/** A folder that is gone when the tests are. */
export function folder(): string {
  return fs.mkdtempSync(path.join(scratch, 'folder-'));
}

export const bootstrapFile = path.join(scratch, 'built-function');
fs.writeFileSync(bootstrapFile, 'not a real function');

export const document: PolicyDocument = {
  payer: PAYER,
  organization: { id: ORGANIZATION, root: ROOT },
  schedule: '7m',
  defaults: { limits: { instances: 4 }, notify: ['team@example.edu', 'second@example.edu'] },
  accounts: { [LAB]: { notify: ['lab@example.edu'] }, '222222222222': {} },
};

/** The guard's stack, and those of accounts by their names. */
export function synthesize(
  policy: PolicyDocument = document,
  architecture = Architecture.X86_64,
): { template: Template; accounts: ReadonlyMap<string, Template>; outdir: string; guard: RunawayTrain } {
  const outdir = folder();
  // Four seconds each time, and `npm run synth` does it anyway.
  const app = new App({ outdir, builtinCloudFormationValidation: false });
  const props = { env: { account: policy.payer, region: names.homeRegion }, policy: new Policy(policy) };
  const guard = new RunawayTrain(app, 'RunawayTrain', {
    ...props,
    architecture,
    bootstrapFile,
    haltPolicyIds: { quarantine: QUARANTINE, models: MODELS, lockdown: LOCKDOWN },
  });
  const stacks = accountStacks(app, guard, props);
  const accounts = new Map(stacks.map((stack) => [stack.stackName, Template.fromStack(stack)]));
  return { template: Template.fromStack(guard), accounts, outdir, guard };
}

export function guardrails(policy: PolicyDocument = document): RunawayTrainGuardrails {
  const app = new App({ outdir: folder(), builtinCloudFormationValidation: false });
  return new RunawayTrainGuardrails(app, 'RunawayTrainGuardrails', {
    env: { account: policy.payer, region: names.homeRegion },
    policy: new Policy(policy),
  });
}

/** The properties of the only resource of a type, or of the only one that `matching` picks. */
export function only(template: Template, type: string, matching: (properties: Json) => boolean = () => true): Json {
  const found = Object.values(template.findResources(type)).filter((resource) => matching(resource.Properties));
  if (found.length !== 1) throw new Error(`expected one ${type}, found ${found.length}`);
  return found[0]?.Properties;
}

/** The logical id of the only resource of a type that `matching` picks. */
export function idOf(template: Template, type: string, matching: (properties: Json) => boolean): string {
  const found = Object.entries(template.findResources(type)).filter(([, resource]) => matching(resource.Properties));
  if (found.length !== 1) throw new Error(`expected one ${type}, found ${found.length}`);
  return found[0]?.[0] ?? '';
}

export function list<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}

/** The enrollment stack, and the stack in the guard's place; none where the policy enrolls nobody. */
export function enrollment(policy: PolicyDocument = document): {
  enrolled: RunawayTrainEnrollment | undefined;
  guard: Stack;
} {
  const app = new App({ outdir: folder(), builtinCloudFormationValidation: false });
  const env = { account: policy.payer, region: names.homeRegion };
  const guard = new Stack(app, 'RunawayTrain', { env });
  return { enrolled: enroll(app, guard, { env, policy: new Policy(policy) }), guard };
}

/** A template of `stacksets/`, as text. */
export function written(template: string): string {
  return fs.readFileSync(path.join(REPOSITORY, 'stacksets', template), 'utf8');
}

/** The same as it is in the account LAB: every `!Ref` and `!Sub` filled in. */
export function deployed(template: string, account = LAB): Json {
  const values: Record<string, string> = {
    PayerAccount: PAYER,
    OrganizationId: ORGANIZATION,
    SpendMonth: '750',
    'AWS::AccountId': account,
  };
  const value = (name: string) => {
    if (!(name in values)) throw new Error(`nothing is known of ${name}`);
    return values[name];
  };
  return parse(written(template), {
    customTags: [
      { tag: '!Ref', resolve: (name: string) => value(name) },
      {
        tag: '!Sub',
        resolve: (text: string) => text.replace(/\$\{([^}]+)\}/g, (_, name: string) => value(name) ?? ''),
      },
    ],
  });
}
