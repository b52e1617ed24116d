/**
 * The state machine in Amazon States Language: list the accounts, sweep them in batches, add up what came of it. Every
 * state asks the same function, and its execution's name ties them together.
 * https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
 */
import { Duration } from 'aws-cdk-lib';
import { launches } from '../contract';
import type { Scale } from '../policy/policy';

/** Longer than the function runs: its own end comes first, which says more. */
const TASK_TIMEOUT = Duration.seconds(launches.functionTimeoutSeconds).plus(Duration.minutes(1));
/** The list, the longest containment in a worker, and the sum. A sweep that lasts longer is a finding. */
export const SWEEP_TIMEOUT = Duration.hours(1);

/**
 * Faults of Lambda itself, and no error of the function: those would come again, and the next tick tries anew. Four times
 * within some 30 s.
 * https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception
 */
const RETRY = [
  {
    ErrorEquals: [
      'Lambda.ServiceException',
      'Lambda.AWSLambdaException',
      'Lambda.SdkClientException',
      'Lambda.ClientExecutionTimeoutException',
      'Lambda.TooManyRequestsException',
    ],
    IntervalSeconds: 2,
    MaxAttempts: 4,
    BackoffRate: 2,
    JitterStrategy: 'FULL',
  },
];

export function definitionOf(functionArn: string, { accountsPerWorker, maxConcurrency }: Scale): object {
  const ask = (payload: object) => ({
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Parameters: { FunctionName: functionArn, Payload: payload },
    TimeoutSeconds: TASK_TIMEOUT.toSeconds(),
    Retry: RETRY,
  });
  return {
    Comment: 'A sweep of every account by many workers.',
    TimeoutSeconds: SWEEP_TIMEOUT.toSeconds(),
    StartAt: 'List accounts',
    States: {
      'List accounts': {
        ...ask({ 'sweep.$': '$$.Execution.Name', step: 'list' }),
        OutputPath: '$.Payload.report',
        Next: 'Anything to sweep',
      },
      'Anything to sweep': {
        Type: 'Choice',
        Choices: [{ Variable: '$.accounts', NumericGreaterThan: 0, Next: 'Sweep in batches' }],
        Default: 'Nothing to sweep',
      },
      'Nothing to sweep': { Type: 'Succeed' },
      'Sweep in batches': {
        Type: 'Map',
        Label: 'Workers',
        ItemReader: {
          Resource: 'arn:aws:states:::s3:getObject',
          ReaderConfig: { InputType: 'JSON' },
          Parameters: { 'Bucket.$': '$.bucket', 'Key.$': '$.key' },
        },
        ItemBatcher: { MaxItemsPerBatch: accountsPerWorker, BatchInput: { 'sweep.$': '$.sweep' } },
        MaxConcurrency: maxConcurrency,
        // A worker that fails loses no account but its own: the sum tells of those.
        ToleratedFailurePercentage: 100,
        ItemProcessor: {
          // Standard: an express workflow ends after five minutes, and a containment may take fifteen.
          ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
          StartAt: 'Sweep a batch',
          States: {
            'Sweep a batch': {
              ...ask({ 'sweep.$': '$.BatchInput.sweep', step: 'batch', 'accounts.$': '$.Items' }),
              OutputPath: '$.Payload',
              End: true,
            },
          },
        },
        ResultWriter: {
          Resource: 'arn:aws:states:::s3:putObject',
          Parameters: { 'Bucket.$': '$.bucket', 'Prefix.$': '$.results' },
        },
        ResultPath: '$.map',
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.failure', Next: 'Say that nobody was seen' }],
        Next: 'Add up',
      },
      'Add up': {
        ...ask({ 'sweep.$': '$.sweep', step: 'summary', 'results.$': '$.map.ResultWriterDetails' }),
        OutputPath: '$.Payload',
        End: true,
      },
      'Say that nobody was seen': {
        ...ask({ 'sweep.$': '$.sweep', step: 'summary' }),
        ResultPath: '$.summary',
        Next: 'Not swept',
      },
      'Not swept': {
        Type: 'Fail',
        ErrorPath: '$.failure.Error',
        CausePath: '$.failure.Cause',
      },
    },
  };
}
