/**
 * One table of cases for both readers of the policy: what `cdk synth` takes the function takes, and what the one refuses
 * the other refuses. Here the YAML is read as a deployment reads it; the test of the same table in
 * `lambda/core/tests/policy.rs` reads the JSON that comes of it. `UPDATE_GENERATED=1` writes that JSON into the table.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import schema from '../generated/policy.schema.json';
import type { Policy } from '../lib/policy/policy';
import { PolicyProblems } from '../lib/policy/problem';
import { readPolicy } from '../lib/policy/read';
import { Source } from '../lib/policy/source';
import { folder, type Json, REPOSITORY } from './support';

/** Values as they are written in YAML, each with the JSON that is packed of it; null where it comes to none. */
type Column = Record<string, string | null>;

interface Kind {
  readonly of: string;
  /** Keys that take this kind of value, from the top of the policy. */
  readonly at: readonly string[];
  readonly accepted: Column;
  readonly refused: Column;
}

interface Table {
  /** The policy that each value is put into. */
  readonly base: Json;
  /** What no key takes. */
  readonly everywhere: Column;
  readonly kinds: readonly Kind[];
}

const TABLE = path.join(REPOSITORY, 'lambda/core/tests/policies/cases.json');
const file = path.join(folder(), 'runawaytrain.yaml');
const { base, ...written }: Table = JSON.parse(fs.readFileSync(TABLE, 'utf8'));
const keys = [...new Set(written.kinds.flatMap(({ at }) => at))];
const made = `${JSON.stringify(withWhatIsPacked(), null, 2)}\n`;
if (process.env.UPDATE_GENERATED !== undefined) fs.writeFileSync(TABLE, made);
const { everywhere, kinds }: Table = JSON.parse(fs.readFileSync(TABLE, 'utf8'));

/** The base with other text at one key. JSON is YAML, so that only this text is new. */
function placed(at: string, text: string): string {
  const hole = '<hole>';
  const policy = structuredClone(base);
  const steps = at.split('.');
  const last = steps.pop() ?? '';
  let map = policy;
  for (const step of steps) {
    map[step] ??= {};
    map = map[step];
  }
  map[last] = hole;
  return JSON.stringify(policy).replace(JSON.stringify(hole), () => text);
}

/** The policy, or why there is none. */
function read(text: string): Policy | PolicyProblems {
  fs.writeFileSync(file, text);
  try {
    return readPolicy(file);
  } catch (error) {
    if (error instanceof PolicyProblems) return error;
    throw error;
  }
}

/** What would be packed if nobody looked at the value; null where no value comes of the text. */
function packed(at: string, text: string): string | null {
  const source = new Source('runawaytrain.yaml', placed(at, text));
  if (source.problems().length > 0 || source.unquotedAccounts().length > 0) return null;
  const data = source.data();
  const json = JSON.stringify(at.split('.').reduce((value: Json, step) => value[step], data));
  assert.equal(JSON.stringify(data), JSON.stringify(JSON.parse(placed(at, json))), `${text} is one value and no more`);
  return json;
}

function withWhatIsPacked(): Table {
  return {
    base,
    everywhere: columnOf(written.everywhere, keys),
    kinds: written.kinds.map(({ of, at, accepted, refused }) => ({
      of,
      at,
      accepted: columnOf(accepted, at),
      refused: columnOf(refused, at),
    })),
  };
}

function columnOf(column: Column, at: readonly string[]): Column {
  return Object.fromEntries(
    Object.keys(column).map((text) => {
      const [first, ...others] = new Set(at.map((key) => packed(key, text)));
      assert.deepEqual(others, [], `${text} is packed as one thing, whatever the key`);
      return [text, first ?? null];
    }),
  );
}

function assertRefused(at: string, text: string): void {
  const refused = read(placed(at, text));
  assert.ok(refused instanceof PolicyProblems, `${at}: ${text} is taken`);
  for (const { what, todo } of refused.problems) {
    assert.ok(what !== '' && todo !== '' && !refused.message.includes('undefined'), refused.message);
  }
  assert.equal(refused.message.split('\n').length, refused.problems.length, 'each problem is one line');
}

describe('a policy with', () => {
  for (const { of, at, accepted, refused } of kinds) {
    it(`${of} is taken or refused by the value: ${at.join(', ')}`, () => {
      for (const key of at) {
        for (const [text, json] of Object.entries(accepted)) {
          const policy = read(placed(key, text));
          if (policy instanceof PolicyProblems) assert.fail(policy.message);
          assert.deepEqual(JSON.parse(policy.packed), JSON.parse(placed(key, json ?? '')), `${key}: ${text}`);
        }
        for (const text of Object.keys(refused)) assertRefused(key, text);
      }
    });
  }

  it('what no key takes is refused at each', () => {
    for (const text of Object.keys(everywhere)) {
      for (const key of keys) assertRefused(key, text);
    }
  });
});

describe('the table of cases', () => {
  it('has the JSON that is packed of each value', () => {
    assert.equal(
      fs.readFileSync(TABLE, 'utf8'),
      made,
      'cases.json is not what is packed. Run, in infra: UPDATE_GENERATED=1 node --import tsx --test test/policy-cases.test.ts',
    );
  });

  it('has every key of the policy', () => {
    assert.deepEqual(keys.toSorted(), keysOf(schema, '').toSorted());
  });
});

/** Every key that the schema knows, with one account and one unit in the place of all. */
function keysOf(part: Json, at: string): string[] {
  const name = /^#\/\$defs\/(.+)$/.exec(part.$ref ?? '')?.[1];
  if (name !== undefined) return keysOf((schema.$defs as Json)[name], at);
  const ids = Object.entries(part.patternProperties ?? {}).map(([pattern, own]) => {
    const one = ['111111111111', 'ou-exam-12345678'].find((id) => new RegExp(pattern).test(id));
    return [one ?? pattern, own];
  });
  const below: [string, Json][] = Object.entries({ ...part.properties, ...Object.fromEntries(ids) });
  return below.flatMap(([key, value]) => {
    const path = at === '' ? key : `${at}.${key}`;
    return [path, ...keysOf(value, path)];
  });
}
