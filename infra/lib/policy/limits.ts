/** An account without any limit would never be halted: the one rule about the policy that a JSON Schema cannot say. */
import type { Finding } from './problem';
import type { Limits, PolicyDocument } from './policy';

/** Limits merge key by key and an entry cannot remove one, so an account is without a limit only where the defaults are. */
export function accountsWithoutLimit(policy: PolicyDocument): Finding[] {
  if (limits(policy.defaults.limits)) return [];
  const findings: Finding[] = [
    {
      path: ['defaults', 'limits'],
      what: 'no limit is set, so an account without an entry of its own would never be halted',
      todo: 'Set instances, vcpus or both.',
    },
  ];
  for (const [id, account] of Object.entries(policy.accounts ?? {})) {
    if (limits(account.limits)) continue;
    findings.push({
      path: ['accounts', id],
      atKey: true,
      what: 'no limit is set here or in the defaults, so this account would never be halted',
      todo: 'Set limits.instances, limits.vcpus or both.',
    });
  }
  return findings;
}

function limits(of: Limits | undefined): boolean {
  return typeof of?.instances === 'number' || typeof of?.vcpus === 'number';
}
