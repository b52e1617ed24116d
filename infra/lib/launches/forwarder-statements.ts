/**
 * The role with which EventBridge carries launch events from an account to the payer's bus. The payer's own role is made
 * of this, and a test holds `stacksets/member.yaml` to it.
 */
import { type IPrincipal, PolicyStatement, PrincipalWithConditions, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { names } from '../contract';

/**
 * EventBridge, on behalf of our rule in this account and of nothing else: without the conditions any rule of any account
 * could name the role.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html
 */
export function forwarderTrust(account: string): IPrincipal {
  return new PrincipalWithConditions(new ServicePrincipal('events.amazonaws.com'), {
    StringEquals: { 'aws:SourceAccount': account },
    ArnLike: { 'aws:SourceArn': `arn:aws:events:*:${account}:rule/${names.launchRule}` },
  });
}

export function forwarderStatements(payer: string): PolicyStatement[] {
  return [new PolicyStatement({ sid: 'Forward', actions: ['events:PutEvents'], resources: [busArn(payer)] })];
}

/** The bus that launch events are carried to. */
export function busArn(payer: string): string {
  return `arn:aws:events:${names.homeRegion}:${payer}:event-bus/${names.bus}`;
}
