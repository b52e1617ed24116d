/**
 * An account without a limit on what runs would never be halted in time: the one rule about the policy that a JSON Schema
 * cannot say. `spendMonth` alone is not enough: AWS's estimate lags by hours, and a thief needs ten minutes.
 */

import type { Limits, PolicyDocument } from './policy';
import type { Finding } from './problem';

/** Limits merge key by key and an entry cannot remove one, so an account is without a limit only where the defaults are. */
export function accountsWithoutLimit(policy: PolicyDocument): Finding[] {
  if (holds(policy.defaults.limits)) return [];
  const findings: Finding[] = [
    {
      path: ['defaults', 'limits'],
      what: 'no limit on what runs is set, so an account without an entry of its own would never be halted in time',
      todo: 'Set at least one of instances, vcpus and burn.',
    },
  ];
  for (const [id, account] of Object.entries(policy.accounts ?? {})) {
    if (holds(account.limits)) continue;
    findings.push({
      path: ['accounts', id],
      atKey: true,
      what: 'no limit on what runs is set here or in the defaults, so this account would never be halted in time',
      todo: 'Set at least one of limits.instances, limits.vcpus and limits.burn.',
    });
  }
  return findings;
}

function holds(of: Limits | undefined): boolean {
  return [of?.instances, of?.vcpus, of?.burn].some((limit) => typeof limit === 'number');
}
