/**
 * How permissions are given in this app: whoever has a resource offers a method `grantX(grantee)` on it, and the stack
 * calls it. No construct writes into the role of another one, so a resource and who may use it are read in one place.
 */
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct, type IConstruct } from 'constructs';
import { wide } from './wildcards';

export interface Permission {
  /** What the statement is called where somebody reads the role. */
  readonly sid: string;
  readonly actions: string[];
  readonly resources: string[];
  readonly conditions?: Record<string, unknown>;
  /** Why no narrower resource will do, where one of them is a pattern. */
  readonly because?: string;
}

/** Adds one statement to the policy of the grantee. CDK's own `Grant` would leave it without a name. */
export function grant(grantee: IGrantable, { because, ...statement }: Permission): void {
  if (because !== undefined) {
    wide(holderOf(grantee), because, ...statement.resources.filter((one) => one.includes('*')));
  }
  const { statementAdded } = grantee.grantPrincipal.addToPrincipalPolicy(new PolicyStatement(statement));
  // A service or an imported role: it would go without, and nobody would hear of it before the first refusal.
  if (!statementAdded) throw new Error(`${statement.sid}: this grantee has no policy of its own to add to`);
}

/** The construct that the policy is made in, or one around it. */
function holderOf(grantee: IGrantable): IConstruct {
  for (const one of [grantee, grantee.grantPrincipal]) if (Construct.isConstruct(one)) return one;
  throw new Error('this grantee is no part of the app');
}
