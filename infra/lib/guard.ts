/** The function `runawaytrain`: its code, its role, its log, and what becomes of an event that it cannot handle. */
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type IGrantable, type IPrincipal, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type Architecture, Code, EventInvokeConfig, Function, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { names } from './contract';
import { environmentOf } from './environment';
import type { FailureQueue } from './failure-queue';
import { stageFunction } from './function-asset';
import type { Policy } from './policy/policy';
import { wide } from './wildcards';

/** An event that waited longer is worth nothing: the next tick sees the same and more. */
export const EVENT_IS_STALE_AFTER = Duration.minutes(5);
/** The most that Lambda and EventBridge allow. */
export const RETRIES = 2;
/** The most that Lambda allows. Containing re-observes until it is proven, or until this deadline. */
export const FUNCTION_TIMEOUT = Duration.minutes(15);

export interface GuardProps {
  readonly policy: Policy;
  readonly architecture: Architecture;
  readonly bootstrapFile: string;
  readonly failures: FailureQueue;
  readonly quarantinePolicyId: string;
}

export class Guard extends Construct implements IGrantable {
  readonly function: Function;
  readonly grantPrincipal: IPrincipal;
  private readonly role: Role;

  constructor(scope: Construct, id: string, props: GuardProps) {
    super(scope, id);
    const { account, region } = Stack.of(this);

    this.role = new Role(this, 'Role', {
      // Fixed: the trust of every sub-account's role names it, and so do the never-touched list and the SCPs.
      roleName: names.functionRole,
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: 'The guard: assumes the responder role of each account. It holds no rights over any of them itself.',
    });
    this.grantPrincipal = this.role;

    const logGroup = new LogGroup(this, 'Log', {
      logGroupName: names.logGroup,
      retention: RetentionDays.ONE_YEAR,
      // What the guard saw and did is evidence; removing the stack must not remove it.
      removalPolicy: RemovalPolicy.RETAIN,
    });
    // Streams and events only: a group that someone deleted is a finding, not a thing to make anew without retention.
    this.allow('WriteLog', ['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]);

    this.function = new Function(this, 'Function', {
      functionName: names.function,
      description: 'Sweeps every account of the organization: observe, decide, contain, tell.',
      runtime: Runtime.PROVIDED_AL2023,
      architecture: props.architecture,
      handler: 'bootstrap',
      code: Code.fromAsset(stageFunction(this, props.bootstrapFile, props.policy)),
      role: this.role,
      logGroup,
      environment: environmentOf({ account, region, quarantinePolicyId: props.quarantinePolicyId }),
      timeout: FUNCTION_TIMEOUT,
      // Memory buys network and CPU: some hundreds of accounts times their regions are asked at once.
      memorySize: 512,
    });

    new EventInvokeConfig(this, 'Unhandled', {
      function: this.function,
      retryAttempts: RETRIES,
      maxEventAge: EVENT_IS_STALE_AFTER,
      // Not the ready-made SqsDestination, which also grants reading the queue's attributes.
      onFailure: { bind: () => ({ destination: props.failures.arn }) },
    });
  }

  /**
   * The responder role in any account, as long as the account is of this organization: a role of that name in somebody
   * else's organization is not ours to enter. `IfExists` admits accounts outside every organization, for which the key
   * is absent; they never get this far, since the accounts come from ListAccounts.
   * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourceorgid
   */
  grantAssumeResponders(organizationId: string): void {
    const responders = wide(this, 'Any account, also one that joins later; the condition keeps it to the organization.', `arn:aws:iam::*:role/${names.responderRole}`);
    this.allow('EnterAccounts', ['sts:AssumeRole'], responders, { StringEqualsIfExists: { 'aws:ResourceOrgID': organizationId } });
  }

  grantListAccounts(): void {
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
    this.allow('ListAccounts', ['organizations:ListAccounts'], wide(this, 'ListAccounts has no resource to name.', '*'));
  }

  /** What instances cost an hour. https://docs.aws.amazon.com/service-authorization/latest/reference/list_awspricelist.html */
  grantReadPrices(): void {
    this.allow('ReadPrices', ['pricing:GetProducts'], wide(this, 'GetProducts has no resource to name; it reads the public price list.', '*'));
  }

  /** What accounts are charged. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html */
  grantReadCharges(): void {
    const any = wide(this, 'GetMetricData has no resource to name, nor a condition on the namespace; it reads metrics of the payer.', '*');
    this.allow('ReadCharges', ['cloudwatch:GetMetricData'], any);
  }

  /**
   * Attaches and detaches one policy, on accounts of this organization only: AWS asks for both, the policy and its
   * target, in the same statement. No root and no unit, where one call would freeze them all.
   * https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_attach.html
   * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
   */
  grantQuarantine(policyId: string, organizationId: string): void {
    const { account } = Stack.of(this);
    const policy = `arn:aws:organizations::${account}:policy/${organizationId}/service_control_policy/${policyId}`;
    const accounts = wide(this, 'Any account of the organization may have to be frozen.', `arn:aws:organizations::${account}:account/${organizationId}/*`);
    this.allow('Quarantine', ['organizations:AttachPolicy', 'organizations:DetachPolicy'], [policy, ...accounts]);
    this.allow('SeeQuarantine', ['organizations:ListPoliciesForTarget'], accounts);
  }

  allow(sid: string, actions: string[], resources: string[], conditions?: Record<string, unknown>): void {
    this.role.addToPolicy(new PolicyStatement({ sid, actions, resources, conditions }));
  }
}
