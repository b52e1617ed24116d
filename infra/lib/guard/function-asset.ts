/** The function's package: the binary and, beside it, the policy it was deployed with. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Stage } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { names } from '../contract';
import type { Policy } from '../policy/policy';

/**
 * Lays the package out in the output folder of this synthesis, which nothing else reads or keeps.
 * A change of the policy thereby changes the package, and a deployment brings it to the function.
 */
export function stageFunction(scope: IConstruct, bootstrapFile: string, policy: Policy): string {
  const outdir = Stage.of(scope)?.outdir;
  if (outdir === undefined) throw new Error('the function can only be packed inside an app');
  const folder = path.join(outdir, 'function');
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const bootstrap = path.join(folder, 'bootstrap');
  fs.copyFileSync(bootstrapFile, bootstrap);
  // Lambda starts it directly.
  fs.chmodSync(bootstrap, 0o755);
  fs.writeFileSync(path.join(folder, names.policyFile), policy.packed);
  return folder;
}
