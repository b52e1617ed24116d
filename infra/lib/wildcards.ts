/** Resources that are named by a pattern, each with the reason. cdk-nag refuses a pattern without one. */
import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * @param within where the statement ends up: the role, or something around it.
 * @param because why no narrower resource will do.
 */
export function wide(within: IConstruct, because: string, ...resources: string[]): string[] {
  for (const resource of resources) Validations.of(within).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason: because });
  return resources;
}
