/**
 * The policy that a halt attaches to an account. It denies growth: more compute, more principals, more credentials. It
 * does not deny what runs: no read, no data, no event, nothing that stops or deletes compute.
 *
 * It binds every principal of the account, root too. It does not bind service-linked roles: an Auto Scaling group that
 * exists goes on launching until its processes are suspended, which the halt does besides.
 * https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html#not-restricted-by-scp
 *
 * Actions are checked by their names against the service's own tables.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */
import { names } from '../contract';
import {
  actions,
  type Document,
  document,
  EVERYTHING,
  LEAVES,
  OUR_ROLES_IN_MEMBERS,
  ROLE_CHANGES,
  role,
  STACK_SETS,
} from './deny';

/** More compute, by the services through which stolen accounts are burnt. */
const COMPUTE = actions({
  ec2: [
    'RunInstances',
    'StartInstances',
    'RunScheduledInstances',
    'ImportInstance',
    'CreateFleet',
    'ModifyFleet',
    'RequestSpotInstances',
    'RequestSpotFleet',
    'ModifySpotFleetRequest',
    'CreateLaunchTemplate*',
    'ModifyLaunchTemplate',
    // Larger types, and the protections that a halt takes off.
    'ModifyInstanceAttribute',
    'EnableFastLaunch',
    'AllocateHosts',
    'CreateCapacityReservation*',
    'ModifyCapacityReservation*',
    'Purchase*',
    'AcceptReservedInstancesExchangeQuote',
    // An instance that keeps running could take a stronger role on.
    'AssociateIamInstanceProfile',
    'ReplaceIamInstanceProfileAssociation',
  ],
  autoscaling: [
    'CreateAutoScalingGroup',
    'CreateLaunchConfiguration',
    'UpdateAutoScalingGroup',
    'SetDesiredCapacity',
    'ResumeProcesses',
    'StartInstanceRefresh',
    'RollbackInstanceRefresh',
    'LaunchInstances',
    'AttachInstances',
    'ExitStandby',
    'ExecutePolicy',
    'PutScalingPolicy',
    'PutScheduledUpdateGroupAction',
    'BatchPutScheduledUpdateGroupAction',
    'PutWarmPool',
  ],
  'autoscaling-plans': ['CreateScalingPlan', 'UpdateScalingPlan'],
  'application-autoscaling': ['RegisterScalableTarget', 'PutScalingPolicy', 'PutScheduledAction'],
  ecs: [
    'RunTask',
    'StartTask',
    'CreateService',
    'UpdateService',
    'CreateTaskSet',
    'UpdateTaskSet',
    'CreateDaemon',
    'UpdateDaemon',
    'CreateExpressGatewayService',
    'UpdateExpressGatewayService',
    'CreateCluster',
    'CreateCapacityProvider',
    'UpdateCapacityProvider',
    'PutClusterCapacityProviders',
  ],
  eks: [
    'CreateCluster',
    'CreateNodegroup',
    'CreateFargateProfile',
    'CreateCapability',
    'UpdateNodegroup*',
    // Auto Mode is switched on here.
    'UpdateClusterConfig',
    // Who may enter the cluster.
    'CreateAccessEntry',
    'UpdateAccessEntry',
    'AssociateAccessPolicy',
    'AssociateIdentityProviderConfig',
    'CreatePodIdentityAssociation',
    'UpdatePodIdentityAssociation',
  ],
  batch: [
    'SubmitJob',
    'SubmitServiceJob',
    'CreateComputeEnvironment',
    'UpdateComputeEnvironment',
    'CreateServiceEnvironment',
    'UpdateServiceEnvironment',
    'CreateJobQueue',
    'UpdateJobQueue',
  ],
  elasticmapreduce: [
    'RunJobFlow',
    'AddInstanceFleet',
    'AddInstanceGroups',
    'ModifyInstanceFleet',
    'ModifyInstanceGroups',
    'PutAutoScalingPolicy',
    'PutManagedScalingPolicy',
    'StartEditor',
    'StartNotebookExecution',
  ],
  'emr-serverless': ['CreateApplication', 'UpdateApplication', 'StartApplication', 'StartJobRun', 'StartSession'],
  'emr-containers': ['CreateVirtualCluster', 'CreateManagedEndpoint', 'StartJobRun'],
  sagemaker: [
    'CreateAutoMLJob*',
    'CreateTrainingJob',
    'UpdateTrainingJob',
    'CreateHyperParameterTuningJob',
    'CreateProcessingJob',
    'CreateTransformJob',
    'CreateCompilationJob',
    'CreateOptimizationJob',
    'CreateInferenceRecommendationsJob',
    'CreateAIBenchmarkJob',
    'CreateLabelingJob',
    'CreateNotebookInstance',
    'StartNotebookInstance',
    'UpdateNotebookInstance',
    'CreateApp',
    'CreateSpace',
    'UpdateSpace',
    'CreateEndpoint',
    'UpdateEndpoint*',
    'CreateInferenceComponent',
    'UpdateInferenceComponent*',
    'CreateInferenceExperiment',
    'StartInferenceExperiment',
    'CreateCluster',
    'UpdateCluster',
    'BatchAddClusterNodes',
    'CreateTrainingPlan',
    'CreateReservedCapacity',
    'StartPipelineExecution',
    'RetryPipelineExecution',
    'CreateMonitoringSchedule',
    'StartMonitoringSchedule',
    'CreateMlflowTrackingServer',
    'StartMlflowTrackingServer',
    'CreatePartnerApp',
    'DeployHubModel',
    'TrainHubModel',
  ],
  // Invoking what exists is not growth. `Add*` is who else may invoke it.
  lambda: ['Create*', 'Update*', 'Put*', 'Add*', 'DeleteFunctionConcurrency'],
  bedrock: [
    // API keys, the short-term ones too, which nothing can keep from being made.
    // https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-permissions.html
    'CallWithBearerToken',
    'CreateProvisionedModelThroughput',
    'UpdateProvisionedModelThroughput',
    'CreateCustomModelDeployment',
    'CreateMarketplaceModelEndpoint',
    'UpdateMarketplaceModelEndpoint',
    'CreateModelCustomizationJob',
    'CreateModelImportJob',
    'CreateModelInvocationJob',
    // More models.
    'CreateFoundationModelAgreement',
    'PutFoundationModelEntitlement',
    'PutUseCaseForModelAccess',
  ],
  'bedrock-mantle': ['CallWithBearerToken', 'CreateFineTuningJob', 'CreateReservation', 'UpdateReservation'],
  // Where a thief goes when EC2 is closed: these launch with roles of their own, which no SCP binds.
  amplify: ['CreateApp', 'CreateBranch', 'CreateDeployment', 'StartDeployment', 'StartJob'],
  apprunner: ['CreateService', 'UpdateService', 'ResumeService', 'StartDeployment'],
  appstream: ['CreateFleet', 'UpdateFleet', 'StartFleet', 'CreateImageBuilder', 'StartImageBuilder'],
  cloud9: ['CreateEnvironmentEC2'],
  codebuild: ['StartBuild*', 'RetryBuild*', 'StartSandbox', 'CreateFleet', 'UpdateFleet'],
  deadline: ['CreateFleet', 'UpdateFleet', 'CreateJob'],
  gamelift: [
    'CreateFleet*',
    'CreateContainerFleet',
    'CreateGameServerGroup',
    'ResumeGameServerGroup',
    'UpdateFleetCapacity',
    'StartFleetActions',
    'PutScalingPolicy',
  ],
  glue: ['StartJobRun', 'CreateSession', 'CreateDevEndpoint', 'StartWorkflowRun'],
  imagebuilder: ['CreateImage', 'StartImagePipelineExecution'],
  lightsail: ['Create*', 'Start*', 'UpdateContainerService'],
  pcs: ['CreateCluster', 'CreateComputeNodeGroup', 'UpdateComputeNodeGroup'],
  workspaces: ['CreateWorkspaces*', 'StartWorkspaces*', 'ModifyWorkspaceProperties', 'UpdateWorkspacesPool'],
  // More room, and more places to hide in. What runs in a region that is disabled runs on and bills, and nobody may look.
  account: ['EnableRegion', 'DisableRegion'],
  savingsplans: ['CreateSavingsPlan'],
  servicequotas: ['RequestServiceQuotaIncrease'],
});

/** New principals, credentials and trust, and whatever could take our deny off a user or a role. */
const IDENTITIES = actions({
  iam: [
    // Users, roles, groups, keys, login profiles, service-specific credentials, providers, policies and their versions.
    'Create*',
    // Inline policies and boundaries, which could also overwrite our deny.
    'Put*',
    'Attach*',
    'Detach*',
    // Into groups, instance profiles, and the clients of providers.
    'Add*',
    'RemoveUserFromGroup',
    // Trust, keys switched on again, passwords, and names: a thief could take an exempt one.
    'Update*',
    'UploadSSHPublicKey',
    'UploadSigningCertificate',
    'ResetServiceSpecificCredential',
    'ChangePassword',
    'EnableMFADevice',
    'EnableOutboundWebIdentityFederation',
    'SetDefaultPolicyVersion',
    'DeleteUserPolicy',
    'DeleteRolePolicy',
    'DeleteGroupPolicy',
    'DeleteUserPermissionsBoundary',
    'DeleteRolePermissionsBoundary',
    'AcceptDelegationRequest',
    'SendDelegationToken',
  ],
  // Certificates that become sessions.
  rolesanywhere: ['Create*', 'Update*', 'Enable*', 'Import*', 'Put*'],
});

const ourRoles = OUR_ROLES_IN_MEMBERS.map(role);
/** It stops, denies and locks out; a release starts and resumes while this policy may still bite. */
const ACTS_HERE = [names.responderRole];

export function quarantine(): Document {
  return document(
    { sid: 'DenyLaunchingCompute', actions: COMPUTE, on: EVERYTHING, exceptFor: ACTS_HERE },
    // Not for StackSets: a thief may have made a role of such a name before the halt. It could only touch our own roles.
    { sid: 'DenyIdentityAndCredentialChanges', actions: IDENTITIES, on: { allBut: ourRoles }, exceptFor: ACTS_HERE },
    // So that a responder that was deleted can be put back while the account is frozen.
    { sid: 'DenyRunawayTrainRoleChanges', actions: ROLE_CHANGES, on: { only: ourRoles }, exceptFor: [STACK_SETS] },
    // Outside of the organization no policy of it holds.
    { sid: 'DenyLeavingTheOrganization', actions: LEAVES, on: EVERYTHING },
  );
}
