/** How the app is laid out: rules that a reader relies on and no compiler keeps. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { it } from 'node:test';
import { REPOSITORY } from './support';

const LIB = path.join(REPOSITORY, 'infra/lib');
const sources = fs
  .readdirSync(LIB, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, text: fs.readFileSync(path.join(LIB, file), 'utf8') }));

it('a file holds one construct at most', () => {
  const constructs = sources.map(({ file, text }) => ({
    file,
    count: text.match(/ extends (Construct|Stack)\b/g)?.length ?? 0,
  }));
  assert.ok(constructs.filter(({ count }) => count === 1).length > 15);
  assert.deepEqual(
    constructs.filter(({ count }) => count > 1),
    [],
  );
});

it('permissions are added to a role in one place, and asked for by methods that say so', () => {
  const adders = sources.filter(({ text }) =>
    /\.(addToPrincipalPolicy|addToPolicy|attachInlinePolicy|addManagedPolicy)\(/.test(text),
  );
  assert.deepEqual(
    adders.map(({ file }) => path.basename(file)),
    ['grant.ts'],
  );
  // To whoever the method is handed, or to itself; never to a third construct.
  const grants = sources.flatMap(({ text }) => [...text.matchAll(/^ +grant\((\w+), \{/gm)].map(([, to]) => to));
  assert.ok(grants.length > 10);
  assert.deepEqual([...new Set(grants)].sort(), ['grantee', 'this']);
  for (const { file, text } of sources) {
    for (const [, method] of text.matchAll(/^ +(\w+)\(grantee: IGrantable\)/gm)) {
      assert.match(method ?? '', /^grant[A-Z]/, file);
    }
  }
});
