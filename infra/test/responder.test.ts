/** The responder role: the same in the payer, in the member template and in the contract. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { externalId, names, permissions } from '../lib/contract';
import { deployed, type Json, list, ORGANIZATION, only, PAYER, synthesize, written } from './support';

// In the payer's place, so that the two can be compared.
const template = deployed('member.yaml', PAYER);
const source = written('member.yaml');
const member = template.Resources.Responder.Properties;
const payer = only(synthesize().template, 'AWS::IAM::Role', ({ RoleName }) => RoleName === names.responderRole);

const DENY_ALL = 'arn:aws:iam::aws:policy/AWSDenyAll';
const own = `arn:aws:iam::${PAYER}:role/${names.responderRole}`;

function statementsOf(role: Json): Json[] {
  assert.equal(role.Policies.length, 1);
  // One form for a single action and a list of one; the order of a list means nothing.
  return role.Policies[0].PolicyDocument.Statement.map((one: Json) => ({
    ...one,
    Action: [...list(one.Action)].sort(),
    Resource: list(one.Resource),
  }));
}

describe('the responder role', () => {
  it('is the same for members and for the payer', () => {
    assert.deepEqual(statementsOf(member), statementsOf(payer));
    assert.deepEqual(member.AssumeRolePolicyDocument, payer.AssumeRolePolicyDocument);
    assert.equal(member.RoleName, payer.RoleName);
    assert.equal(member.MaxSessionDuration, payer.MaxSessionDuration);
  });

  it('grants exactly the actions of the contract', () => {
    const granted = statementsOf(member).flatMap(({ Action }) => Action);
    assert.deepEqual(granted.sort(), [...new Set([...permissions.observe, ...permissions.contain])].sort());
    assert.ok(statementsOf(member).every(({ Effect }) => Effect === 'Allow'));
    assert.equal(member.ManagedPolicyArns, undefined);
  });

  it('has no wildcard in an action, and any resource only for what lists', () => {
    for (const { Action, Resource } of statementsOf(member)) {
      assert.deepEqual(
        Action.filter((action: string) => action.includes('*')),
        [],
      );
      if (!Resource.includes('*')) continue;
      assert.deepEqual(Resource, ['*']);
      assert.deepEqual(Action, [
        'autoscaling:DescribeAutoScalingGroups',
        'ec2:DescribeCapacityReservations',
        'ec2:DescribeFleets',
        'ec2:DescribeHosts',
        'ec2:DescribeInstances',
        'ec2:DescribeRegions',
        'ec2:DescribeSpotFleetRequests',
        'ec2:DescribeSpotInstanceRequests',
        'iam:GetAccountAuthorizationDetails',
        'iam:GetAccountSummary',
        'iam:ListRoles',
        'iam:ListServiceSpecificCredentials',
        'iam:ListUsers',
      ]);
    }
  });

  it('says why, wherever any resource is allowed', () => {
    const lines = source.split('\n').filter((line) => /Resource: *["']?\*["']? *(#|$)/.test(line));
    assert.equal(lines.length, statementsOf(member).filter(({ Resource }) => Resource.includes('*')).length);
    for (const line of lines) assert.match(line, /# \S+ \S+/);
  });

  it('asks the policy simulator about itself, and about nobody else', () => {
    const asked = statementsOf(member).filter(({ Action }) => Action.includes('iam:SimulatePrincipalPolicy'));
    assert.deepEqual(
      asked.map(({ Action, Resource }) => [Action, Resource]),
      [[['iam:SimulatePrincipalPolicy'], [own]]],
    );
  });

  it('touches the resources of its own account only', () => {
    const narrowed = statementsOf(member)
      .flatMap(({ Resource }) => Resource)
      .filter((resource) => resource !== '*' && resource !== DENY_ALL && resource !== own);
    const kinds = [
      'iam::ACCOUNT:(user|group|mfa|role)/',
      'ec2:\\*:ACCOUNT:(instance|fleet|spot-fleet-request|spot-instances-request)/',
      'autoscaling:\\*:ACCOUNT:autoScalingGroup:\\*:autoScalingGroupName/',
    ];
    const known = new RegExp(`^arn:aws:(${kinds.join('|').replaceAll('ACCOUNT', PAYER)})\\*$`);
    for (const resource of narrowed) assert.match(resource, known);
  });

  it('may do each thing on the one kind of resource that it is about', () => {
    const ec2 = (kind: string) => [`arn:aws:ec2:*:${PAYER}:${kind}/*`];
    const groups = [`arn:aws:autoscaling:*:${PAYER}:autoScalingGroup:*:autoScalingGroupName/*`];
    const roles = [`arn:aws:iam::${PAYER}:role/*`];
    const users = [`arn:aws:iam::${PAYER}:user/*`];
    const expected: Record<string, string[]> = {
      'ec2:StopInstances': ec2('instance'),
      'ec2:TerminateInstances': ec2('instance'),
      'ec2:ModifyInstanceAttribute': ec2('instance'),
      'ec2:ModifyFleet': ec2('fleet'),
      'ec2:ModifySpotFleetRequest': ec2('spot-fleet-request'),
      'ec2:CancelSpotInstanceRequests': ec2('spot-instances-request'),
      'autoscaling:SuspendProcesses': groups,
      'autoscaling:ResumeProcesses': groups,
      'iam:PutRolePolicy': roles,
      'iam:GetRolePolicy': roles,
      'iam:PutUserPolicy': users,
      'iam:UpdateServiceSpecificCredential': users,
      'iam:ListEntitiesForPolicy': [DENY_ALL],
      'iam:AttachUserPolicy': users,
      'iam:AttachRolePolicy': roles,
      'iam:PutUserPermissionsBoundary': users,
      'iam:PutRolePermissionsBoundary': roles,
    };
    for (const [action, resources] of Object.entries(expected)) {
      const granted = statementsOf(member).filter(({ Action }) => Action.includes(action));
      assert.deepEqual(
        granted.map(({ Resource }) => Resource),
        [resources],
        action,
      );
    }
  });

  it('attaches no policy but the one of AWS that denies everything, and takes no other boundary off', () => {
    const conditions = (action: string) =>
      statementsOf(member)
        .filter(({ Action }) => Action.includes(action))
        .map(({ Condition }) => Condition);
    for (const action of ['iam:AttachUserPolicy', 'iam:AttachRolePolicy', 'iam:DetachRolePolicy']) {
      assert.deepEqual(conditions(action), [{ ArnEquals: { 'iam:PolicyARN': DENY_ALL } }], action);
    }
    for (const action of ['iam:DeleteUserPermissionsBoundary', 'iam:DeleteRolePermissionsBoundary']) {
      assert.deepEqual(conditions(action), [{ ArnEquals: { 'iam:PermissionsBoundary': DENY_ALL } }], action);
    }
  });

  it('trusts the function of the payer alone, by its name, with the external id, from within the organization', () => {
    const trust = member.AssumeRolePolicyDocument.Statement;
    assert.deepEqual(trust, [
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Principal: { AWS: `arn:aws:iam::${PAYER}:root` },
        Condition: {
          ArnLike: {
            'aws:PrincipalArn': [
              `arn:aws:iam::${PAYER}:role/${names.functionRole}`,
              `arn:aws:sts::${PAYER}:assumed-role/${names.functionRole}/*`,
            ],
          },
          StringEquals: { 'sts:ExternalId': externalId(ORGANIZATION), 'aws:PrincipalOrgID': ORGANIZATION },
        },
      },
    ]);
    assert.equal(externalId(ORGANIZATION), `${names.externalIdPrefix}${ORGANIZATION}`);
    assert.equal(member.MaxSessionDuration, 3600);
  });
});
