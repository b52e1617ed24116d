/** Which stack has what an account has of its own. */

/** Two digits follow. `lambda/operator/src/stacks.rs` and `scripts/demo_lib/deploy.py` know the stacks by this name. */
const NAME = 'RunawayTrainAccounts';
/** For good: by another number most accounts would move, their topics be made anew, and every address have to confirm again. */
export const STACKS = 20;

/** By the id alone, so that an account stays where it is, whoever else comes or goes. */
export function remainderOf(account: string): number {
  return Number(account) % STACKS;
}

export function stackAt(remainder: number): string {
  return `${NAME}${String(remainder).padStart(2, '0')}`;
}

export function stackOf(account: string): string {
  return stackAt(remainderOf(account));
}
