/** The function `runawaytrain`: its code, its role, its log, and what becomes of an event that it cannot handle. */
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type IGrantable, type IPrincipal, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  type Architecture,
  Code,
  EventInvokeConfig,
  Function as LambdaFunction,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { launches, names } from '../contract';
import type { HaltPolicyIds } from '../guardrails/guardrails';
import type { Policy } from '../policy/policy';
import { grant } from '../shared/grant';
import { environmentOf } from './environment';
import type { FailureQueue } from './failure-queue';
import { stageFunction } from './function-asset';

/** An event that waited longer is worth nothing: the next tick sees the same and more. */
export const EVENT_IS_STALE_AFTER = Duration.minutes(5);
/** The most that Lambda and EventBridge allow. */
export const RETRIES = 2;

export interface GuardProps {
  readonly policy: Policy;
  readonly architecture: Architecture;
  readonly bootstrapFile: string;
  readonly failures: FailureQueue;
  readonly haltPolicyIds: HaltPolicyIds;
}

export class Guard extends Construct implements IGrantable {
  readonly function: LambdaFunction;
  /** Its role. Whoever has something for it grants that to the guard itself. */
  readonly grantPrincipal: IPrincipal;

  constructor(scope: Construct, id: string, props: GuardProps) {
    super(scope, id);
    const { account, region } = Stack.of(this);

    const role = new Role(this, 'Role', {
      // Fixed: the trust of every sub-account's role names it, and so do the never-touched list and the SCPs.
      roleName: names.functionRole,
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: 'The guard: assumes the responder role of each account. It holds no rights over any of them itself.',
    });
    this.grantPrincipal = role;

    const logGroup = new LogGroup(this, 'Log', {
      logGroupName: names.logGroup,
      retention: RetentionDays.ONE_YEAR,
      // What the guard saw and did is evidence; removing the stack must not remove it.
      removalPolicy: RemovalPolicy.RETAIN,
    });
    // Streams and events only: a group that someone deleted is a finding, not a thing to make anew without retention.
    grant(this, {
      sid: 'WriteLog',
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    });

    this.function = new LambdaFunction(this, 'Function', {
      functionName: names.function,
      description: 'Sweeps every account of the organization: observe, decide, contain, tell.',
      runtime: Runtime.PROVIDED_AL2023,
      architecture: props.architecture,
      handler: 'bootstrap',
      code: Code.fromAsset(stageFunction(this, props.bootstrapFile, props.policy)),
      role,
      logGroup,
      environment: environmentOf({ account, region, haltPolicyIds: props.haltPolicyIds }),
      timeout: Duration.seconds(launches.functionTimeoutSeconds),
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
}
