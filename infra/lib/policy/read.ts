/** From the policy file to a checked policy, or to every problem in it at once. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { crowdedStacks } from './crowding';
import { accountsWithoutLimit } from './limits';
import { Policy, type PolicyDocument } from './policy';
import { PolicyProblems } from './problem';
import { schemaFindings } from './schema';
import { Source } from './source';

/** @throws PolicyProblems when the file is missing or anything in it is wrong. */
export function readPolicy(file: string): Policy {
  const name = path.basename(file);
  const source = new Source(name, textOf(file, name));

  const broken = source.problems();
  if (broken.length > 0) throw new PolicyProblems(broken);

  const data = source.data();
  const unquoted = source.unquotedAccounts();
  const said = new Set(unquoted.map((finding) => JSON.stringify(finding.path)));
  const misfits = schemaFindings(data).filter((finding) => !said.has(JSON.stringify(finding.path)));
  const findings = [...unquoted, ...misfits];
  const policy = new Policy(data as PolicyDocument);
  if (findings.length === 0) findings.push(...accountsWithoutLimit(policy.document), ...crowdedStacks(policy));
  if (findings.length > 0) throw new PolicyProblems(findings.map((finding) => source.place(finding)));
  return policy;
}

function textOf(file: string, name: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
    throw new PolicyProblems([
      {
        file: name,
        line: 1,
        column: 1,
        path: [],
        what: `the policy cannot be read: ${reason}`,
        found: file,
        todo: 'Name the file with -c policy=PATH.',
      },
    ]);
  }
}
