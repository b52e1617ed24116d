/** The YAML source: where each value stands, and what YAML itself finds wrong with it. */
import {
  type Document,
  isMap,
  isScalar,
  LineCounter,
  type Pair,
  parseDocument,
  type Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import { type Finding, type Path, type Problem, shown } from './problem';

export class Source {
  private readonly document: Document.Parsed;
  private readonly lines = new LineCounter();

  constructor(
    private readonly file: string,
    text: string,
  ) {
    // Duplicate keys are looked for here, because the parser's own message names only one of the two lines.
    this.document = parseDocument(text, { lineCounter: this.lines, uniqueKeys: false, prettyErrors: false });
  }

  /** Plain data, keys as strings. Call it only when `problems` is empty. */
  data(): unknown {
    return this.document.toJS();
  }

  /** What is wrong before anything is known about the policy: syntax, and keys that stand twice in one map. */
  problems(): Problem[] {
    const syntax = this.syntaxProblems();
    // Keys are only what they seem in a file that parses.
    return syntax.length > 0 ? syntax : this.duplicateKeys();
  }

  /** Account ids that YAML read as numbers, because they are not in quotes. */
  unquotedAccounts(): Finding[] {
    const accounts = this.document.get('accounts');
    if (!isMap(accounts)) return [];
    return accounts.items.flatMap((pair) => {
      const key = pair.key;
      if (!isScalar(key) || typeof key.value !== 'number') return [];
      return [
        {
          path: ['accounts', String(key.value)],
          atKey: true,
          what: 'an account id must be text, and YAML reads this as a number',
          found: key.source ?? shown(key.value),
          todo: `Write it in quotes: "${key.source ?? String(key.value)}".`,
        },
      ];
    });
  }

  /** Gives a finding its line and column; what is missing is placed at the nearest thing around it. */
  place(finding: Finding): Problem {
    const offset = (finding.atKey ? this.keyOffset(finding.path) : this.valueOffset(finding.path)) ?? 0;
    const { line, col } = this.lines.linePos(offset);
    return { ...finding, file: this.file, line, column: col };
  }

  private syntaxProblems(): Problem[] {
    return this.document.errors.map((error) => {
      const { line, col } = this.lines.linePos(error.pos[0]);
      return {
        file: this.file,
        line,
        column: col,
        path: [],
        what: `not valid YAML: ${error.message.replace(/[.\s]+$/, '')}`,
        todo: 'Mend the line; indent with spaces, two a level.',
      };
    });
  }

  private duplicateKeys(): Problem[] {
    const problems: Problem[] = [];
    visit(this.document, {
      Map: (_, map, ancestors) => {
        const first = new Map<string, Scalar>();
        for (const { key } of map.items) {
          if (!isScalar(key)) continue;
          const word = String(key.value);
          const earlier = first.get(word);
          if (earlier === undefined) {
            first.set(word, key);
            continue;
          }
          const here = this.lines.linePos(key.range?.[0] ?? 0);
          const there = this.lines.linePos(earlier.range?.[0] ?? 0);
          problems.push({
            file: this.file,
            line: here.line,
            column: here.col,
            path: [...keysAbove(ancestors), word],
            what: `stands twice, first on line ${there.line} and again on line ${here.line}`,
            todo: 'Keep one of the two.',
          });
        }
      },
    });
    return problems;
  }

  private valueOffset(path: Path): number | undefined {
    for (let depth = path.length; depth >= 0; depth -= 1) {
      const node = depth === 0 ? this.document.contents : this.document.getIn(this.keysOf(path.slice(0, depth)), true);
      const offset = (node as { range?: [number, number, number] | null } | null | undefined)?.range?.[0];
      if (offset !== undefined) return offset;
    }
    return undefined;
  }

  private keyOffset(path: Path): number | undefined {
    const parent =
      path.length === 1 ? this.document.contents : this.document.getIn(this.keysOf(path.slice(0, -1)), true);
    const key = isMap(parent) ? pairOf(parent, path[path.length - 1])?.key : undefined;
    return isScalar(key) ? key.range?.[0] : this.valueOffset(path);
  }

  /** The path with the keys' own types: an unquoted account id is a number in the document. */
  private keysOf(path: Path): (string | number)[] {
    const keys: (string | number)[] = [];
    for (const step of path) {
      const parent = keys.length === 0 ? this.document.contents : this.document.getIn(keys, true);
      const key = isMap(parent) ? pairOf(parent, step)?.key : undefined;
      keys.push(isScalar(key) && typeof key.value === 'number' ? key.value : step);
    }
    return keys;
  }
}

function pairOf(map: YAMLMap, step: string | number | undefined): Pair | undefined {
  return map.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
}

function keysAbove(ancestors: readonly unknown[]): string[] {
  return ancestors.flatMap((ancestor) => {
    const key = (ancestor as { key?: unknown }).key;
    return isScalar(key) ? [String(key.value)] : [];
  });
}
