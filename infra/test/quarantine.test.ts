/** What the quarantine policy denies to whom, in an account that is halted. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { names, permissions } from '../lib/contract';
import {
  assertDenied,
  assertLeft,
  FORWARDER,
  iam,
  MEMBERS,
  PAYERS_ADMIN,
  quarantine,
  RESPONDER,
  STACK_SETS,
  THIEF,
} from './service-control-policies';
import { LAB, REPOSITORY } from './support';

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
