/** The YAML source: where each value stands, and what YAML itself finds wrong with it. */
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
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
    this.document = parseDocument(text, {
      lineCounter: this.lines,
      prettyErrors: false,
      // Duplicate keys are looked for here, because the parser's own message names only one of the two lines.
      uniqueKeys: false,
      // What JSON has, and nothing else, whichever version of YAML the file claims: a date or a set is packed as something else.
      schema: 'core',
      resolveKnownTags: false,
    });
  }

  /** Plain data, keys as strings. Call it only when `problems` is empty. */
  data(): unknown {
    // One list may stand for hundreds of accounts.
    return this.document.toJS({ maxAliasCount: -1 });
  }

  /**
   * What is wrong before anything is known about the policy: syntax, what cannot be packed as JSON, and keys that stand
   * twice in one map.
   */
  problems(): Problem[] {
    const syntax = this.syntaxProblems();
    // Keys are only what they seem in a file that parses, and aliases only where they lead somewhere.
    if (syntax.length > 0) return syntax;
    const unpackable = this.unpackable();
    return unpackable.length > 0 ? unpackable : this.duplicateKeys();
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
    // A warning is about a tag or a directive that is not known: what it stands for would be lost.
    return [...this.document.errors, ...this.document.warnings].map((error) => {
      const { line, col } = this.lines.linePos(error.pos[0]);
      return {
        file: this.file,
        line,
        column: col,
        path: [],
        what: `not valid YAML: ${error.message.replace(/[.\s]+$/, '')}`,
        todo:
          error.code === 'TAG_RESOLVE_FAILED'
            ? 'Leave the tag out; text that begins with ! is written in quotes.'
            : 'Mend the line; indent with spaces, two a level.',
      };
    });
  }

  /** JSON repeats nothing by its name, and its readers take no text in which half of a character stands alone. */
  private unpackable(): Problem[] {
    const problems: Problem[] = [];
    const add = (node: Node, ancestors: readonly unknown[], problem: Pick<Problem, 'what' | 'found' | 'todo'>) => {
      const { line, col } = this.lines.linePos(node.range?.[0] ?? 0);
      problems.push({ file: this.file, line, column: col, path: pathTo(node, ancestors), ...problem });
    };
    visit(this.document, {
      Alias: (_, alias, ancestors) => {
        const meant = alias.resolve(this.document);
        if (meant !== undefined && !ancestors.includes(meant)) return;
        const what =
          meant === undefined ? 'names an anchor that stands nowhere before it' : 'repeats what it is part of';
        add(alias, ancestors, { what, found: shown(`*${alias.source}`), todo: 'Write out what is meant.' });
      },
      Scalar: (_, scalar, ancestors) => {
        if (typeof scalar.value !== 'string' || !/\p{Surrogate}/u.test(scalar.value)) return;
        const what = 'is not text: half of a character (\\uD800 to \\uDFFF) stands alone';
        add(scalar, ancestors, { what, found: shown(scalar.value), todo: 'Write the character itself.' });
      },
    });
    return problems;
  }

  private duplicateKeys(): Problem[] {
    const problems: Problem[] = [];
    visit(this.document, {
      Map: (_, map, ancestors) => {
        const first = new Map<string, Node>();
        for (const { key } of map.items) {
          const scalar = isAlias(key) ? key.resolve(this.document) : key;
          if (!isScalar(scalar)) continue;
          const word = String(scalar.value);
          const earlier = first.get(word);
          if (earlier === undefined) {
            first.set(word, key as Node);
            continue;
          }
          const here = this.lines.linePos((key as Node).range?.[0] ?? 0);
          const there = this.lines.linePos(earlier.range?.[0] ?? 0);
          problems.push({
            file: this.file,
            line: here.line,
            column: here.col,
            path: [...pathTo(map, ancestors), word],
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

/** The keys and list indexes that lead to a node through what it stands in. */
function pathTo(node: Node, ancestors: readonly unknown[]): Path {
  return ancestors.flatMap<string | number>((ancestor, depth) => {
    if (isPair(ancestor) && isScalar(ancestor.key)) return [String(ancestor.key.value)];
    return isSeq(ancestor) ? ancestor.items.indexOf(ancestors[depth + 1] ?? node) : [];
  });
}
