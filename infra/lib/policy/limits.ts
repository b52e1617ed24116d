/**
 * An account without a limit on what runs would never be halted in time: a rule about the policy that a JSON Schema
 * cannot say. `spendMonth` alone is not enough: AWS's estimate lags by hours, and a thief needs ten minutes.
 */

import { limits } from '../contract';
import type { Limits, PolicyDocument } from './policy';
import type { Finding } from './problem';

/** The keys of the limits on what runs, as the function's own table has them. */
const RUNNING: readonly string[] = limits.filter((limit) => limit.running).map((limit) => limit.key);

/** Limits merge key by key and an entry cannot remove one, so an account is without a limit only where the defaults are. */
export function accountsWithoutLimit(policy: PolicyDocument): Finding[] {
  if (holds(policy.defaults.limits)) return [];
  const findings: Finding[] = [
    {
      path: ['defaults', 'limits'],
      what: 'no limit on what runs is set, so an account without an entry of its own would never be halted in time',
      todo: `Set at least one of ${listed(RUNNING)}.`,
    },
  ];
  for (const [id, account] of Object.entries(policy.accounts ?? {})) {
    if (holds(account.limits)) continue;
    findings.push({
      path: ['accounts', id],
      atKey: true,
      what: 'no limit on what runs is set here or in the defaults, so this account would never be halted in time',
      todo: `Set at least one of ${listed(RUNNING.map((key) => `limits.${key}`))}.`,
    });
  }
  return findings;
}

function holds(of: Limits | undefined): boolean {
  return RUNNING.some((key) => typeof of?.[key] === 'number');
}

/** `a, b and c` */
function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
