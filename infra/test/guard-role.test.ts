/** What the function itself may do: nothing but enter accounts, and keep its own books. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { names } from '../lib/contract';
import type { Own, PolicyDocument } from '../lib/policy/policy';
import {
  document,
  idOf,
  type Json,
  LAB,
  LOCKDOWN,
  list,
  MODELS,
  ORGANIZATION,
  only,
  PAYER,
  QUARANTINE,
  synthesize,
} from './support';

const { template } = synthesize();
const role = idOf(template, 'AWS::IAM::Role', ({ RoleName }) => RoleName === names.functionRole);
const { Properties } = template.findResources('AWS::IAM::Role')[role] ?? {};
const granted = only(template, 'AWS::IAM::Policy', ({ Roles }) => list(Roles).some((one: Json) => one.Ref === role));
const statements: Json[] = granted.PolicyDocument.Statement;
const queue = (name: string) => ({
  'Fn::GetAtt': [idOf(template, 'AWS::SQS::Queue', ({ QueueName }) => QueueName === name), 'Arn'],
});
const bySid = (sid: string) => statements.find(({ Sid }) => Sid === sid);

describe('the role of the function', () => {
  it('is taken by Lambda alone', () => {
    const trust = Properties.AssumeRolePolicyDocument.Statement;
    assert.equal(trust.length, 1);
    assert.deepEqual(trust[0].Principal, { Service: 'lambda.amazonaws.com' });
    assert.deepEqual(only(template, 'AWS::Lambda::Function').Role, { 'Fn::GetAtt': [role, 'Arn'] });
  });

  it('has no managed policy and no second one', () => {
    assert.equal(Properties.ManagedPolicyArns, undefined);
    assert.equal(Properties.Policies, undefined);
    assert.deepEqual(granted.Roles, [{ Ref: role }]);
  });

  it('may do this and nothing else', () => {
    const accounts = `arn:aws:organizations::${PAYER}:account/${ORGANIZATION}/*`;
    const table = { 'Fn::GetAtt': [idOf(template, 'AWS::DynamoDB::Table', () => true), 'Arn'] };
    assert.deepEqual(
      statements
        .map(({ Sid, Effect, Action, Resource }) => [Sid, Effect, Action, Resource])
        .sort(([a], [b]) => a.localeCompare(b)),
      [
        ['AssumeResponderRoles', 'Allow', 'sts:AssumeRole', `arn:aws:iam::*:role/${names.responderRole}`],
        [
          'AttachAndDetachHaltPolicies',
          'Allow',
          ['organizations:AttachPolicy', 'organizations:DetachPolicy'],
          [
            ...[QUARANTINE, MODELS, LOCKDOWN].map(
              (id) => `arn:aws:organizations::${PAYER}:policy/${ORGANIZATION}/service_control_policy/${id}`,
            ),
            accounts,
          ],
        ],
        ['ListAccounts', 'Allow', 'organizations:ListAccounts', '*'],
        ['ListAttachedPolicies', 'Allow', 'organizations:ListPoliciesForTarget', accounts],
        [
          'PublishNotifications',
          'Allow',
          'sns:Publish',
          [
            `arn:aws:sns:us-east-1:${PAYER}:${names.topic}`,
            `arn:aws:sns:us-east-1:${PAYER}:${names.topic}-????????????`,
          ],
        ],
        [
          'ReadAndWriteState',
          'Allow',
          [
            'dynamodb:GetItem',
            'dynamodb:PutItem',
            'dynamodb:UpdateItem',
            'dynamodb:DeleteItem',
            'dynamodb:Query',
            'dynamodb:ConditionCheckItem',
          ],
          table,
        ],
        ['ReadCharges', 'Allow', 'cloudwatch:GetMetricData', '*'],
        ['ReadPrices', 'Allow', 'pricing:GetProducts', '*'],
        [
          'ReceiveLaunches',
          'Allow',
          ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
          queue(names.launchQueue),
        ],
        ['SendFailedEvents', 'Allow', 'sqs:SendMessage', queue(names.failureQueue)],
        [
          'WriteLog',
          'Allow',
          ['logs:CreateLogStream', 'logs:PutLogEvents'],
          { 'Fn::GetAtt': [idOf(template, 'AWS::Logs::LogGroup', () => true), 'Arn'] },
        ],
      ],
    );
  });

  it('enters only accounts of this organization', () => {
    assert.deepEqual(bySid('AssumeResponderRoles').Condition, {
      StringEqualsIfExists: { 'aws:ResourceOrgID': ORGANIZATION },
    });
  });

  it('takes sessions as root only where a policy wants root credentials deleted, and for that task alone', () => {
    const wanting = (policy: PolicyDocument): Json[] =>
      Object.values(synthesize(policy).template.findResources('AWS::IAM::Policy'))
        .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
        .filter(({ Sid }) => Sid === 'DeleteRootCredentials');
    const contain = { root: 'delete-credentials' } as const;
    assert.deepEqual(wanting({ ...document, accounts: { [LAB]: { contain: { root: 'leave' } } } }), []);
    for (const policy of [
      { ...document, defaults: { ...document.defaults, contain } },
      { ...document, accounts: { [LAB]: { contain } } },
    ]) {
      assert.deepEqual(wanting(policy), [
        {
          Sid: 'DeleteRootCredentials',
          Effect: 'Allow',
          Action: 'sts:AssumeRoot',
          Resource: 'arn:aws:iam::*:root',
          Condition: {
            StringEquals: { 'sts:TaskPolicyArn': 'arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials' },
          },
        },
      ]);
    }
  });

  it('asks which accounts are in which units, and mails the lists of units, only where a policy has them', () => {
    const granted = (policy: PolicyDocument): Json[] =>
      Object.values(synthesize(policy).template.findResources('AWS::IAM::Policy'))
        .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
        .filter(({ Sid }) => ['ListUnits', 'PublishToUnits'].includes(Sid));
    const listing = {
      Sid: 'ListUnits',
      Effect: 'Allow',
      Action: ['organizations:ListOrganizationalUnitsForParent', 'organizations:ListAccountsForParent'],
      Resource: `arn:aws:organizations::${PAYER}:ou/${ORGANIZATION}/*`,
    };
    const publishing = {
      Sid: 'PublishToUnits',
      Effect: 'Allow',
      Action: 'sns:Publish',
      Resource: `arn:aws:sns:us-east-1:${PAYER}:${names.topic}-ou-*`,
    };
    const having = (unit: Own) => ({ ...document, units: { 'ou-test-research': unit } });
    assert.deepEqual(granted(document), []);
    assert.deepEqual(granted(having({ limits: { instances: 9 } })), [listing]);
    assert.deepEqual(granted(having({ notify: ['research@example.edu'] })), [listing, publishing]);
  });

  it('is given to the function before the function is made', () => {
    const policy = idOf(template, 'AWS::IAM::Policy', ({ Roles }) => list(Roles).some((one: Json) => one.Ref === role));
    const made = Object.values(template.findResources('AWS::Lambda::Function'))[0];
    assert.ok(list(made?.DependsOn).includes(policy));
  });
});

it('no role of the stack has a wildcard in an action', () => {
  const inline = Object.values(template.findResources('AWS::IAM::Role')).flatMap(
    (one) => one.Properties.Policies ?? [],
  );
  const attached = Object.values(template.findResources('AWS::IAM::Policy')).map((one) => one.Properties);
  const actions = [...inline, ...attached].flatMap(({ PolicyDocument }) =>
    PolicyDocument.Statement.flatMap(({ Action }: Json) => list(Action)),
  );
  assert.ok(actions.length > 30);
  assert.deepEqual(
    actions.filter((action) => action.includes('*')),
    [],
  );
});
