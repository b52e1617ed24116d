/** What the protect policy keeps from whom, in every account that is enrolled. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { names, neverTouched } from '../lib/contract';
import { MOST_CHARACTERS } from '../lib/guardrails/deny';
import {
  assertDenied,
  assertLeft,
  CONTROL_TOWER,
  FORWARDER,
  iam,
  MEMBERS,
  PAYERS_ADMIN,
  protect,
  RESPONDER,
  STACK_SETS,
  stack,
  THIEF,
} from './service-control-policies';
import { deployed, document, guardrails, type Json, LAB, ORGANIZATION, only, ROOT } from './support';

describe('the protect policy', () => {
  const rule = (name: string) => `arn:aws:events:eu-central-1:${LAB}:rule/${name}`;
  const alarm = (name: string) => `arn:aws:cloudwatch:us-east-1:${LAB}:alarm:${name}`;
  const cfn = (name: string) => `arn:aws:cloudformation:us-east-1:${LAB}:stack/${name}/0123`;
  const PLATFORM = [
    'AWSControlTowerExecution',
    'aws-controltower-ConfigRecorderRole',
    'AWSCloudFormationStackSetExecutionRole',
  ];
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
        for (const by of [...MEMBERS, FORWARDER, CONTROL_TOWER]) {
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

  it('lets the responder lock out whoever took the name of machinery, but never touch our own roles', () => {
    const ours = [RESPONDER, FORWARDER, iam(`role/${names.functionRole}`), iam(`role/${names.releaseRole}`)];
    for (const on of ours) {
      for (const action of CHANGES) assertDenied(protect, { by: RESPONDER, action, on });
    }
    const machinery = [STACK_SETS, PAYERS_ADMIN, ...PLATFORM.map((name) => iam(`role/${name}`))];
    for (const on of machinery) {
      assertLeft(protect, { by: RESPONDER, action: 'iam:PutRolePolicy', on });
      assertLeft(protect, { by: RESPONDER, action: 'iam:PutRolePolicy', on: on.replace('role/', 'role/some/path/') });
    }
  });

  it('keeps them from every role that no halt touches, but for those that members make themselves', () => {
    for (const rule of neverTouched.roles) {
      if (rule.pattern !== undefined) continue;
      const on = iam(`role/${rule.exactly ?? `${rule.prefix}x`}`);
      for (const by of MEMBERS) assertDenied(protect, { by, action: 'iam:UpdateAssumeRolePolicy', on });
    }
  });

  it('keeps them from the roles of Control Tower and of self-managed stack sets, which no halt touches either', () => {
    for (const name of PLATFORM) {
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
    const made = ['member.yaml', 'member-region.yaml', 'member-alarms.yaml'].flatMap((file) =>
      Object.values<Json>(deployed(file).Resources),
    );
    const guarded: Record<string, (properties: Json) => readonly [string, string]> = {
      'AWS::IAM::Role': ({ RoleName }) => ['iam:DeleteRole', iam(`role/${RoleName}`)],
      'AWS::CloudWatch::Alarm': ({ AlarmName }) => ['cloudwatch:DeleteAlarms', alarm(AlarmName)],
      'AWS::Events::Rule': ({ Name }) => ['events:DeleteRule', rule(Name)],
    };
    const requests = made.map(
      ({ Type, Properties }) =>
        guarded[Type]?.(Properties) ?? assert.fail(`${Type} is new in a member: say how it is guarded`),
    );
    for (const name of [names.memberStackSet, names.memberRegionStackSet, names.memberAlarmsStackSet]) {
      requests.push(['cloudformation:DeleteStack', cfn(`StackSet-${name}-0123`)]);
    }
    assert.equal(requests.length, 8);
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
