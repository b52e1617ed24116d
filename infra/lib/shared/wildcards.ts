/** Resources that are named by a pattern, each with the reason. cdk-nag refuses a pattern without one. */
import type { IConstruct } from 'constructs';
import { acknowledge } from './acknowledge';

/**
 * @param within where the statement ends up: the role, or something around it.
 * @param because why no narrower resource will do.
 */
export function wide(within: IConstruct, because: string, ...resources: string[]): string[] {
  for (const resource of resources) acknowledge(within, `AwsSolutions-IAM5[Resource::${resource}]`, because);
  return resources;
}
