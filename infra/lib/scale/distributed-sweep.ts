/** A sweep past one function: a Distributed Map of Step Functions in front of the same one. Only where the policy has `scale`. */
import { Duration, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IRuleTarget } from 'aws-cdk-lib/aws-events';
import { type IGrantable, type IPrincipal, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { DefinitionBody, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { names } from '../contract';
import { EVENT_IS_STALE_AFTER, type Guard, RETRIES } from '../guard/guard';
import type { NotifyTopic } from '../notification/notify-topic';
import type { Scale } from '../policy/policy';
import { acknowledge } from '../shared/acknowledge';
import { grant } from '../shared/grant';
import { runbook } from '../shared/runbook';
import { definitionOf, SWEEP_TIMEOUT } from './definition';
import { SweepBucket } from './sweep-bucket';

export const FAILED_ALARM = `${names.stateMachine}-failed`;
export const LATE_ALARM = `${names.stateMachine}-late`;

export interface DistributedSweepProps {
  readonly scale: Scale;
  readonly guard: Guard;
  readonly tell: NotifyTopic;
}

export class DistributedSweep extends Construct implements IGrantable {
  /** The role of the state machine. */
  readonly grantPrincipal: IPrincipal;
  /** What the schedule starts. */
  readonly target: IRuleTarget;
  private readonly bucket: SweepBucket;

  constructor(scope: Construct, id: string, { scale, guard, tell }: DistributedSweepProps) {
    super(scope, id);
    const { functionArn } = guard.function;
    const role = new Role(this, 'Role', {
      assumedBy: ofThisAccount('states.amazonaws.com', this),
      description: 'The state machine of a distributed sweep: asks the guard, and nobody else.',
    });
    this.grantPrincipal = role;
    this.bucket = new SweepBucket(this, 'Sweeps');
    this.bucket.grantDistribute(this);
    grant(this, { sid: 'AskTheGuard', actions: ['lambda:InvokeFunction'], resources: [functionArn] });
    this.grantRunItself();

    const machine = new StateMachine(this, 'Machine', {
      stateMachineName: names.stateMachine,
      comment: 'Sweeps every account of the organization, many at once.',
      definitionBody: DefinitionBody.fromString(Stack.of(this).toJsonString(definitionOf(functionArn, scale))),
      role,
    });
    // What the role may do as well: the first execution may begin at once.
    machine.node.addDependency(role);
    acknowledge(
      machine,
      'AwsSolutions-SF1',
      'Step Functions keeps what each execution did for 90 days, and the function writes its own log. A log of every event of every worker would cost more than the sweeps.',
    );
    acknowledge(
      machine,
      'AwsSolutions-SF2',
      'There is one function to trace, and its log says how long each step took.',
    );

    const schedule = new Role(this, 'Schedule', {
      assumedBy: ofThisAccount('events.amazonaws.com', this),
      description: 'The clock: starts a distributed sweep.',
    });
    this.grantStart(schedule, 'StartSweeps');
    this.target = {
      bind: () => ({
        arn: machine.stateMachineArn,
        role: schedule,
        retryPolicy: {
          maximumRetryAttempts: RETRIES,
          maximumEventAgeInSeconds: EVENT_IS_STALE_AFTER.toSeconds(),
        },
      }),
    };
    this.alarms(machine, tell);
  }

  /** To the function: what its steps hand to each other. */
  grantHandOn(grantee: IGrantable): void {
    this.bucket.grantHandOn(grantee);
  }

  private grantStart(grantee: IGrantable, sid: string): void {
    grant(grantee, {
      sid,
      actions: ['states:StartExecution'],
      resources: [this.arnOf(`stateMachine:${names.stateMachine}`)],
    });
  }

  /** By its name: the machine needs its role to be there first. */
  private arnOf(resource: string): string {
    const { region, account } = Stack.of(this);
    return `arn:aws:states:${region}:${account}:${resource}`;
  }

  /**
   * The workers of a Distributed Map are executions of the same machine.
   * https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
   */
  private grantRunItself(): void {
    this.grantStart(this, 'StartWorkers');
    grant(this, {
      sid: 'FollowWorkers',
      actions: ['states:DescribeExecution', 'states:StopExecution'],
      resources: [this.arnOf(`execution:${names.stateMachine}/*`)],
      because: 'Step Functions names the workers of each sweep; the state machine is fixed.',
    });
  }

  /** One a metric: the emulator, which deploys this stack as it is, knows no alarm on a sum of them. */
  private alarms(machine: StateMachine, tell: NotifyTopic): void {
    const period = Duration.minutes(5);
    this.alarm('Failed', tell, {
      alarmName: FAILED_ALARM,
      alarmDescription:
        `A distributed sweep of runawaytrain failed: accounts were not swept. The execution of the state machine ${names.stateMachine} says ` +
        `which step, the log group ${names.logGroup} why. ${runbook(FAILED_ALARM)}`,
      metric: machine.metricFailed({ period }),
    });
    this.alarm('Late', tell, {
      alarmName: LATE_ALARM,
      alarmDescription:
        `A distributed sweep of runawaytrain did not end within ${SWEEP_TIMEOUT.toHumanString()}: accounts were not swept. The execution of the ` +
        `state machine ${names.stateMachine} says how far it came. ${runbook(LATE_ALARM)}`,
      metric: machine.metricTimedOut({ period }),
    });
  }

  private alarm(
    what: string,
    tell: NotifyTopic,
    props: { readonly alarmName: string; readonly alarmDescription: string; readonly metric: IMetric },
  ): void {
    const alarm = new Alarm(this, what, {
      ...props,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: 1,
      evaluationPeriods: 1,
      // No sweep at all is what the heartbeat is for.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(tell.action);
    alarm.addOkAction(tell.action);
    tell.grantPublishToAlarm(`AcceptSweep${what}Alarm`, props.alarmName);
  }
}

/** A service, on behalf of this account and of no other that names the role. */
function ofThisAccount(service: string, scope: Construct): ServicePrincipal {
  return new ServicePrincipal(service, {
    conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
  });
}
