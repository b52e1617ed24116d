/**
 * The policy for an account whose thief sells what its models answer: nobody calls one. It stops every application of the
 * account that does so, which is why it stands apart from the quarantine. API keys, and what trains or keeps models ready,
 * are denied there.
 */
import { actions, type Document, document, EVERYTHING } from './deny';

const MODELS = actions({
  // `Converse` asks for the same permission, and agents and flows invoke by a role of the account.
  bedrock: ['InvokeModel*', 'CreateModel*'],
  'bedrock-mantle': ['Create*'],
  'aws-external-anthropic': ['Create*'],
  'bedrock-agentcore': ['Create*', 'Start*', 'Invoke*'],
});

export function models(): Document {
  return document({ sid: 'DenyInvokingModels', actions: MODELS, on: EVERYTHING });
}
