/** The CDK app: reads the policy, then makes the stacks that it asks for. References run one way, from the first to the last. */
import { App, Validations } from 'aws-cdk-lib';
import { DISABLE_CREATION_STACK_TRACES } from 'aws-cdk-lib/cx-api';
import { AwsSolutionsChecks } from 'cdk-nag';
import { accountStacks } from '../lib/accounts/accounts';
import { names } from '../lib/contract';
import { RunawayTrainGuardrails } from '../lib/guardrails/guardrails';
import { chatStack } from '../lib/notification/chat';
import { OptionProblem, optionsFrom } from '../lib/options';
import { enroll } from '../lib/organization/enrollment';
import { PolicyProblems } from '../lib/policy/problem';
import { readPolicy } from '../lib/policy/read';
import { RunawayTrainRelease } from '../lib/release/release';
import { RunawayTrain } from '../lib/runawaytrain';
import { reportCosts } from '../lib/spend/cost-reports';

try {
  // No traces of where each resource was made: the assembly of a release would name folders of the machine that built it.
  const app = new App({ context: { [DISABLE_CREATION_STACK_TRACES]: true } });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const options = optionsFrom((name) => app.node.tryGetContext(name));
  const policy = readPolicy(options.policyFile);
  const env = { account: policy.payer, region: names.homeRegion };
  const guardrails = new RunawayTrainGuardrails(app, 'RunawayTrainGuardrails', {
    stackName: 'RunawayTrainGuardrails',
    description:
      'The policies that freeze an account which runs away, and that keep members from switching the guard off.',
    env,
    policy,
  });
  const guard = new RunawayTrain(app, 'RunawayTrain', {
    stackName: 'RunawayTrain',
    description: 'Watches every account of the organization and contains the ones that run away.',
    env,
    policy,
    architecture: options.architecture,
    bootstrapFile: options.bootstrapFile,
    haltPolicyIds: options.haltPolicyIds ?? guardrails.haltPolicyIds,
  });
  accountStacks(app, guard, {
    description: 'The notify lists and monthly amounts that accounts have of their own.',
    env,
    policy,
  });
  enroll(app, guard, {
    stackName: 'RunawayTrainEnrollment',
    description: 'Enrolls every sub-account of the organization, present and future.',
    env,
    policy,
  });
  chatStack(app, guard, {
    stackName: 'RunawayTrainChat',
    description: "Shows the payer's people in a chat channel what the guard mails them. Nobody can act from there.",
    env,
    policy,
  });
  reportCosts(app, {
    stackName: 'RunawayTrainCostReports',
    description: 'Has AWS write down what each account spends in each hour, for the guard to read.',
    env,
    policy,
  });
  if (options.release !== undefined) {
    new RunawayTrainRelease(app, 'RunawayTrainRelease', {
      stackName: 'RunawayTrainRelease',
      description: 'Lets the release pipeline of one repository deploy, without a key that anybody keeps.',
      env,
      source: options.release,
    });
  }
} catch (error) {
  if (!(error instanceof PolicyProblems || error instanceof OptionProblem)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
