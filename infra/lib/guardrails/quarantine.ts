/**
 * The policy that a halt attaches to an account. It denies growth: more compute, databases and streams, purchases, text
 * messages, more principals, more credentials. It does not deny what runs: no read, no data, no event, no backup, nothing
 * that stops or deletes. What it leaves open, and why, is in `docs/containment.md`.
 *
 * It binds every principal of the account, and denies the root user everything. It does not bind service-linked roles: an
 * Auto Scaling group that exists goes on launching until its processes are suspended, which the halt does besides.
 * https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html#not-restricted-by-scp
 *
 * A wildcard stands wherever all that it catches is growth, or a setting beside it that costs nothing: room is short. Tests
 * hold each to what AWS's services can be asked to do.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 * https://aws.amazon.com/blogs/security/unlock-new-possibilities-aws-organizations-service-control-policy-now-supports-full-iam-language
 */
import { names } from '../contract';
import {
  actions,
  createOrUpdate,
  type Document,
  document,
  EVERY_ACTION,
  EVERYTHING,
  LEAVES,
  OUR_ROLES_IN_MEMBERS,
  ROLE_CHANGES,
  ROOT_USER,
  role,
  STACK_SETS,
} from './deny';

/** More compute, by the services through which stolen accounts are burnt. */
const COMPUTE = actions({
  ec2: [
    'Run*Instances',
    'StartInstances',
    'ImportInstance',
    'CreateFleet',
    'Modify*Fleet*',
    'RequestSpot*',
    'CreateLaunchTemplate*',
    'ModifyLaunchTemplate',
    // Larger types, and the protections that a halt takes off.
    'ModifyInstanceAttribute',
    'Modify*CreditSpecification',
    // A running instance could be started anew from another image, or take a stronger role on.
    'CreateReplaceRootVolumeTask',
    'AssociateIam*',
    'ReplaceIam*',
    'EnableFast*',
    'AllocateHosts',
    'CreateCapacityReservation',
    'CreateCapacityReservationFleet',
    'ModifyCapacityReservation',
    // Also what the EBS CSI driver calls for a claim that is new or grows.
    'CreateVolume',
    'CopyVolumes',
    'ModifyVolume',
  ],
  autoscaling: [
    'CreateAuto*',
    'CreateLaunch*',
    'UpdateAuto*',
    'SetDesired*',
    'Resume*',
    'Start*',
    'Rollback*',
    'Launch*',
    'AttachInstances',
    'Exit*',
    'Execute*',
    'PutSc*',
    'BatchPut*',
    'PutWarm*',
  ],
  'autoscaling-plans': createOrUpdate('ScalingPlan'),
  'application-autoscaling': ['Register*', 'Put*'],
  ecs: [
    'Run*',
    'StartTask',
    'Create*',
    'Update*Service',
    'UpdateTaskSet',
    'UpdateDaemon',
    'UpdateCapacity*',
    'PutClusterCapacity*',
  ],
  // Node groups, Auto Mode, add-ons with roles, and who may enter a cluster.
  eks: ['Create*', 'Update*', 'Associate*'],
  batch: ['Submit*', 'Create*', 'Update*'],
  elasticmapreduce: ['Run*', 'AddInstance*', 'ModifyInstance*', 'Put*ScalingPolicy', 'Start*'],
  'emr-serverless': [...createOrUpdate('Application'), 'Start*'],
  'emr-containers': ['CreateVirtual*', 'CreateManaged*', 'Start*'],
  sagemaker: [
    'Create*Job',
    'CreateAutoMLJobV2',
    'UpdateTrainingJob',
    ...createOrUpdate('NotebookInstance', 'Space', 'Endpoint*', 'Inference*', 'Cluster', 'Mlflow*', 'PartnerApp'),
    'CreateApp',
    'CreateMonitoring*',
    'BatchAdd*',
    'BatchReplace*',
    // Inference experiments, MLflow and monitoring, notebooks, pipelines. `StartHumanLoop` is a data plane.
    'StartI*',
    'StartM*',
    'StartN*',
    'StartP*',
    'RetryP*',
    'DeployHub*',
    'TrainHub*',
  ],
  // Invoking what exists is not growth. `Add*` is who else may invoke it, `Run*` and `Resume*` are MicroVMs.
  lambda: ['Create*', 'Update*', 'Put*', 'Add*', 'DeleteFunctionConcurrency', 'Run*', 'Resume*'],
  // What trains, runs in bulk or keeps models ready, and more of them. Calling one is in `models.ts`.
  bedrock: [
    'Create*Job',
    ...createOrUpdate('Provisioned*', 'Marketplace*'),
    'CreateCustomModelDeployment',
    'CreateKnowledgeBase',
    'CreateFoundation*',
    'PutFoundation*',
    'PutUseCase*',
  ],
  'bedrock-mantle': ['CreateFineTuningJob'],
  // Where a thief goes when EC2 is closed: these launch with roles of their own, which no SCP binds.
  amplify: ['Create*', 'Start*'],
  apprunner: [...createOrUpdate('Service'), 'Resume*', 'Start*'],
  appstream: ['CreateFleet', 'UpdateFleet', 'Create*Builder', 'Start*'],
  athena: createOrUpdate('Capacity*'),
  braket: ['CreateJob', 'CreateQuantumTask'],
  cloud9: ['CreateEnvironmentEC2'],
  // A webhook starts builds of whatever its project says.
  codebuild: ['Start*', 'Retry*', ...createOrUpdate('Fleet', 'Project', 'Webhook')],
  databrew: ['Start*', ...createOrUpdate('Schedule')],
  deadline: ['CreateFleet', 'UpdateFleet', 'CreateJob'],
  evs: ['CreateEnvironment*'],
  gamelift: [
    'Create*Fleet*',
    ...createOrUpdate('GameServerGroup'),
    'Resume*',
    'UpdateFleetCapacity',
    'UpdateContainerFleet',
    'StartFleet*',
    'PutScaling*',
  ],
  gameliftstreams: [...createOrUpdate('StreamGroup'), 'Add*', 'Start*'],
  globalaccelerator: ['Create*Accelerator'],
  // Triggers and crawlers run by the clock. The catalog's tables and partitions are data.
  glue: ['Start*', 'Resume*', 'Run*', ...createOrUpdate('Crawler', 'Job', 'Trigger'), 'CreateSession', 'CreateDev*'],
  imagebuilder: ['CreateImage*', 'UpdateImage*', 'StartImage*', 'Retry*', 'Import*Image'],
  lightsail: ['Create*', 'Start*', 'UpdateContainer*'],
  m2: createOrUpdate('Environment'),
  mediaconvert: ['CreateJob'],
  medialive: ['CreateChannel', 'StartChannel', 'CreateMultiplex', 'StartMultiplex', 'BatchStart'],
  networkmanager: ['CreateCoreNetwork'],
  omics: ['StartRun*'],
  pcs: ['Create*', 'Update*'],
  workspaces: ['Create*Workspaces*', 'Start*', 'ModifyWorkspaceProperties', 'UpdateWorkspacesPool'],
  'workspaces-instances': ['Create*'],
  // More room, and more places to hide in. What runs in a region that is disabled runs on and bills, and nobody may look.
  account: ['EnableRegion', 'DisableRegion'],
  servicequotas: ['RequestServiceQuota*', 'StartAuto*'],
});

/** At default quotas these cost as much as EC2. Snapshots and backups stay open, as do users within a database. */
const DATABASES = actions({
  rds: [
    'CreateDBInstance*',
    'CreateDBCluster',
    'CreateDBShard*',
    'CreateDBProxy',
    'CreateGlobal*',
    'CreateBlueGreen*',
    'Restore*',
    'StartDB*',
    'ModifyDBInstance',
    'ModifyDBCluster',
    'ModifyDBShard*',
    'ModifyCurrent*',
  ],
  redshift: [
    'CreateCluster',
    'ModifyCluster',
    'Restore*',
    'Resize*',
    'Resume*',
    'CreateScheduled*',
    'ModifyScheduled*',
  ],
  'redshift-serverless': [...createOrUpdate('Workgroup'), 'Restore*'],
  elasticache: [
    'CreateCacheCluster',
    'ModifyCacheCluster',
    'Create*ReplicationGroup',
    'Modify*ReplicationGroup*',
    'CreateServerlessCache',
    'ModifyServerless*',
    'Increase*',
  ],
  memorydb: ['Create*Cluster', 'Update*Cluster'],
  dax: ['CreateCluster', 'Increase*'],
  es: ['Create*Domain', 'Update*DomainConfig'],
  aoss: ['CreateCollection*', 'UpdateCollectionGroup', 'UpdateAccount*'],
  osis: ['CreatePipeline', 'UpdatePipeline', 'Start*'],
  kafka: ['CreateCluster*', 'CreateReplicator', 'UpdateBroker*', 'UpdateStorage'],
  kafkaconnect: createOrUpdate('Connector'),
  // The settings of the account commit to a throughput.
  kinesis: ['CreateStream', 'UpdateShard*', 'UpdateStream*', 'UpdateAccount*', 'SplitShard', 'RegisterStreamConsumer'],
  kinesisanalytics: [...createOrUpdate('Application'), 'StartApp*'],
  // Replicas in other regions and accounts, too.
  dynamodb: [...createOrUpdate('Table*', 'GlobalTable*'), 'Restore*', 'Import*'],
  'neptune-graph': [...createOrUpdate('Graph'), 'CreateGraphUsing*', 'StartGraph', 'StartImport*', 'Restore*'],
  'docdb-elastic': [...createOrUpdate('Cluster'), 'Restore*', 'Start*'],
  'timestream-influxdb': ['CreateDbCluster', 'CreateDbInstance', 'Update*', 'Restore*'],
  fsx: ['CreateFile*', 'UpdateFile*'],
  mq: ['Create*Broker', 'UpdateBroker'],
  airflow: createOrUpdate('Environment'),
  dms: [
    'CreateReplication*',
    'ModifyReplication*',
    'StartReplication',
    'StartReplicationTask',
    'CreateDataM*',
    'StartDataM*',
  ],
  odb: [
    'CreateCloud*',
    'CreateEx*',
    ...createOrUpdate('AutonomousDatabase'),
    'CreateDbNode',
    'Start*',
    'UpdateEx*',
    'AssociateVirtual*',
  ],
  'acm-pca': ['CreateCertificateAuthority'],
  cloudhsm: ['CreateHsm'],
  kendra: createOrUpdate('Index'),
  rekognition: ['StartProjectVersion'],
  comprehend: createOrUpdate('Endpoint'),
});

/** One call each, and it bills for months or years: only AWS's support can undo it. */
const PURCHASES = actions({
  ec2: ['Purchase*', 'Accept*Reserv*', 'ModifyReserved*'],
  savingsplans: ['Create*'],
  rds: ['Purchase*'],
  redshift: ['Purchase*', 'AcceptReserved*'],
  'redshift-serverless': ['CreateReservation'],
  elasticache: ['Purchase*'],
  memorydb: ['Purchase*'],
  es: ['Purchase*'],
  dynamodb: ['Purchase*'],
  glacier: ['Purchase*'],
  sagemaker: ['CreateTrainingPlan', 'Extend*', 'CreateReserved*'],
  'bedrock-mantle': createOrUpdate('Reservation'),
  medialive: ['Purchase*'],
  mediaconnect: ['Purchase*'],
  // A queue may be reserved for a year.
  mediaconvert: createOrUpdate('Queue'),
  devicefarm: ['Purchase*', 'Renew*'],
  'aws-marketplace': ['Subscribe', 'AcceptAgreementRequest', 'AcceptAgreementPayment*', 'CreateAgreementRequest'],
  shield: ['CreateSubscription'],
  supportplans: ['Create*', 'Start*', 'Accept*'],
  quicksight: ['Subscribe', 'CreateAccountSubscription'],
  'user-subscriptions': ['Create*', 'Confirm*', 'SetAuto*', 'SetOverage*'],
  route53domains: ['RegisterDomain', 'TransferDomain', 'RenewDomain'],
  // Machines by mail.
  outposts: ['CreateOrder', 'CreateRenewal'],
  snowball: ['CreateCluster', 'CreateJob', 'CreateLong*'],
});

/** A text message costs cents, and a thief who owns the numbers earns by each. */
const MESSAGES = actions({
  sns: ['Publish'],
  'sms-voice': ['Request*', 'Send*'],
  // Numbers, and what calls from them.
  connect: ['CreateInstance', 'ClaimPhoneNumber'],
  chime: ['CreatePhoneNumberOrder'],
});
/** Publishing to a topic or to an app on a phone names one of these, and publishing to a phone number names none. */
const TOPICS = 'arn:aws:sns:*:*:*';

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
    'UploadSSH*',
    'UploadSigning*',
    'ResetService*',
    'ChangePassword',
    // MFA devices, and tokens for services outside.
    'Enable*',
    'SetDefaultPolicyVersion',
    'DeleteUserPolicy',
    'DeleteRolePolicy',
    'DeleteGroupPolicy',
    'Delete*Boundary',
    // Delegations.
    'Accept*',
    'Send*',
  ],
  // Certificates that become sessions.
  rolesanywhere: ['Create*', 'Update*', 'Enable*', 'Import*', 'Put*'],
  // Other ways from outside to a role: devices, app users, machines elsewhere.
  iot: createOrUpdate('RoleAlias'),
  'cognito-identity': ['SetIdentityPoolRoles'],
  ssm: ['CreateActivation'],
  // API keys, the short-term ones too, which nothing can keep from being made.
  // https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-permissions.html
  bedrock: ['CallWith*'],
  'bedrock-mantle': ['CallWith*'],
  'aws-external-anthropic': ['CallWith*'],
  sagemaker: ['CallWith*'],
});

const ourRoles = OUR_ROLES_IN_MEMBERS.map(role);
/** It stops, denies and locks out; a release starts and resumes while this policy may still bite. */
const ACTS_HERE = [names.responderRole];

export function quarantine(): Document {
  return document(
    { sid: 'DenyLaunchingCompute', actions: COMPUTE, on: EVERYTHING, exceptFor: ACTS_HERE },
    { sid: 'DenyLaunchingDatabasesAndStreams', actions: DATABASES, on: EVERYTHING, exceptFor: ACTS_HERE },
    { sid: 'DenyPurchasesAndSubscriptions', actions: PURCHASES, on: EVERYTHING },
    { sid: 'DenyTextMessagesAndPhoneNumbers', actions: MESSAGES, on: { allBut: [TOPICS] } },
    // Not for StackSets: a thief may have made a role of such a name before the halt. It could only touch our own roles.
    { sid: 'DenyIdentityAndCredentialChanges', actions: IDENTITIES, on: { allBut: ourRoles }, exceptFor: ACTS_HERE },
    // So that a responder that was deleted can be put back while the account is frozen.
    { sid: 'DenyRunawayTrainRoleChanges', actions: ROLE_CHANGES, on: { only: ourRoles }, exceptFor: [STACK_SETS] },
    // Outside of the organization no policy of it holds.
    { sid: 'DenyLeavingTheOrganization', actions: LEAVES, on: EVERYTHING },
    // Nothing inside can lock it out, and no workload runs as it. The payer deletes its credentials in such a session.
    {
      sid: 'DenyRootUser',
      actions: EVERY_ACTION,
      on: EVERYTHING,
      onlyFor: [ROOT_USER],
      exceptForAssumedRoot: true,
    },
  );
}
