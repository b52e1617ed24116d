/** The stack with everything that runs. Read the constructor as the picture of it. */
import { Annotations, Stack, type StackProps } from 'aws-cdk-lib';
import type { Architecture } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { FailureQueue } from './guard/failure-queue';
import { Guard } from './guard/guard';
import { Schedule } from './guard/schedule';
import { StateTable } from './guard/state-table';
import type { HaltPolicyIds } from './guardrails/guardrails';
import { LaunchBus } from './launches/launch-bus';
import { LaunchQueue } from './launches/launch-queue';
import { PayerForwarder } from './launches/payer-forwarder';
import { Dashboard } from './monitoring/dashboard';
import { GuardAlarms } from './monitoring/guard-alarms';
import { Heartbeat } from './monitoring/heartbeat';
import { NotifyTopics } from './notification/notify-topics';
import { Organization } from './organization/organization';
import { PayerResponder } from './organization/payer-responder';
import type { Policy } from './policy/policy';
import { DistributedSweep } from './scale/distributed-sweep';
import { AlarmTopic } from './spend/alarm-topic';
import { Billing } from './spend/billing';
import { ReportReading } from './spend/report-reading';
import { SpendAlarms } from './spend/spend-alarms';

export interface RunawayTrainProps extends StackProps {
  readonly policy: Policy;
  readonly architecture: Architecture;
  readonly bootstrapFile: string;
  readonly haltPolicyIds: HaltPolicyIds;
}

export class RunawayTrain extends Stack {
  constructor(scope: Construct, id: string, props: RunawayTrainProps) {
    super(scope, id, props);
    const { policy, architecture, bootstrapFile, haltPolicyIds } = props;

    // There already.
    const organization = new Organization(this, 'Organization', {
      organizationId: policy.organization,
      haltPolicyIds,
    });
    const billing = new Billing(this, 'Billing');

    const topics = new NotifyTopics(this, 'Notify', { policy });
    const state = new StateTable(this, 'State');
    const failures = new FailureQueue(this, 'Failures');
    const guard = new Guard(this, 'Guard', { policy, architecture, bootstrapFile, failures, haltPolicyIds });

    if (policy.limitsPurchases && policy.costReports === undefined) {
      Annotations.of(this).addWarningV2(
        'runawaytrain:purchases-without-reports',
        'the policy limits purchases, which only Cost and Usage Reports tell, and has none read: nothing comes of that limit. Add cur: {} to have a report made, or name one that you have.',
      );
    }

    // What starts the guard.
    const distributed =
      policy.scale && new DistributedSweep(this, 'Distributed', { scale: policy.scale, guard, tell: topics.general });
    new Schedule(this, 'Schedule', { minutes: policy.scheduleMinutes, guard, instead: distributed?.target });
    const reports = policy.costReports && new ReportReading(this, 'Reports', { guard, reports: policy.costReports });
    const bus = new LaunchBus(this, 'LaunchBus', { policy });
    const launches = new LaunchQueue(this, 'Launches', { from: bus.rule, guard, failures });
    const alarms = new AlarmTopic(this, 'Alarms', { policy, guard, failures });

    // What members get from the stack sets, for the payer.
    new PayerResponder(this, 'PayerResponder', { policy });
    new PayerForwarder(this, 'PayerForwarder', { to: bus });
    new SpendAlarms(this, 'Spend', { watched: policy.payerSpend, tell: alarms.action });

    // What watches the guard.
    new Heartbeat(this, 'Heartbeat', {
      scheduleMinutes: policy.scheduleMinutes,
      tell: topics.general,
    });
    new GuardAlarms(this, 'GuardAlarms', { failures: failures.queue, tell: topics.general });
    new Dashboard(this, 'Dashboard', {
      function: guard.function,
      launches: launches.queue,
      failures: failures.queue,
      scheduleMinutes: policy.scheduleMinutes,
    });

    // Everything that the guard may do, but for writing its own log.
    reports?.grantRead(guard);
    distributed?.grantHandOn(guard);
    launches.grantReceive(guard);
    organization.grantAssumeResponders(guard);
    organization.grantListAccounts(guard);
    if (policy.hasUnits) organization.grantListUnits(guard);
    if (policy.deletesRootCredentials) organization.grantAssumeRoot(guard);
    billing.grantReadPrices(guard);
    billing.grantReadCharges(guard);
    organization.grantHaltPolicies(guard);
    topics.grantPublish(guard);
    state.grantReadWrite(guard);
    failures.grantSend(guard);
  }
}
