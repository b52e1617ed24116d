/** What the command line chooses with `-c name=value`, apart from the policy itself. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import type { ReleaseSource } from './release/release';
import { ISSUER } from './release/trust';

/** A sentence for the person at the terminal; no stack trace helps them. */
export class OptionProblem extends Error {}

export interface Options {
  readonly policyFile: string;
  readonly architecture: Architecture;
  /** The built function: an executable named as it likes; it is packed as `bootstrap`. */
  readonly bootstrapFile: string;
  /** A quarantine policy that exists already, instead of the one of the stack RunawayTrainGuardrails. */
  readonly quarantinePolicyId?: string;
  /** Whose releases a pipeline may deploy; without it there is no way in for one. */
  readonly release?: ReleaseSource;
}

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  arm64: Architecture.ARM_64,
  x86_64: Architecture.X86_64,
};
/** https://docs.aws.amazon.com/organizations/latest/APIReference/API_PolicySummary.html */
const POLICY_ID = /^p-[0-9a-zA-Z_]{8,128}$/;
/** No wildcard can be part of it: the name becomes a condition of a role's trust. */
const GITHUB_REPOSITORY = /^[A-Za-z0-9](-?[A-Za-z0-9])*\/[A-Za-z0-9._-]+$/;
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
    throw new OptionProblem(
      `the function is not built: there is no file ${bootstrapFile}. Run scripts/build, or name a built one with -c bootstrap=PATH.`,
    );
  }
  const quarantinePolicyId = text(context('quarantinePolicyId'));
  if (quarantinePolicyId !== undefined && !POLICY_ID.test(quarantinePolicyId)) {
    throw new OptionProblem(
      `-c quarantinePolicyId=${quarantinePolicyId}: this is not the id of a policy, such as p-examplepolicyid111.`,
    );
  }
  const release = releaseFrom(text(context('releaseRepository')), text(context('releaseProvider')));
  return {
    architecture,
    bootstrapFile,
    quarantinePolicyId,
    release,
    policyFile: path.resolve(text(context('policy')) ?? path.join(REPOSITORY, 'runawaytrain.yaml')),
  };
}

function releaseFrom(repository: string | undefined, providerArn: string | undefined): ReleaseSource | undefined {
  if (repository === undefined) {
    if (providerArn !== undefined) {
      throw new OptionProblem(
        '-c releaseProvider is for the release pipeline: give -c releaseRepository=OWNER/NAME too.',
      );
    }
    return undefined;
  }
  if (!GITHUB_REPOSITORY.test(repository)) {
    throw new OptionProblem(
      `-c releaseRepository=${repository}: this is not a repository on GitHub, such as example-university/runawaytrain.`,
    );
  }
  if (
    providerArn !== undefined &&
    !(providerArn.startsWith('arn:aws:iam::') && providerArn.endsWith(`:oidc-provider/${ISSUER}`))
  ) {
    throw new OptionProblem(
      `-c releaseProvider=${providerArn}: this is not GitHub's identity provider, such as arn:aws:iam::123456789012:oidc-provider/${ISSUER}.`,
    );
  }
  return { repository, providerArn };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
