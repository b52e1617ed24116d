/** What the quarantine policy denies to whom, in an account that is halted. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { names, permissions } from '../lib/contract';
import { actions, MOST_CHARACTERS } from '../lib/guardrails/deny';
import {
  assertDenied,
  assertLeft,
  FORWARDER,
  iam,
  MEMBERS,
  PAYERS_ADMIN,
  quarantine,
  RESPONDER,
  ROOT_USER,
  STACK_SETS,
  THIEF,
} from './service-control-policies';
import { LAB } from './support';

/** The payer's own ways in are exempt from nothing either: a thief may hold them. */
const EVERYBODY = [...MEMBERS, STACK_SETS, PAYERS_ADMIN, FORWARDER];

describe('the quarantine policy', () => {
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
      for (const by of EVERYBODY) assertDenied(quarantine, { by, action });
      assertLeft(quarantine, { by: RESPONDER, action });
    }
  });

  it('denies what bills for years, to our own roles too', () => {
    const purchases = actions({
      ec2: [
        'PurchaseReservedInstancesOffering',
        'PurchaseHostReservation',
        'PurchaseCapacityBlock',
        'AcceptReservedInstancesExchangeQuote',
        'AcceptCapacityReservationBillingOwnership',
        'ModifyReservedInstances',
      ],
      savingsplans: ['CreateSavingsPlan'],
      rds: ['PurchaseReservedDBInstancesOffering'],
      redshift: ['PurchaseReservedNodeOffering', 'AcceptReservedNodeExchange'],
      'redshift-serverless': ['CreateReservation'],
      elasticache: ['PurchaseReservedCacheNodesOffering'],
      memorydb: ['PurchaseReservedNodesOffering'],
      es: ['PurchaseReservedInstanceOffering', 'PurchaseReservedElasticsearchInstanceOffering'],
      dynamodb: ['PurchaseReservedCapacityOfferings'],
      medialive: ['PurchaseOffering'],
      mediaconnect: ['PurchaseOffering'],
      mediaconvert: ['CreateQueue', 'UpdateQueue'],
      devicefarm: ['PurchaseOffering', 'RenewOffering'],
      glacier: ['PurchaseProvisionedCapacity'],
      'bedrock-mantle': ['CreateReservation', 'UpdateReservation'],
      shield: ['CreateSubscription'],
      sagemaker: ['CreateTrainingPlan', 'ExtendTrainingPlan', 'CreateReservedCapacity'],
      'aws-marketplace': [
        'Subscribe',
        'AcceptAgreementRequest',
        'AcceptAgreementPaymentRequest',
        'CreateAgreementRequest',
      ],
      supportplans: ['CreateSupportAgreement', 'CreateSupportPlanSchedule', 'StartSupportPlanUpdate'],
      outposts: ['CreateOrder', 'CreateRenewal'],
      snowball: ['CreateJob', 'CreateCluster', 'CreateLongTermPricing'],
      route53domains: ['RegisterDomain', 'TransferDomain', 'RenewDomain'],
      quicksight: ['Subscribe', 'CreateAccountSubscription'],
      'user-subscriptions': ['CreateClaim', 'CreateClaimAddOn', 'CreatePurchaseSession', 'ConfirmPurchaseSession'],
    });
    for (const action of purchases) {
      for (const by of [...EVERYBODY, RESPONDER]) assertDenied(quarantine, { by, action });
    }
    for (const by of EVERYBODY) assertDenied(quarantine, { by, action: 'eks:CreateEksAnywhereSubscription' });
  });

  it('denies compute by whatever else starts it: jobs, sessions, triggers, streams, builds, volumes', () => {
    const ways = actions({
      lambda: ['RunMicrovm', 'ResumeMicrovm'],
      codebuild: ['CreateProject', 'UpdateProject', 'CreateWebhook', 'UpdateWebhook', 'CreateFleet', 'StartSandbox'],
      glue: [
        'CreateTrigger',
        'UpdateTrigger',
        'StartTrigger',
        'CreateJob',
        'UpdateJob',
        'RunStatement',
        'StartCrawler',
        'StartJobRun',
      ],
      imagebuilder: ['CreateImagePipeline', 'UpdateImagePipeline', 'ImportVmImage'],
      elasticmapreduce: ['StartSession'],
      sagemaker: [
        'CreateJob',
        'CreateMlflowApp',
        'CreateAIRecommendationJob',
        'BatchReplaceClusterNodes',
        'CreateProcessingJob',
        'UpdateEndpointWeightsAndCapacities',
      ],
      databrew: ['StartJobRun', 'CreateSchedule'],
      'workspaces-instances': ['CreateWorkspaceInstance', 'CreateVolume'],
      evs: ['CreateEnvironment', 'CreateEnvironmentHost'],
      gameliftstreams: ['CreateStreamGroup', 'UpdateStreamGroup', 'AddStreamGroupLocations', 'StartStreamSession'],
      omics: ['StartRun', 'StartRunBatch'],
      braket: ['CreateJob', 'CreateQuantumTask'],
      mediaconvert: ['CreateJob'],
      medialive: ['CreateChannel', 'StartChannel', 'CreateMultiplex', 'StartMultiplex', 'BatchStart'],
      ec2: ['EnableFastSnapshotRestores', 'CreateVolume', 'CopyVolumes', 'ModifyVolume'],
      athena: ['CreateCapacityReservation', 'UpdateCapacityReservation'],
    });
    for (const action of ways) {
      for (const by of EVERYBODY) assertDenied(quarantine, { by, action });
      assertLeft(quarantine, { by: RESPONDER, action });
    }
  });

  it('denies more databases, caches, searches and streams, and larger ones', () => {
    const data = actions({
      rds: [
        'CreateDBInstance',
        'CreateDBInstanceReadReplica',
        'CreateDBCluster',
        'CreateDBShardGroup',
        'CreateBlueGreenDeployment',
        'RestoreDBInstanceFromDBSnapshot',
        'RestoreDBClusterToPointInTime',
        'StartDBInstance',
        'StartDBCluster',
        'ModifyDBInstance',
        'ModifyDBCluster',
        'ModifyCurrentDBClusterCapacity',
      ],
      redshift: ['CreateCluster', 'RestoreFromClusterSnapshot', 'ResizeCluster', 'ResumeCluster', 'ModifyCluster'],
      'redshift-serverless': ['CreateWorkgroup', 'UpdateWorkgroup', 'RestoreFromSnapshot'],
      elasticache: [
        'CreateCacheCluster',
        'CreateReplicationGroup',
        'CreateServerlessCache',
        'ModifyCacheCluster',
        'ModifyReplicationGroupShardConfiguration',
        'IncreaseReplicaCount',
      ],
      memorydb: ['CreateCluster', 'UpdateCluster'],
      dax: ['CreateCluster', 'IncreaseReplicationFactor'],
      es: ['CreateDomain', 'CreateElasticsearchDomain', 'UpdateDomainConfig', 'UpdateElasticsearchDomainConfig'],
      aoss: ['CreateCollection', 'UpdateAccountSettings'],
      osis: ['CreatePipeline', 'UpdatePipeline', 'StartPipeline'],
      kafka: ['CreateCluster', 'CreateClusterV2', 'UpdateBrokerCount', 'UpdateBrokerType', 'UpdateStorage'],
      kafkaconnect: ['CreateConnector', 'UpdateConnector'],
      kinesisanalytics: ['CreateApplication', 'StartApplication', 'UpdateApplication'],
      dynamodb: ['CreateTable', 'UpdateTable', 'RestoreTableFromBackup', 'ImportTable'],
      'neptune-graph': ['CreateGraph', 'StartGraph', 'RestoreGraphFromSnapshot', 'UpdateGraph'],
      'docdb-elastic': ['CreateCluster', 'UpdateCluster', 'StartCluster'],
      'timestream-influxdb': ['CreateDbInstance', 'CreateDbCluster', 'UpdateDbInstance'],
      fsx: ['CreateFileSystem', 'CreateFileSystemFromBackup', 'CreateFileCache', 'UpdateFileSystem'],
      mq: ['CreateBroker', 'CreateReplicaBroker', 'UpdateBroker'],
      airflow: ['CreateEnvironment', 'UpdateEnvironment'],
      dms: ['CreateReplicationInstance', 'ModifyReplicationInstance', 'StartReplication', 'StartReplicationTask'],
      'acm-pca': ['CreateCertificateAuthority'],
      cloudhsm: ['CreateHsm'],
      kendra: ['CreateIndex', 'UpdateIndex'],
      rekognition: ['StartProjectVersion'],
      comprehend: ['CreateEndpoint', 'UpdateEndpoint'],
    });
    for (const action of data) {
      for (const by of EVERYBODY) assertDenied(quarantine, { by, action });
      assertLeft(quarantine, { by: RESPONDER, action });
    }
  });

  it('denies what follows in cost: streams by the shard, networks, mainframes, credits of running instances', () => {
    const more = actions({
      kinesis: [
        'CreateStream',
        'UpdateShardCount',
        'UpdateStreamMode',
        'UpdateAccountSettings',
        'SplitShard',
        'RegisterStreamConsumer',
      ],
      ec2: ['CreateReplaceRootVolumeTask', 'ModifyInstanceCreditSpecification', 'ModifyDefaultCreditSpecification'],
      networkmanager: ['CreateCoreNetwork'],
      globalaccelerator: ['CreateAccelerator'],
      bedrock: ['CreateKnowledgeBase'],
      m2: ['CreateEnvironment'],
      odb: ['CreateCloudVmCluster', 'CreateAutonomousDatabase', 'StartAutonomousDatabase', 'UpdateExadbVmCluster'],
    });
    for (const action of more) {
      for (const by of EVERYBODY) assertDenied(quarantine, { by, action });
    }
  });

  it('denies text messages and numbers, and leaves what is published to topics and apps', () => {
    const messages = actions({
      sns: ['Publish'],
      'sms-voice': ['RequestPhoneNumber', 'SendTextMessage', 'SendVoiceMessage', 'SendMediaMessage'],
      connect: ['CreateInstance', 'ClaimPhoneNumber'],
      chime: ['CreatePhoneNumberOrder'],
    });
    for (const action of messages) {
      for (const by of EVERYBODY) assertDenied(quarantine, { by, action });
    }
    const topic = `arn:aws:sns:eu-central-1:${LAB}:orders`;
    const app = `arn:aws:sns:eu-central-1:${LAB}:endpoint/APNS/app/0123`;
    for (const on of [topic, app]) {
      assertLeft(quarantine, { by: iam('role/workload'), action: 'sns:Publish', on });
    }
    const pool = `arn:aws:sms-voice:eu-central-1:${LAB}:pool/pool-0123`;
    assertDenied(quarantine, { by: THIEF, action: 'sms-voice:SendTextMessage', on: pool });
  });

  it('denies the ways from outside to a role, and API keys', () => {
    const ways = actions({
      ssm: ['CreateActivation'],
      iot: ['CreateRoleAlias', 'UpdateRoleAlias'],
      'cognito-identity': ['SetIdentityPoolRoles'],
      sagemaker: ['CallWithBearerToken'],
      'aws-external-anthropic': ['CallWithBearerToken'],
    });
    for (const action of ways) {
      for (const by of EVERYBODY) assertDenied(quarantine, { by, action });
    }
  });

  it('denies the root user everything, but for a session that the payer opened', () => {
    const anything = [
      's3:GetObject',
      'ec2:DescribeInstances',
      'ec2:StopInstances',
      'iam:DeleteAccessKey',
      'iam:DeleteLoginProfile',
      'iam:ListAccessKeys',
      'account:PutContactInformation',
    ];
    for (const action of anything) {
      assertDenied(quarantine, { by: ROOT_USER, action });
      assertLeft(quarantine, { by: ROOT_USER, action, assumedRoot: true });
      // Root alone, whatever others are called.
      for (const by of [THIEF, iam('role/root'), iam('user/root'), RESPONDER]) assertLeft(quarantine, { by, action });
    }
    // It may not grow either.
    for (const action of ['ec2:RunInstances', 'rds:PurchaseReservedDBInstancesOffering', 'iam:CreateAccessKey']) {
      assertDenied(quarantine, { by: ROOT_USER, action, assumedRoot: true });
    }
  });

  it('leaves some room for what AWS thinks of next', () => {
    const { length } = JSON.stringify(quarantine.Content);
    assert.ok(length <= MOST_CHARACTERS - 250, `${length} characters`);
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
      for (const by of EVERYBODY) assertDenied(quarantine, { ...request, by });
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
