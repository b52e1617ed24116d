/** A problem in the policy file, told so that the reader can mend it without opening another file. */

/** Keys and list indexes from the top of the document. */
export type Path = readonly (string | number)[];

/** What is wrong, before it is known where in the file it stands. */
export interface Finding {
  readonly path: Path;
  /** The key itself is wrong, not its value: point at the key. */
  readonly atKey?: boolean;
  readonly what: string;
  /** As the file has it; absent where there is nothing to show. */
  readonly found?: string;
  readonly todo: string;
}

/** A finding with its place. Lines and columns count from 1. */
export interface Problem extends Finding {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Every problem of one file, in the order of its lines. */
export class PolicyProblems extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const ordered = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
    super(ordered.map(describe).join('\n'));
    this.name = 'PolicyProblems';
    this.problems = ordered;
  }
}

/** `runawaytrain.yaml:12:7  defaults.limits.instances: must be >= 0 (found -3). What to do.` */
export function describe(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  const path = problem.path.length > 0 ? `${pathText(problem.path)}: ` : '';
  const found = problem.found === undefined ? '' : ` (found ${problem.found})`;
  return `${place}  ${path}${problem.what}${found}. ${problem.todo}`;
}

/** `accounts."111111111111".notify[0]`: quoted as in the file, where a key is not a plain word. */
export function pathText(path: Path): string {
  return path
    .map((step, depth) => {
      if (typeof step === 'number') return `[${step}]`;
      const word = /^[A-Za-z_][\w-]*$/.test(step) ? step : JSON.stringify(step);
      return depth === 0 ? word : `.${word}`;
    })
    .join('');
}

/** One line of at most 60 characters, so that a long or multi-line value cannot bury the message. */
export function shown(value: unknown): string {
  // JSON has no number for infinity, and would show null.
  const text = (typeof value === 'number' ? String(value) : JSON.stringify(value)) ?? String(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
