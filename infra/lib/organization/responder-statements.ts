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

/** The contract's actions, each on the narrowest resource that IAM knows for it. */
export function responderStatements(account: string): PolicyStatement[] {
  const scopes = [
    // Any resource: these list, and have no resource to name.
    { sid: 'List', resources: ['*'] },
    { sid: 'Instances', resources: [`arn:aws:ec2:*:${account}:instance/*`] },
    { sid: 'Fleets', resources: [`arn:aws:ec2:*:${account}:fleet/*`] },
    { sid: 'SpotFleets', resources: [`arn:aws:ec2:*:${account}:spot-fleet-request/*`] },
    { sid: 'SpotRequests', resources: [`arn:aws:ec2:*:${account}:spot-instances-request/*`] },
    { sid: 'ScalingGroups', resources: [`arn:aws:autoscaling:*:${account}:autoScalingGroup:*:autoScalingGroupName/*`] },
    { sid: 'Roles', resources: [`arn:aws:iam::${account}:role/*`] },
    { sid: 'Users', resources: [`arn:aws:iam::${account}:user/*`] },
    { sid: 'Groups', resources: [`arn:aws:iam::${account}:group/*`] },
    { sid: 'Mfa', resources: [`arn:aws:iam::${account}:mfa/*`] },
  ];
  const actions = [...new Set([...permissions.observe, ...permissions.contain])];
  return scopes.map(
    ({ sid, resources }) =>
      new PolicyStatement({ sid, resources, actions: actions.filter((action) => scopeOf(action) === sid) }),
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
 */
function scopeOf(action: string): string {
  const exact: Record<string, string> = {
    'ec2:DescribeRegions': 'List',
    'ec2:DescribeInstances': 'List',
    'ec2:DescribeFleets': 'List',
    'ec2:DescribeSpotFleetRequests': 'List',
    'ec2:DescribeSpotInstanceRequests': 'List',
    'autoscaling:DescribeAutoScalingGroups': 'List',
    'iam:ListRoles': 'List',
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
    'iam:GetRolePolicy': 'Roles',
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
