/**
 * The optional stack that lets the release pipeline deploy without a key that anybody keeps: GitHub's identity
 * provider, a role for the deployment and a role for the look at the differences before somebody approves it.
 *
 * Made only for `-c releaseRepository=OWNER@ID/NAME@ID`, and by an administrator: the pipeline deploys assemblies that do
 * not contain this stack, so that a release cannot widen its own way in.
 */
import { DefaultStackSynthesizer, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { type IPrincipal, OidcProviderNative, PolicyDocument, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { names } from '../contract';
import { wide } from '../shared/wildcards';
import { AUDIENCE, ISSUER, jobsOf } from './trust';

/** Environments of the repository. A person approves what enters the first; nobody is asked about the second. */
export const environments = { deploy: 'production', diff: 'production-diff' } as const;

export interface ReleaseSource {
  /** As GitHub's tokens name it: `OWNER@ID/NAME@ID`, or `OWNER/NAME` for an older one. */
  readonly repository: string;
  /** The provider for GitHub that the account has already; one is made otherwise. */
  readonly providerArn?: string;
}

export interface RunawayTrainReleaseProps extends StackProps {
  readonly env: { readonly account: string; readonly region: string };
  readonly source: ReleaseSource;
}

export class RunawayTrainRelease extends Stack {
  constructor(scope: Construct, id: string, { source, ...props }: RunawayTrainReleaseProps) {
    super(scope, id, props);
    const { account, region } = props.env;
    const provider =
      source.providerArn ??
      new OidcProviderNative(this, 'GitHub', { url: `https://${ISSUER}`, clientIds: [AUDIENCE] }).oidcProviderArn;

    /**
     * What the CDK's own roles may do is decided by `cdk bootstrap` (`--cloudformation-execution-policies`), not here:
     * whoever can change stacks through them has those rights. That is why a person stands before this role.
     */
    const bootstrapRoles = ['deploy', 'file-publishing', 'lookup'].map(
      (purpose) => `arn:aws:iam::${account}:role/cdk-${this.qualifier}-${purpose}-role-${account}-${region}`,
    );
    this.role(
      'Deploy',
      names.releaseRole,
      'Deploys releases of runawaytrain, after an approval.',
      jobsOf(provider, source.repository, environments.deploy),
      [
        new PolicyStatement({ sid: 'AssumeCdkRoles', actions: ['sts:AssumeRole'], resources: bootstrapRoles }),
        // For the drill after the deployment. IAM cannot tell a drill from another event; the function's mode bounds both.
        new PolicyStatement({
          sid: 'InvokeForDrill',
          actions: ['lambda:InvokeFunction'],
          resources: [`arn:aws:lambda:${region}:${account}:function:${names.function}`],
        }),
      ],
    );

    /**
     * Before the approval nothing has been looked at by a person, so this role cannot become one of the CDK's: even the
     * lookup role reads everything in the payer account (it has ReadOnlyAccess). To show the differences, `cdk diff`
     * needs the deployed templates of our stacks; told that it may not become the lookup role, it reads with these
     * rights. An environment of its own, since a job outside of every environment has a `sub` that depends on its
     * branch or tag and could only be matched by a pattern.
     */
    this.role(
      'Diff',
      `${names.releaseRole}Diff`,
      'Reads the templates of runawaytrain, before an approval.',
      jobsOf(provider, source.repository, environments.diff),
      [
        new PolicyStatement({
          sid: 'ReadTemplates',
          actions: ['cloudformation:DescribeStacks', 'cloudformation:GetTemplate'],
          resources: wide(
            this,
            'Each of our stacks by its name, also one of a later release; its id is made by CloudFormation.',
            `arn:aws:cloudformation:${region}:${account}:stack/RunawayTrain*/*`,
          ),
        }),
      ],
    );
  }

  private get qualifier(): string {
    return this.synthesizer.bootstrapQualifier ?? DefaultStackSynthesizer.DEFAULT_QUALIFIER;
  }

  private role(
    id: string,
    roleName: string,
    description: string,
    assumedBy: IPrincipal,
    statements: PolicyStatement[],
  ): void {
    new Role(this, id, {
      roleName,
      description,
      assumedBy,
      // A deployment takes minutes; a token that leaks should not outlive it by much.
      maxSessionDuration: Duration.hours(1),
      inlinePolicies: { Release: new PolicyDocument({ statements }) },
    });
  }
}
