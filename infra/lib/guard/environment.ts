/** The function's environment: every variable of the contract, and nothing else. */
import { names, type VariableName, variables } from '../contract';
import type { HaltPolicyIds } from '../guardrails/guardrails';

/** The mode that lets the policy decide. An operator sets `pass` in the console to silence the machine at once. */
const LET_THE_POLICY_DECIDE = 'proceed';

/**
 * A record over every name of the contract, so that a variable added on the Rust side does not compile here until
 * someone has said what its value is. `undefined` leaves an optional one unset.
 */
type Environment = Record<VariableName, string | undefined>;

export function environmentOf(where: {
  account: string;
  region: string;
  haltPolicyIds: HaltPolicyIds;
}): Record<string, string> {
  const environment: Environment = {
    snstopic: names.topic,
    snsregion: where.region,
    accountnumber: where.account,
    envaction: LET_THE_POLICY_DECIDE,
    // Unset: it would replace the policy's `defaults.limits.instances`, unseen by whoever reads the policy.
    ec2limit: undefined,
    statetable: names.table,
    quarantinepolicy: where.haltPolicyIds.quarantine,
    modelspolicy: where.haltPolicyIds.models,
    lockdownpolicy: where.haltPolicyIds.lockdown,
    // A name, not a path: the file lies beside the binary.
    policyfile: names.policyFile,
  };
  const set: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined) {
      set[name] = value;
    } else if (variables[name as VariableName] === 'required') {
      throw new Error(`the contract requires the variable ${name}, and the stack does not set it`);
    }
  }
  return set;
}
