/**
 * The chat channels that are shown what the default list is mailed, and the alarms that watch the guard. Only where the policy
 * names one.
 *
 * A stack of its own: somebody has to authorize the workspace or the team by hand first, and where nobody has, CloudFormation takes
 * back the whole stack. That must not be the guard's. It finds the topic by its name, and nothing refers to it.
 */
import { Stack, type StackProps } from 'aws-cdk-lib';
import { CfnMicrosoftTeamsChannelConfiguration, CfnSlackChannelConfiguration } from 'aws-cdk-lib/aws-chatbot';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { names } from '../contract';
import type { Chat, Policy } from '../policy/policy';

/**
 * The most that anybody may do from a channel, whatever role is used there. Without it AWS takes AdministratorAccess.
 * https://docs.aws.amazon.com/chatbot/latest/adminguide/understanding-permissions.html
 */
const NOTHING = 'arn:aws:iam::aws:policy/AWSDenyAll';

export interface RunawayTrainChatProps extends StackProps {
  readonly policy: Policy;
}

/** The stack, where the policy names a channel. */
export function chatStack(scope: Construct, guard: Stack, props: RunawayTrainChatProps): RunawayTrainChat | undefined {
  const { chat } = props.policy;
  if (chat === undefined) return undefined;
  const stack = new RunawayTrainChat(scope, 'RunawayTrainChat', props, chat);
  stack.addStackDependency(guard, 'it listens to its topic');
  return stack;
}

export class RunawayTrainChat extends Stack {
  constructor(scope: Construct, id: string, { policy: _, ...props }: RunawayTrainChatProps, { slack, teams }: Chat) {
    super(scope, id, props);
    // It has no policy, so it may do nothing. Amazon Q Developer wants a role for each channel all the same.
    const role = new Role(this, 'Role', {
      description: 'What anybody may do from a chat channel of runawaytrain: nothing. It is there to be read.',
      assumedBy: new ServicePrincipal('chatbot.amazonaws.com'),
    });
    const listening = {
      iamRoleArn: role.roleArn,
      guardrailPolicies: [NOTHING],
      userRoleRequired: false,
      snsTopicArns: [`arn:aws:sns:${this.region}:${this.account}:${names.topic}`],
      loggingLevel: 'ERROR',
    };
    if (slack !== undefined) {
      new CfnSlackChannelConfiguration(this, 'Slack', {
        ...listening,
        configurationName: `${names.function}-slack`,
        slackWorkspaceId: slack.workspace,
        slackChannelId: slack.channel,
      });
    }
    if (teams !== undefined) {
      new CfnMicrosoftTeamsChannelConfiguration(this, 'Teams', {
        ...listening,
        configurationName: `${names.function}-teams`,
        teamId: teams.team,
        teamsTenantId: teams.tenant,
        teamsChannelId: teams.channel,
      });
    }
  }
}
