/** The two service control policies: as resources, and as what they deny to whom. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { names, neverTouched, permissions } from '../lib/contract';
import { MOST_CHARACTERS } from '../lib/guardrails/deny';
import { deployed, document, guardrails, idOf, type Json, LAB, ORGANIZATION, only, REPOSITORY, ROOT } from './support';

const stack = guardrails();
const template = Template.fromStack(stack);
const policyNamed = (name: string) => only(template, 'AWS::Organizations::Policy', ({ Name }) => Name === name);
const quarantine = policyNamed(names.quarantinePolicy);
const protect = policyNamed(names.protectPolicy);

const iam = (path: string) => `arn:aws:iam::${LAB}:${path}`;
const RESPONDER = iam(`role/${names.responderRole}`);
const FORWARDER = iam(`role/${names.forwarderRole}`);
const STACK_SETS = iam('role/stacksets-exec-0123456789abcdef0123456789abcdef');
const PAYERS_ADMIN = iam('role/OrganizationAccountAccessRole');
const CONTROL_TOWER = iam('role/AWSControlTowerExecution');
const ROOT_USER = iam('root');
const THIEF = iam('user/mallory');
const MEMBERS = [
  THIEF,
  ROOT_USER,
  iam('role/Admin'),
  iam('role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123'),
];

/** As IAM does it: a `*` is any run of characters, slashes included; the names of actions have no case. */
function like(pattern: string, text: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${escaped}$`, 's').test(text);
}

interface Request {
  readonly by: string;
  readonly action: string;
  readonly on?: string;
}

/** An evaluator of the little that our policies are made of; it stops at anything else. */
function denies({ Content }: Json, { by, action, on = '*' }: Request): boolean {
  return Content.Statement.some((statement: Json) => {
    const { Sid, Effect, Action, Resource, NotResource, Condition, ...rest } = statement;
    assert.deepEqual([Effect, rest], ['Deny', {}], Sid);
    assert.notEqual(Resource === undefined, NotResource === undefined, Sid);
    if (!Action.some((pattern: string) => like(pattern.toLowerCase(), action.toLowerCase()))) return false;
    if (
      Resource
        ? !Resource.some((pattern: string) => like(pattern, on))
        : NotResource.some((pattern: string) => like(pattern, on))
    )
      return false;
    if (Condition === undefined) return true;
    assert.deepEqual(
      [Object.keys(Condition), Object.keys(Condition.ArnNotLike)],
      [['ArnNotLike'], ['aws:PrincipalArn']],
      Sid,
    );
    return !Condition.ArnNotLike['aws:PrincipalArn'].some((pattern: string) => like(pattern, by));
  });
}

function assertDenied(policy: Json, request: Request): void {
  assert.ok(denies(policy, request), `must be denied: ${JSON.stringify(request)}`);
}

function assertLeft(policy: Json, request: Request): void {
  assert.ok(!denies(policy, request), `must not be denied: ${JSON.stringify(request)}`);
}

describe('both policies', () => {
  it('are service control policies, and the only resources of their stack', () => {
    assert.deepEqual(
      Object.values(template.toJSON().Resources).map(({ Type }: Json) => Type),
      ['AWS::Organizations::Policy', 'AWS::Organizations::Policy'],
    );
    for (const { Type } of [quarantine, protect]) assert.equal(Type, 'SERVICE_CONTROL_POLICY');
  });

  it('fit into what Organizations takes, with their statements named apart', () => {
    assert.equal(MOST_CHARACTERS, 10_240);
    for (const { Content, Description } of [quarantine, protect]) {
      const text = JSON.stringify(Content);
      assert.ok(text.length <= MOST_CHARACTERS, `${text.length} characters`);
      assert.ok(/^[\x20-\x7e]*$/.test(text), 'one byte a character');
      assert.ok(Description.length <= 512);
      assert.equal(Content.Version, '2012-10-17');
      const sids = Content.Statement.map(({ Sid }: Json) => Sid);
      assert.deepEqual([...new Set(sids)], sids);
      // Whoever is denied reads these in their own console.
      for (const sid of sids) assert.match(sid, /^Deny[A-Z][A-Za-z0-9]+$/);
    }
  });

  it('name an action once in a statement, and none that is a wildcard for a whole service', () => {
    for (const { Content } of [quarantine, protect]) {
      for (const { Action } of Content.Statement) {
        assert.deepEqual([...new Set(Action)], Action);
        // A wildcard at the end alone: older readers of such policies refuse it elsewhere.
        for (const action of Action) assert.match(action, /^[a-z0-9-]+:[A-Z][A-Za-z0-9]+\*?$/);
      }
    }
  });

  it('are made one after the other', () => {
    const made = template.findResources('AWS::Organizations::Policy', { DependsOn: Match.anyValue() });
    const first = idOf(template, 'AWS::Organizations::Policy', ({ Name }) => Name === names.quarantinePolicy);
    assert.deepEqual(
      Object.values(made).map(({ DependsOn }) => DependsOn),
      [[first]],
    );
  });

  it('keep everyone in the organization, root and our own roles too', () => {
    for (const by of [...MEMBERS, RESPONDER, STACK_SETS, PAYERS_ADMIN]) {
      for (const policy of [quarantine, protect]) {
        assertDenied(policy, { by, action: 'organizations:LeaveOrganization' });
      }
    }
  });
});

describe('the quarantine policy', () => {
  it('is what binds the thieves of the simulated organization', () => {
    const file = path.join(REPOSITORY, 'lambda/testbed/tests/quarantine.json');
    const made = `${JSON.stringify(quarantine.Content, null, 2)}\n`;
    if (process.env.UPDATE_GENERATED) fs.writeFileSync(file, made);
    assert.ok(
      fs.readFileSync(file, 'utf8') === made,
      `${file} is not what the CDK app deploys. Run: UPDATE_GENERATED=1 npm --prefix infra test`,
    );
  });

  it('is attached to nothing until a halt', () => {
    assert.equal(quarantine.TargetIds, undefined);
  });

  it('denies more compute to everyone in the account', () => {
    const growth = [
      'ec2:RunInstances',
      'ec2:StartInstances',
      'ec2:CreateFleet',
      'ec2:ModifyFleet',
      'ec2:RequestSpotInstances',
      'ec2:RequestSpotFleet',
      'ec2:ModifySpotFleetRequest',
      'ec2:CreateLaunchTemplate',
      'ec2:CreateLaunchTemplateVersion',
      'ec2:ModifyInstanceAttribute',
      'ec2:PurchaseReservedInstancesOffering',
      'autoscaling:CreateAutoScalingGroup',
      'autoscaling:UpdateAutoScalingGroup',
      'autoscaling:SetDesiredCapacity',
      'autoscaling:ResumeProcesses',
      'autoscaling:StartInstanceRefresh',
      'ecs:RunTask',
      'ecs:UpdateService',
      'eks:CreateNodegroup',
      'eks:UpdateNodegroupConfig',
      'sagemaker:CreateTrainingJob',
      'sagemaker:CreateEndpoint',
      'sagemaker:StartNotebookInstance',
      'batch:SubmitJob',
      'elasticmapreduce:RunJobFlow',
      'elasticmapreduce:ModifyInstanceGroups',
      'emr-serverless:StartJobRun',
      'lambda:CreateFunction',
      'lambda:UpdateFunctionCode',
      'lambda:PutProvisionedConcurrencyConfig',
      'lambda:AddPermission',
      'bedrock:CallWithBearerToken',
      'bedrock-mantle:CallWithBearerToken',
      'lightsail:CreateInstances',
      'codebuild:StartBuild',
      'account:EnableRegion',
    ];
    for (const action of growth) {
      for (const by of [...MEMBERS, STACK_SETS, PAYERS_ADMIN, FORWARDER]) assertDenied(quarantine, { by, action });
      assertLeft(quarantine, { by: RESPONDER, action });
    }
  });

  it('denies new principals, credentials and trust, and taking our deny away', () => {
    const identities: readonly (readonly [string, string])[] = [
      ...[
        'CreateUser',
        'CreateAccessKey',
        'UpdateAccessKey',
        'CreateLoginProfile',
        'UpdateLoginProfile',
        'ChangePassword',
      ].map((name) => [name, 'user/x'] as const),
      ...['CreateServiceSpecificCredential', 'ResetServiceSpecificCredential', 'UpdateServiceSpecificCredential'].map(
        (name) => [name, 'user/x'] as const,
      ),
      ...[
        'UploadSSHPublicKey',
        'UpdateSSHPublicKey',
        'UploadSigningCertificate',
        'UpdateSigningCertificate',
        'EnableMFADevice',
      ].map((name) => [name, 'user/x'] as const),
      ...['PutUserPolicy', 'DeleteUserPolicy', 'AttachUserPolicy', 'DetachUserPolicy', 'UpdateUser'].map(
        (name) => [name, 'user/x'] as const,
      ),
      ...['PutUserPermissionsBoundary', 'DeleteUserPermissionsBoundary'].map((name) => [name, 'user/x'] as const),
      ...[
        'CreateRole',
        'UpdateAssumeRolePolicy',
        'UpdateRole',
        'PutRolePolicy',
        'DeleteRolePolicy',
        'AttachRolePolicy',
        'DetachRolePolicy',
      ].map((name) => [name, 'role/x'] as const),
      ...['PutRolePermissionsBoundary', 'DeleteRolePermissionsBoundary'].map((name) => [name, 'role/x'] as const),
      ...[
        'AddUserToGroup',
        'RemoveUserFromGroup',
        'PutGroupPolicy',
        'AttachGroupPolicy',
        'DeleteGroupPolicy',
        'DetachGroupPolicy',
      ].map((name) => [name, 'group/x'] as const),
      ...['CreatePolicy', 'CreatePolicyVersion', 'SetDefaultPolicyVersion'].map((name) => [name, 'policy/x'] as const),
      ['AddRoleToInstanceProfile', 'instance-profile/x'],
      ['CreateOpenIDConnectProvider', 'oidc-provider/x'],
      ['AddClientIDToOpenIDConnectProvider', 'oidc-provider/x'],
      ['CreateSAMLProvider', 'saml-provider/x'],
      ['UpdateSAMLProvider', 'saml-provider/x'],
    ];
    for (const [name, on] of identities) {
      const request = { action: `iam:${name}`, on: iam(on) };
      for (const by of [...MEMBERS, STACK_SETS, PAYERS_ADMIN, FORWARDER]) assertDenied(quarantine, { ...request, by });
      assertLeft(quarantine, { ...request, by: RESPONDER });
    }
    for (const by of MEMBERS) assertDenied(quarantine, { by, action: 'rolesanywhere:CreateTrustAnchor' });
  });

  it('leaves the responder everything that it does, to release too', () => {
    for (const action of [...permissions.observe, ...permissions.contain]) {
      for (const on of ['*', iam('user/x'), iam('role/x'), `arn:aws:ec2:us-east-1:${LAB}:instance/i-0`]) {
        assertLeft(quarantine, { by: RESPONDER, action, on });
      }
    }
  });

  it('does not take another for the responder', () => {
    const impostors = [
      iam(`user/${names.responderRole}`),
      iam(`role/x/${names.responderRole}`),
      iam(`role/${names.responderRole}2`),
      iam(`role/${names.responderRole}/x`),
    ];
    for (const by of impostors) {
      assertDenied(quarantine, { by, action: 'ec2:RunInstances' });
      assertDenied(quarantine, { by, action: 'iam:DeleteUserPolicy', on: iam('user/x') });
    }
  });

  it('lets stack sets put our roles back, and do no more', () => {
    for (const on of [RESPONDER, FORWARDER]) {
      for (const action of [
        'iam:CreateRole',
        'iam:PutRolePolicy',
        'iam:UpdateAssumeRolePolicy',
        'iam:DeleteRole',
        'iam:PassRole',
      ]) {
        assertLeft(quarantine, { by: STACK_SETS, action, on });
        for (const by of [...MEMBERS, PAYERS_ADMIN, RESPONDER]) assertDenied(quarantine, { by, action, on });
      }
    }
    assertDenied(quarantine, { by: STACK_SETS, action: 'iam:CreateRole', on: iam(`role/x/${names.responderRole}`) });
    assertDenied(quarantine, { by: STACK_SETS, action: 'iam:DeleteUserPolicy', on: iam('user/mallory') });
  });

  it('leaves alone what runs, what looks and what shrinks', () => {
    const left = [
      'events:PutEvents',
      's3:GetObject',
      's3:PutObject',
      'dynamodb:PutItem',
      'logs:PutLogEvents',
      'cloudwatch:PutMetricData',
      'sts:AssumeRole',
      'lambda:InvokeFunction',
      'sagemaker:InvokeEndpoint',
      'bedrock:InvokeModel',
      'ecs:RegisterContainerInstance',
      'ecs:SubmitTaskStateChange',
      'ec2:DescribeInstances',
      'ec2:StopInstances',
      'ec2:TerminateInstances',
      'ec2:RebootInstances',
      'ec2:DeleteFleets',
      'ec2:CancelSpotInstanceRequests',
      'autoscaling:SuspendProcesses',
      'autoscaling:DeleteAutoScalingGroup',
      'autoscaling:CompleteLifecycleAction',
      'autoscaling:SetInstanceHealth',
      'ecs:StopTask',
      'iam:ListUsers',
      'iam:GetRole',
      'iam:DeleteAccessKey',
      'iam:DeleteUser',
      'iam:DeleteLoginProfile',
      'cloudformation:DeleteStack',
    ];
    for (const action of left) {
      for (const by of [THIEF, FORWARDER, iam('role/workload')]) assertLeft(quarantine, { by, action });
    }
  });
});

describe('the protect policy', () => {
  const rule = (name: string) => `arn:aws:events:eu-central-1:${LAB}:rule/${name}`;
  const alarm = (name: string) => `arn:aws:cloudwatch:us-east-1:${LAB}:alarm:${name}`;
  const cfn = (name: string) => `arn:aws:cloudformation:us-east-1:${LAB}:stack/${name}/0123`;
  const CHANGES = [
    'CreateRole',
    'DeleteRole',
    'UpdateRole',
    'UpdateAssumeRolePolicy',
    'PutRolePolicy',
    'DeleteRolePolicy',
    'AttachRolePolicy',
  ].map((name) => `iam:${name}`);
  CHANGES.push(
    'iam:DetachRolePolicy',
    'iam:PutRolePermissionsBoundary',
    'iam:DeleteRolePermissionsBoundary',
    'iam:TagRole',
    'iam:UntagRole',
    'iam:PassRole',
  );
  CHANGES.push('iam:UpdateRoleDescription');

  it('is attached to the root, or to the units that are enrolled instead of it', () => {
    assert.deepEqual(protect.TargetIds, [ROOT]);
    const units = ['ou-test-11111111', 'ou-test-22222222'];
    const some = Template.fromStack(
      guardrails({ ...document, organization: { id: ORGANIZATION, root: ROOT, ous: units } }),
    );
    assert.deepEqual(
      only(some, 'AWS::Organizations::Policy', ({ Name }) => Name === names.protectPolicy).TargetIds,
      units,
    );
    Annotations.fromStack(stack).hasNoWarning('*', Match.anyValue());
  });

  it('fills half of its room at most: every new kind of thing that we put into an account has to be guarded here', () => {
    assert.ok(JSON.stringify(protect.Content).length <= MOST_CHARACTERS / 2);
  });

  it('warns where it protects nothing', () => {
    const nowhere = guardrails({ ...document, organization: { id: ORGANIZATION } });
    assert.equal(
      only(Template.fromStack(nowhere), 'AWS::Organizations::Policy', ({ Name }) => Name === names.protectPolicy)
        .TargetIds,
      undefined,
    );
    Annotations.fromStack(nowhere).hasWarning(
      '/RunawayTrainGuardrails',
      Match.stringLikeRegexp('attached to nothing.*Add organization.root'),
    );
  });

  it('keeps everyone inside from our roles, and from the roles that deploy them', () => {
    const guarded = [
      RESPONDER,
      FORWARDER,
      iam(`role/${names.functionRole}`),
      iam(`role/${names.releaseRole}`),
      STACK_SETS,
      iam('role/stacksets-exec-x'),
      PAYERS_ADMIN,
    ];
    for (const on of guarded) {
      // A name is a name under any path.
      for (const action of CHANGES) {
        for (const by of [...MEMBERS, RESPONDER, FORWARDER, CONTROL_TOWER]) {
          assertDenied(protect, { by, action, on });
          assertDenied(protect, { by, action, on: on.replace('role/', 'role/some/path/') });
        }
        for (const by of [STACK_SETS, PAYERS_ADMIN]) assertLeft(protect, { by, action, on });
      }
      for (const by of MEMBERS) {
        assertLeft(protect, { by, action: 'iam:GetRole', on });
        assertLeft(protect, { by, action: 'iam:ListRolePolicies', on });
      }
    }
  });

  it('keeps them from every role that no halt touches, but for those that members make themselves', () => {
    for (const rule of neverTouched.roles) {
      if (rule.prefix === 'cdk-') continue;
      const on = iam(`role/${rule.exactly ?? `${rule.prefix}x`}`);
      for (const by of MEMBERS) assertDenied(protect, { by, action: 'iam:UpdateAssumeRolePolicy', on });
    }
  });

  it('keeps them from the roles of Control Tower and of self-managed stack sets, which no halt touches either', () => {
    for (const name of [
      'AWSControlTowerExecution',
      'aws-controltower-ConfigRecorderRole',
      'AWSCloudFormationStackSetExecutionRole',
    ]) {
      for (const on of [iam(`role/${name}`), iam(`role/x/${name}`)]) {
        for (const action of CHANGES) {
          for (const by of MEMBERS) assertDenied(protect, { by, action, on });
          for (const by of [STACK_SETS, PAYERS_ADMIN, CONTROL_TOWER]) assertLeft(protect, { by, action, on });
        }
      }
    }
  });

  it('exempts nobody whom a member could become', () => {
    for (const { Condition } of protect.Content.Statement) {
      for (const exempt of Condition?.ArnNotLike['aws:PrincipalArn'] ?? []) {
        // Whoever it exempts must not be made or changed by a member: the pattern itself, and a path that looks like it.
        for (const on of [
          exempt.replace('::*:', `::${LAB}:`),
          exempt.replace('::*:', `::${LAB}:`).replace('*', 'x/y'),
        ]) {
          for (const action of CHANGES) assertDenied(protect, { by: THIEF, action, on });
        }
        assert.match(exempt, /^arn:aws:iam::\*:role\/[A-Za-z]/);
      }
    }
  });

  it('keeps them from our rules, alarms and stacks', () => {
    const changes: readonly (readonly [string, readonly string[]])[] = [
      [
        rule('runawaytrain-launches'),
        [
          'events:PutRule',
          'events:DeleteRule',
          'events:DisableRule',
          'events:EnableRule',
          'events:PutTargets',
          'events:RemoveTargets',
        ],
      ],
      [
        alarm('runawaytrain-spend-default'),
        [
          'DeleteAlarms',
          'DisableAlarmActions',
          'EnableAlarmActions',
          'PutMetricAlarm',
          'PutCompositeAlarm',
          'SetAlarmState',
          'PutAlarmMuteRule',
        ].map((name) => `cloudwatch:${name}`),
      ],
      [
        cfn('StackSet-runawaytrain-member-0123'),
        [
          'DeleteStack',
          'UpdateStack',
          'CreateChangeSet',
          'ExecuteChangeSet',
          'SetStackPolicy',
          'UpdateTerminationProtection',
        ].map((name) => `cloudformation:${name}`),
      ],
      [
        cfn('runawaytrain-member'),
        [
          'cloudformation:DeleteStack',
          'cloudformation:CreateStack',
          'cloudformation:ExecuteStackRefactor',
          'cloudformation:ContinueUpdateRollback',
        ],
      ],
    ];
    for (const [on, actions] of changes) {
      for (const action of actions) {
        for (const by of [...MEMBERS, RESPONDER]) assertDenied(protect, { by, action, on });
        for (const by of [STACK_SETS, PAYERS_ADMIN]) assertLeft(protect, { by, action, on });
      }
    }
  });

  it('covers everything that the stack sets put into an account, and the stacks themselves', () => {
    const made = ['member.yaml', 'member-region.yaml'].flatMap((file) => Object.values<Json>(deployed(file).Resources));
    const guarded: Record<string, (properties: Json) => readonly [string, string]> = {
      'AWS::IAM::Role': ({ RoleName }) => ['iam:DeleteRole', iam(`role/${RoleName}`)],
      'AWS::CloudWatch::Alarm': ({ AlarmName }) => ['cloudwatch:DeleteAlarms', alarm(AlarmName)],
      'AWS::Events::Rule': ({ Name }) => ['events:DeleteRule', rule(Name)],
    };
    const requests = made.map(
      ({ Type, Properties }) =>
        guarded[Type]?.(Properties) ?? assert.fail(`${Type} is new in a member: say how it is guarded`),
    );
    for (const name of [names.memberStackSet, names.memberRegionStackSet]) {
      requests.push(['cloudformation:DeleteStack', cfn(`StackSet-${name}-0123`)]);
    }
    assert.equal(requests.length, 7);
    for (const [action, on] of requests) {
      for (const by of MEMBERS) assertDenied(protect, { by, action, on });
    }
  });

  it('leaves members their own, and the cdk', () => {
    for (const by of MEMBERS) {
      for (const on of [
        'role/Admin',
        'role/cdk-hnb659fds-deploy-role',
        'role/my-stacksets-exec',
        'role/service-role/workload',
        'role/RunawayTrainResponder2',
      ]) {
        for (const action of CHANGES) assertLeft(protect, { by, action, on: iam(on) });
      }
      for (const action of [
        'iam:CreateUser',
        'iam:CreateAccessKey',
        'ec2:RunInstances',
        'events:PutEvents',
        'organizations:DescribeOrganization',
      ])
        assertLeft(protect, { by, action });
      assertLeft(protect, { by, action: 'events:DeleteRule', on: rule('their-own') });
      assertLeft(protect, { by, action: 'cloudwatch:DeleteAlarms', on: alarm('their-own') });
      assertLeft(protect, { by, action: 'cloudformation:DeleteStack', on: cfn('StackSet-their-own') });
      assertLeft(protect, { by, action: 'cloudformation:DescribeStacks', on: cfn('runawaytrain-member') });
    }
  });
});
