/** The CDK app: reads the policy, then makes the stack that it asks for. */
import { App } from 'aws-cdk-lib';
import { names } from '../lib/contract';
import { OptionProblem, optionsFrom } from '../lib/options';
import { PolicyProblems } from '../lib/policy/problem';
import { readPolicy } from '../lib/policy/read';
import { RunawayTrain } from '../lib/runawaytrain';

try {
  const app = new App();
  const options = optionsFrom((name) => app.node.tryGetContext(name));
  const policy = readPolicy(options.policyFile);
  new RunawayTrain(app, 'RunawayTrain', {
    stackName: 'RunawayTrain',
    description: 'Watches every account of the organization and contains the ones that run away.',
    env: { account: policy.payer, region: names.homeRegion },
    policy,
    architecture: options.architecture,
    bootstrapFile: options.bootstrapFile,
  });
} catch (error) {
  if (!(error instanceof PolicyProblems || error instanceof OptionProblem)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
