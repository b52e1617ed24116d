/**
 * The policy for an account in which nothing must go on: everything is denied to everybody but the guard. It ends every
 * session at once, those of Identity Center, of federation and of services too, and gives all back when it is detached. Only
 * service-linked roles go on, which no service control policy binds.
 */
import { type Document, document, EVERY_ACTION, EVERYTHING, OUR_ROLES_IN_MEMBERS, STACK_SETS } from './deny';

export function lockdown(): Document {
  return document({
    sid: 'DenyEverything',
    actions: EVERY_ACTION,
    on: EVERYTHING,
    // Who stops and locks out, who tells of launches, and who puts either back. A thief may have made a role by the name of
    // StackSets' before the guard came: the halt denies it, and the quarantine binds it.
    exceptFor: [...OUR_ROLES_IN_MEMBERS, STACK_SETS],
    // The payer deletes root's credentials in such a session.
    exceptForAssumedRoot: true,
  });
}
