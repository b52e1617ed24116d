/**
 * What the function and the stack must agree on: names, table keys, metrics, environment, permissions, limits, the queue
 * of launches, and the roles that are never touched.
 *
 * `generated/contract.json` is written by a Rust test from the function's own constants. Everything here reads it;
 * no name is spelled a second time in TypeScript.
 */
import contract from '../generated/contract.json';

export const { names, table, metrics, environment: variables, permissions, limits, neverTouched, launches } = contract;

/** The name of a variable in the function's environment. */
export type VariableName = keyof typeof variables;

/** The topic of an account or an organizational unit that has a notify list of its own. */
export function ownTopic(id: string): string {
  return `${names.topic}-${id}`;
}

/** Stable and not a secret: it ties the responder role to this organization's guard. */
export function externalId(organizationId: string): string {
  return `${names.externalIdPrefix}${organizationId}`;
}
