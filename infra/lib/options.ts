/** What the command line chooses with `-c name=value`, apart from the policy itself. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Architecture } from 'aws-cdk-lib/aws-lambda';

/** A sentence for the person at the terminal; no stack trace helps them. */
export class OptionProblem extends Error {}

export interface Options {
  readonly policyFile: string;
  readonly architecture: Architecture;
  /** The built function: an executable named as it likes; it is packed as `bootstrap`. */
  readonly bootstrapFile: string;
  /** A quarantine policy that exists already, instead of the one of the stack RunawayTrainGuardrails. */
  readonly quarantinePolicyId?: string;
}

const ARCHITECTURES: Readonly<Record<string, Architecture>> = { arm64: Architecture.ARM_64, x86_64: Architecture.X86_64 };
/** https://docs.aws.amazon.com/organizations/latest/APIReference/API_PolicySummary.html */
const POLICY_ID = /^p-[0-9a-zA-Z_]{8,128}$/;
const REPOSITORY = path.resolve(__dirname, '../..');

/** @param context reads one context value; a relative path counts from the working directory. */
export function optionsFrom(context: (name: string) => unknown): Options {
  const arch = text(context('arch')) ?? 'x86_64';
  const architecture = ARCHITECTURES[arch];
  if (architecture === undefined) {
    throw new OptionProblem(`-c arch=${arch}: the architecture is one of ${Object.keys(ARCHITECTURES).join(', ')}.`);
  }
  const bootstrapFile = path.resolve(text(context('bootstrap')) ?? path.join(REPOSITORY, '.build', arch, 'bootstrap'));
  if (!fs.statSync(bootstrapFile, { throwIfNoEntry: false })?.isFile()) {
    throw new OptionProblem(`the function is not built: there is no file ${bootstrapFile}. Run scripts/build, or name a built one with -c bootstrap=PATH.`);
  }
  const quarantinePolicyId = text(context('quarantinePolicyId'));
  if (quarantinePolicyId !== undefined && !POLICY_ID.test(quarantinePolicyId)) {
    throw new OptionProblem(`-c quarantinePolicyId=${quarantinePolicyId}: this is not the id of a policy, such as p-examplepolicyid111.`);
  }
  return { architecture, bootstrapFile, quarantinePolicyId, policyFile: path.resolve(text(context('policy')) ?? path.join(REPOSITORY, 'runawaytrain.yaml')) };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
