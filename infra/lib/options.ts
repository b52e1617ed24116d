/** What the command line chooses with `-c name=value`, apart from the policy itself. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import type { HaltPolicyIds } from './guardrails/guardrails';
import type { ReleaseSource } from './release/release';
import { ISSUER } from './release/trust';

/** A sentence for the person at the terminal; no stack trace helps them. */
export class OptionProblem extends Error {}

export interface Options {
  readonly policyFile: string;
  readonly architecture: Architecture;
  /** The built function: an executable named as it likes; it is packed as `bootstrap`. */
  readonly bootstrapFile: string;
  /** Policies that exist already, instead of those of the stack RunawayTrainGuardrails. */
  readonly haltPolicyIds?: HaltPolicyIds;
  /** Whose releases a pipeline may deploy; without it there is no way in for one. */
  readonly release?: ReleaseSource;
}

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  arm64: Architecture.ARM_64,
  x86_64: Architecture.X86_64,
};
/** https://docs.aws.amazon.com/organizations/latest/APIReference/API_PolicySummary.html */
const POLICY_ID = /^p-[0-9a-zA-Z_]{8,128}$/;
/** No wildcard can be part of these: they become a condition of a role's trust. */
const GITHUB_NAMES = /^[A-Za-z0-9](-?[A-Za-z0-9])*\/[A-Za-z0-9._-]+$/;
const GITHUB_NAMES_AND_IDS = /^[A-Za-z0-9](-?[A-Za-z0-9])*@[0-9]+\/[A-Za-z0-9._-]+@[0-9]+$/;
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
  const release = releaseFrom({
    repository: text(context('releaseRepository')),
    subject: text(context('releaseSubject')),
    providerArn: text(context('releaseProvider')),
  });
  return {
    architecture,
    bootstrapFile,
    haltPolicyIds: haltPoliciesFrom((name) => text(context(name))),
    release,
    policyFile: path.resolve(text(context('policy')) ?? path.join(REPOSITORY, 'runawaytrain.yaml')),
  };
}

/** Where the quarantine is named, nothing is taken from the stack: the others are only those that are named as well. */
function haltPoliciesFrom(named: (option: string) => string | undefined): HaltPolicyIds | undefined {
  const id = (option: string) => {
    const found = named(option);
    if (found !== undefined && !POLICY_ID.test(found)) {
      throw new OptionProblem(`-c ${option}=${found}: this is not the id of a policy, such as p-examplepolicyid111.`);
    }
    return found;
  };
  const quarantine = id('quarantinePolicyId');
  const others = { models: id('modelsPolicyId'), lockdown: id('lockdownPolicyId') };
  if (quarantine !== undefined) return { quarantine, ...others };
  for (const [name, found] of Object.entries(others)) {
    if (found === undefined) continue;
    throw new OptionProblem(
      `-c ${name}PolicyId=${found}: name the quarantine as well, with -c quarantinePolicyId=p-…, or neither.`,
    );
  }
  return undefined;
}

/** What the command line says of the pipeline. */
interface ReleaseContext {
  readonly repository?: string;
  readonly subject?: string;
  readonly providerArn?: string;
}

function releaseFrom({ repository, subject, providerArn }: ReleaseContext): ReleaseSource | undefined {
  if (repository === undefined) {
    for (const [name, value] of Object.entries({ releaseProvider: providerArn, releaseSubject: subject })) {
      if (value === undefined) continue;
      throw new OptionProblem(`-c ${name} is for the release pipeline: give -c releaseRepository too.`);
    }
    return undefined;
  }
  if (subject !== undefined && subject !== 'names') {
    throw new OptionProblem(`-c releaseSubject=${subject}: it is names, or left out.`);
  }
  if (!GITHUB_NAMES_AND_IDS.test(repository) && !GITHUB_NAMES.test(repository)) {
    throw new OptionProblem(
      `-c releaseRepository=${repository}: this is not a repository on GitHub with its ids, such as example-university@1234/runawaytrain@5678.`,
    );
  }
  // Whoever takes over a name that was given up would be let in.
  if (GITHUB_NAMES.test(repository) && subject === undefined) {
    throw new OptionProblem(
      `-c releaseRepository=${repository}: GitHub names a repository by its ids as well, so that nobody can take over its name. ` +
        `Print them with: gh api repos/${repository} --jq '"\\(.owner.login)@\\(.owner.id)/\\(.name)@\\(.id)"'. ` +
        'A repository from before 15 July 2026 sends names alone until it is renamed or opted in: for such a one add -c releaseSubject=names.',
    );
  }
  if (GITHUB_NAMES_AND_IDS.test(repository) && subject === 'names') {
    throw new OptionProblem(
      `-c releaseRepository=${repository}: with -c releaseSubject=names it is OWNER/NAME, without ids.`,
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
