/** The clock: a sweep of every account at each tick. */
import { Duration } from 'aws-cdk-lib';
import { type IRuleTarget, Schedule as Rate, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import { EVENT_IS_STALE_AFTER, type Guard, RETRIES } from './guard';

export interface ScheduleProps {
  readonly minutes: number;
  readonly guard: Guard;
  /** What is started instead of the guard itself, where many workers sweep. */
  readonly instead?: IRuleTarget;
}

export class Schedule extends Construct {
  constructor(scope: Construct, id: string, { minutes, guard, instead }: ScheduleProps) {
    super(scope, id);
    const itself = () =>
      new LambdaFunction(guard.function, { retryAttempts: RETRIES, maxEventAge: EVENT_IS_STALE_AFTER });
    new Rule(this, 'Rule', {
      description: 'Sweep every account of the organization.',
      schedule: Rate.rate(Duration.minutes(minutes)),
      targets: [instead ?? itself()],
    });
  }
}
