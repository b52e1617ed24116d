/** What the models policy denies, beside the quarantine. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { actions } from '../lib/guardrails/deny';
import {
  assertDenied,
  assertLeft,
  iam,
  MEMBERS,
  models,
  PAYERS_ADMIN,
  quarantine,
  RESPONDER,
  STACK_SETS,
} from './service-control-policies';
import type { Json } from './support';

const CALLS = actions({
  bedrock: ['InvokeModel', 'InvokeModelWithResponseStream'],
  'bedrock-mantle': ['CreateInference'],
  'aws-external-anthropic': ['CreateInference', 'CreateBatchInference'],
  'bedrock-agentcore': [
    'CreateAgentRuntime',
    'InvokeAgentRuntime',
    'StartBrowserSession',
    'StartCodeInterpreterSession',
  ],
});

describe('the models policy', () => {
  it('denies calls of models, which the quarantine leaves', () => {
    for (const action of CALLS) {
      for (const by of [...MEMBERS, STACK_SETS, PAYERS_ADMIN, RESPONDER]) assertDenied(models, { by, action });
      assertLeft(quarantine, { by: iam('role/workload'), action });
    }
    assertDenied(models, { by: iam('role/workload'), action: 'bedrock:CreateModelInvocationJob' });
  });

  it('leaves what looks, stops and takes away', () => {
    const left = actions({
      bedrock: ['ListFoundationModels', 'GetModelInvocationJob', 'StopModelInvocationJob', 'DeleteCustomModel'],
      'bedrock-mantle': ['CancelInference', 'DeleteFile'],
      'aws-external-anthropic': ['CancelBatchInference', 'ArchiveWorkspace'],
      'bedrock-agentcore': ['DeleteAgentRuntime', 'StopRuntimeSession', 'StopBrowserSession'],
      sagemaker: ['InvokeEndpoint'],
    });
    for (const action of left) {
      for (const by of MEMBERS) assertLeft(models, { by, action });
    }
  });

  it('is one statement that says so', () => {
    assert.deepEqual(
      models.Content.Statement.map(({ Sid }: Json) => Sid),
      ['DenyInvokingModels'],
    );
  });
});
