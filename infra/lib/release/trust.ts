/** Whom AWS believes: one repository's workflow runs in one environment, by the token that GitHub signs for each job. */
import { WebIdentityPrincipal } from 'aws-cdk-lib/aws-iam';

/** https://docs.github.com/en/actions/reference/security/oidc */
export const ISSUER = 'token.actions.githubusercontent.com';
/** What configure-aws-credentials asks GitHub to make the token for. */
export const AUDIENCE = 'sts.amazonaws.com';

/**
 * Both claims are compared whole. A pattern in `sub` would let in other branches, pull requests or repositories of the
 * owner; without `aud` a token that was made for another service would do. Repositories that were made or renamed since
 * 15 July 2026 are named with their ids, which nobody can take over.
 * https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html#idp_oidc_Create_GitHub
 */
export function jobsOf(providerArn: string, repository: string, environment: string): WebIdentityPrincipal {
  return new WebIdentityPrincipal(providerArn, {
    StringEquals: {
      [`${ISSUER}:aud`]: AUDIENCE,
      [`${ISSUER}:sub`]: `repo:${repository}:environment:${environment}`,
    },
  });
}
