/** Which stack has what an account or an organizational unit has of its own. */

/** Two digits follow. `lambda/operator/src/stacks.rs` and `scripts/demo_lib/deploy.py` know the stacks by this name. */
const NAME = 'RunawayTrainAccounts';
/** For good: by another number most accounts would move, their topics be made anew, and every address have to confirm again. */
export const STACKS = 20;

/** The last characters of a unit's id that are read as one number: more of them would not be a whole one. */
const UNIT_DIGITS = 8;

/** By the id alone, so that whoever owns something stays where it is, whoever else comes or goes. */
export function remainderOf(id: string): number {
  return (id.startsWith('ou-') ? Number.parseInt(id.slice(-UNIT_DIGITS), 36) : Number(id)) % STACKS;
}

export function stackAt(remainder: number): string {
  return `${NAME}${String(remainder).padStart(2, '0')}`;
}

export function stackOf(id: string): string {
  return stackAt(remainderOf(id));
}
