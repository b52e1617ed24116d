/**
 * The policy over every enrolled account: nobody inside may switch the guard off. It is always there, so it denies no
 * more than that.
 */
import { names } from '../contract';
import {
  actions,
  type Document,
  document,
  EVERYTHING,
  LEAVES,
  PAYERS_ADMIN,
  ROLE_CHANGES,
  roleAnywhere,
  STACK_SETS,
} from './deny';

/** What deploys our pieces. Both are themselves guarded below, or exempting them would be a way in. */
const DEPLOY = [STACK_SETS, PAYERS_ADMIN];

/** Control Tower makes its roles in an account with this one. */
const CONTROL_TOWER = 'AWSControlTowerExecution';

/** A halt revokes sessions of these roles, and denies one that looks forged. Nobody inside can become it: it is guarded below. */
const LOCKS_OUT = names.responderRole;

/** Our rules, alarms and stacks are all named so. */
const ours = `${names.function}-*`;

export function protect(): Document {
  return document(
    {
      // No halt touches a role of these names, so a thief would like to have one.
      // Those of the payer are among them: the same names mean nothing here, and nobody else needs them.
      sid: 'DenyRunawayTrainRoleChanges',
      actions: ROLE_CHANGES,
      on: {
        only: [names.responderRole, names.forwarderRole, names.functionRole, names.releaseRole].flatMap(roleAnywhere),
      },
      exceptFor: DEPLOY,
    },
    {
      // A halt denies such a role only where it looks forged.
      sid: 'DenyDeploymentRoleChanges',
      actions: ROLE_CHANGES,
      on: { only: DEPLOY.flatMap(roleAnywhere) },
      exceptFor: [...DEPLOY, LOCKS_OUT],
    },
    {
      // Nor these. The CDK's are missing: members bootstrap it themselves.
      sid: 'DenyPlatformRoleChanges',
      actions: ROLE_CHANGES,
      on: { only: ['AWSControlTower*', 'aws-controltower-*', 'AWSCloudFormationStackSet*'].flatMap(roleAnywhere) },
      exceptFor: [...DEPLOY, CONTROL_TOWER, LOCKS_OUT],
    },
    {
      sid: 'DenyRunawayTrainRuleChanges',
      actions: actions({
        events: [
          'PutRule',
          'DeleteRule',
          'EnableRule',
          'DisableRule',
          'PutTargets',
          'RemoveTargets',
          'TagResource',
          'UntagResource',
        ],
      }),
      on: { only: [`arn:aws:events:*:*:rule/${ours}`] },
      exceptFor: DEPLOY,
    },
    {
      sid: 'DenyRunawayTrainAlarmChanges',
      actions: actions({
        cloudwatch: [
          'PutMetricAlarm',
          'PutCompositeAlarm',
          'DeleteAlarms',
          'EnableAlarmActions',
          'DisableAlarmActions',
          'SetAlarmState',
          // A mute rule names the alarms that it silences.
          'PutAlarmMuteRule',
          'TagResource',
          'UntagResource',
        ],
      }),
      on: { only: [`arn:aws:cloudwatch:*:*:alarm:${ours}`] },
      exceptFor: DEPLOY,
    },
    {
      sid: 'DenyRunawayTrainStackChanges',
      actions: actions({
        cloudformation: [
          'CreateStack',
          'UpdateStack',
          'DeleteStack',
          'RollbackStack',
          'CancelUpdateStack',
          'ContinueUpdateRollback',
          'CreateChangeSet',
          'ExecuteChangeSet',
          'CreateStackRefactor',
          'ExecuteStackRefactor',
          'SetStackPolicy',
          'UpdateTerminationProtection',
          'SignalResource',
          'TagResource',
          'UntagResource',
        ],
      }),
      // A stack set's instance is named after its set.
      on: { only: [`arn:aws:cloudformation:*:*:stack/${ours}`, `arn:aws:cloudformation:*:*:stack/StackSet-${ours}`] },
      exceptFor: DEPLOY,
    },
    // What runs in a region that is disabled runs on and bills, and the guard may not look at it any more.
    { sid: 'DenyDisablingRegions', actions: ['account:DisableRegion'], on: EVERYTHING, exceptFor: [PAYERS_ADMIN] },
    // Outside of the organization no policy of it holds.
    { sid: 'DenyLeavingTheOrganization', actions: LEAVES, on: EVERYTHING },
  );
}
