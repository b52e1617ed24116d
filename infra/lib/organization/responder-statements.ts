/**
 * Who may become the responder of an account, and what it may do there. The payer's own role is made of this, and a
 * test holds `stacksets/member.yaml` to it, so that the two cannot drift apart.
 */
import { ArnPrincipal, type IPrincipal, PolicyStatement, PrincipalWithConditions } from 'aws-cdk-lib/aws-iam';
import { externalId, names, permissions } from '../contract';

/**
 * The payer's account with conditions, not a role principal: IAM stores a role principal by its unique id, so a guard
 * that was removed and deployed again would never be trusted again.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles
 *
 * `aws:PrincipalArn` is the role's ARN for a role session; the assumed-role form is named as well for evaluators that
 * present the session's.
 */
export function responderTrust(payer: string, organizationId: string): IPrincipal {
  return new PrincipalWithConditions(new ArnPrincipal(`arn:aws:iam::${payer}:root`), {
    ArnLike: {
      'aws:PrincipalArn': [
        `arn:aws:iam::${payer}:role/${names.functionRole}`,
        `arn:aws:sts::${payer}:assumed-role/${names.functionRole}/*`,
      ],
    },
    StringEquals: {
      'sts:ExternalId': externalId(organizationId),
      'aws:PrincipalOrgID': organizationId,
    },
  });
}

/** AWS's own policy that denies everything: how a principal is denied whose inline policies leave no room for ours. */
const DENY_ALL = 'arn:aws:iam::aws:policy/AWSDenyAll';
const DENY_ALL_ALONE = { ArnEquals: { 'iam:PolicyARN': DENY_ALL } };
const BOUND_BY_DENY_ALL = { ArnEquals: { 'iam:PermissionsBoundary': DENY_ALL } };

interface Scope {
  readonly sid: string;
  readonly resources: string[];
  readonly conditions?: Record<string, Record<string, string>>;
}

/** The contract's actions, each on the narrowest resource that IAM knows for it. */
export function responderStatements(account: string): PolicyStatement[] {
  const roles = [`arn:aws:iam::${account}:role/*`];
  const users = [`arn:aws:iam::${account}:user/*`];
  const scopes: Scope[] = [
    // Any resource: these list, and have no resource to name.
    { sid: 'List', resources: ['*'] },
    { sid: 'Instances', resources: [`arn:aws:ec2:*:${account}:instance/*`] },
    { sid: 'Fleets', resources: [`arn:aws:ec2:*:${account}:fleet/*`] },
    { sid: 'SpotFleets', resources: [`arn:aws:ec2:*:${account}:spot-fleet-request/*`] },
    { sid: 'SpotRequests', resources: [`arn:aws:ec2:*:${account}:spot-instances-request/*`] },
    { sid: 'ScalingGroups', resources: [`arn:aws:autoscaling:*:${account}:autoScalingGroup:*:autoScalingGroupName/*`] },
    { sid: 'Roles', resources: roles },
    { sid: 'Simulate', resources: [`arn:aws:iam::${account}:role/${names.responderRole}`] },
    { sid: 'Users', resources: users },
    { sid: 'DenyAll', resources: [DENY_ALL] },
    { sid: 'AttachToRoles', resources: roles, conditions: DENY_ALL_ALONE },
    { sid: 'AttachToUsers', resources: users, conditions: DENY_ALL_ALONE },
    { sid: 'UnboundRoles', resources: roles, conditions: BOUND_BY_DENY_ALL },
    { sid: 'UnboundUsers', resources: users, conditions: BOUND_BY_DENY_ALL },
    { sid: 'Groups', resources: [`arn:aws:iam::${account}:group/*`] },
    { sid: 'Mfa', resources: [`arn:aws:iam::${account}:mfa/*`] },
  ];
  const actions = [...new Set([...permissions.observe, ...permissions.contain])];
  return scopes.map(
    ({ sid, resources, conditions }) =>
      new PolicyStatement({ sid, resources, conditions, actions: actions.filter((action) => scopeOf(action) === sid) }),
  );
}

/** What an IAM user has. Another action of IAM must be given its place by name. */
const USERS =
  /^iam:[A-Z]\w*(User|AccessKey|LoginProfile|MFADevice|SSHPublicKey|SigningCertificate|ServiceSpecificCredential)/;

/**
 * By the service's own table of actions and resources.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html
 *
 * Actions of EC2 name further resources, such as the launch template of a fleet, which count only where a call names
 * them; ours never do. iam:PutRolePolicy has no condition key for the policy's name, so it cannot be narrowed to ours.
 * iam:PutUserPermissionsBoundary and iam:PutRolePermissionsBoundary are not narrowed to AWSDenyAll: a release puts the
 * boundary back that was there before, whichever that was. Only one of AWSDenyAll may be taken off. iam:DetachUserPolicy
 * is not narrowed either: a user that is to be deleted loses every policy. iam:ListServiceSpecificCredentials lists those
 * of all users at once, so it names none. The resource of iam:SimulatePrincipalPolicy is whose policies are simulated: the
 * responder's own.
 */
function scopeOf(action: string): string {
  const exact: Record<string, string> = {
    'ec2:DescribeRegions': 'List',
    'ec2:DescribeInstances': 'List',
    'ec2:DescribeFleets': 'List',
    'ec2:DescribeHosts': 'List',
    'ec2:DescribeCapacityReservations': 'List',
    'ec2:DescribeSpotFleetRequests': 'List',
    'ec2:DescribeSpotInstanceRequests': 'List',
    'autoscaling:DescribeAutoScalingGroups': 'List',
    'iam:GetAccountAuthorizationDetails': 'List',
    'iam:GetAccountSummary': 'List',
    'iam:ListRoles': 'List',
    'iam:ListServiceSpecificCredentials': 'List',
    'iam:ListUsers': 'List',
    'ec2:StopInstances': 'Instances',
    'ec2:StartInstances': 'Instances',
    'ec2:TerminateInstances': 'Instances',
    'ec2:ModifyInstanceAttribute': 'Instances',
    'ec2:ModifyFleet': 'Fleets',
    'ec2:ModifySpotFleetRequest': 'SpotFleets',
    'ec2:CancelSpotInstanceRequests': 'SpotRequests',
    'autoscaling:SuspendProcesses': 'ScalingGroups',
    'autoscaling:ResumeProcesses': 'ScalingGroups',
    'iam:GetRole': 'Roles',
    'iam:GetRolePolicy': 'Roles',
    'iam:PutRolePermissionsBoundary': 'Roles',
    'iam:SimulatePrincipalPolicy': 'Simulate',
    'iam:ListEntitiesForPolicy': 'DenyAll',
    'iam:AttachRolePolicy': 'AttachToRoles',
    'iam:DetachRolePolicy': 'AttachToRoles',
    'iam:AttachUserPolicy': 'AttachToUsers',
    'iam:DeleteRolePermissionsBoundary': 'UnboundRoles',
    'iam:DeleteUserPermissionsBoundary': 'UnboundUsers',
    'iam:PutRolePolicy': 'Roles',
    'iam:RemoveUserFromGroup': 'Groups',
    'iam:DeleteVirtualMFADevice': 'Mfa',
  };
  const scope = exact[action] ?? (USERS.test(action) ? 'Users' : undefined);
  if (scope === undefined) {
    throw new Error(
      `${action} is new in the contract: say here, and in stacksets/member.yaml, which resources it may touch`,
    );
  }
  return scope;
}
