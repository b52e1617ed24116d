/** Findings of cdk-nag that are meant to be so, each with its reason. */
import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * @param within the resource, or something around it.
 * @param rule the rule's id as cdk-nag prints it.
 * @param because why it is right as it is.
 */
export function acknowledge(within: IConstruct, rule: string, because: string): void {
  const limit = Error.stackTraceLimit;
  // The CDK would keep with it where it was said, by the folders of this machine, which the assembly of a release must not name.
  Error.stackTraceLimit = 0;
  try {
    Validations.of(within).acknowledge({ id: rule, reason: because });
  } finally {
    Error.stackTraceLimit = limit;
  }
}
