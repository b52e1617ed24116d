/** The stack with everything that runs. Read the constructor as the picture of it. */
import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Architecture } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { FailureQueue } from './failure-queue';
import { Guard } from './guard';
import { Heartbeat } from './heartbeat';
import { NotifyTopics } from './notify-topics';
import { PayerResponder } from './payer-responder';
import type { Policy } from './policy/policy';
import { Schedule } from './schedule';
import { StateTable } from './state-table';

export interface RunawayTrainProps extends StackProps {
  readonly policy: Policy;
  readonly architecture: Architecture;
  readonly bootstrapFile: string;
  readonly quarantinePolicyId: string;
}

export class RunawayTrain extends Stack {
  constructor(scope: Construct, id: string, props: RunawayTrainProps) {
    super(scope, id, props);
    const { policy, architecture, bootstrapFile, quarantinePolicyId } = props;

    const topics = new NotifyTopics(this, 'Notify', { policy });
    const state = new StateTable(this, 'State');
    const failures = new FailureQueue(this, 'Failures');
    const guard = new Guard(this, 'Guard', { policy, architecture, bootstrapFile, failures, quarantinePolicyId });

    new Schedule(this, 'Schedule', { minutes: policy.scheduleMinutes, guard });
    new PayerResponder(this, 'PayerResponder', { policy });
    const heartbeat = new Heartbeat(this, 'Heartbeat', { scheduleMinutes: policy.scheduleMinutes, tell: topics.general });

    guard.grantAssumeResponders(policy.organization);
    guard.grantListAccounts();
    guard.grantQuarantine(quarantinePolicyId, policy.organization);
    topics.grantPublish(guard);
    state.grantReadWrite(guard);
    failures.grantSend(guard);
    heartbeat.grantEmit(guard);
  }
}
