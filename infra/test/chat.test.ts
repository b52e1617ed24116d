/** The channels of Slack and Teams that are shown what the default list is mailed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { names } from '../lib/contract';
import { chatStack } from '../lib/notification/chat';
import { type Chat, Policy } from '../lib/policy/policy';
import { PolicyProblems } from '../lib/policy/problem';
import { readPolicy } from '../lib/policy/read';
import { bootstrapFile, document, folder, type Json, only, PAYER, REPOSITORY } from './support';

const SLACK = { workspace: 'T0123ABCD', channel: 'C0123ABCD' };
const TEAMS = {
  team: '01234567-89ab-cdef-0123-456789abcdef',
  tenant: 'fedcba98-7654-3210-fedc-ba9876543210',
  channel: '19%3A0123456789abcdef%40thread.tacv2',
};
const CHANNELS = ['AWS::Chatbot::SlackChannelConfiguration', 'AWS::Chatbot::MicrosoftTeamsChannelConfiguration'];

/** The stack that a policy with this chat asks for. */
function synthesize(chat?: Chat): Template | undefined {
  const app = new App({ outdir: folder(), builtinCloudFormationValidation: false });
  const env = { account: PAYER, region: names.homeRegion };
  const guard = new Stack(app, 'RunawayTrain', { env });
  const policy = new Policy(chat === undefined ? document : { ...document, chat });
  const stack = chatStack(app, guard, { env, policy });
  return stack && Template.fromStack(stack);
}

function made(chat: Chat): Template {
  const template = synthesize(chat);
  assert.ok(template);
  return template;
}

/** Why a policy with this is refused. */
function refusal(chat: string): string {
  const file = path.join(folder(), 'runawaytrain.yaml');
  fs.writeFileSync(file, `${JSON.stringify(document)}\n`.replace(/}\n$/, `,\n"chat": ${chat}}\n`));
  try {
    readPolicy(file);
  } catch (error) {
    if (error instanceof PolicyProblems) return error.message;
    throw error;
  }
  return assert.fail(`${chat} is taken`);
}

describe('a chat', () => {
  it('is there only where the policy names a channel', () => {
    assert.equal(synthesize(), undefined);
    assert.deepEqual(
      [{ slack: SLACK }, { teams: TEAMS }, { slack: SLACK, teams: TEAMS }].map((chat) =>
        CHANNELS.map((type) => Object.keys(made(chat).findResources(type)).length),
      ),
      [
        [1, 0],
        [0, 1],
        [1, 1],
      ],
    );
  });

  it('is the channel that the policy names, and listens to the default list alone', () => {
    const template = made({ slack: SLACK, teams: TEAMS });
    const [slack, teams] = CHANNELS.map((type) => only(template, type));
    assert.deepEqual([slack.SlackWorkspaceId, slack.SlackChannelId], [SLACK.workspace, SLACK.channel]);
    assert.deepEqual(
      [teams.TeamId, teams.TeamsTenantId, teams.TeamsChannelId],
      [TEAMS.team, TEAMS.tenant, TEAMS.channel],
    );
    assert.notEqual(slack.ConfigurationName, teams.ConfigurationName);
    for (const one of [slack, teams]) {
      assert.deepEqual(one.SnsTopicArns, [`arn:aws:sns:us-east-1:${PAYER}:${names.topic}`]);
      assert.equal(one.LoggingLevel, 'ERROR');
    }
  });

  it('can be read, and nobody can act from it', () => {
    const template = made({ slack: SLACK, teams: TEAMS });
    const role = only(template, 'AWS::IAM::Role');
    assert.deepEqual([role.Policies, role.ManagedPolicyArns], [undefined, undefined]);
    assert.deepEqual(template.findResources('AWS::IAM::Policy'), {});
    assert.deepEqual(role.AssumeRolePolicyDocument.Statement, [
      { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'chatbot.amazonaws.com' } },
    ]);
    for (const type of CHANNELS) {
      const { IamRoleArn, GuardrailPolicies, UserRoleRequired } = only(template, type);
      assert.deepEqual(IamRoleArn, { 'Fn::GetAtt': [Object.keys(template.findResources('AWS::IAM::Role'))[0], 'Arn'] });
      assert.deepEqual([GuardrailPolicies, UserRoleRequired], [['arn:aws:iam::aws:policy/AWSDenyAll'], false]);
    }
  });

  it('that is written wrong is refused with what to write', () => {
    for (const [chat, what, todo] of [
      ['{}', 'must not be empty', 'Write slack, teams or both'],
      ['{"slack": {"workspace": "T0123ABCD", "channel": "#general"}}', 'is not the id of a Slack channel', 'last part'],
      ['{"slack": {"channel": "C0123ABCD"}}', '"workspace" is missing', 'console of Amazon Q Developer'],
      ['{"discord": {}}', 'unknown key', 'Known here: slack, teams'],
      [JSON.stringify({ teams: { ...TEAMS, tenant: 'example.edu' } }), 'is not an id of Microsoft Teams', 'tenantId'],
      [JSON.stringify({ teams: { ...TEAMS, channel: 'general' } }), 'is not the id of a channel of Teams', '19%3A'],
    ]) {
      const said = refusal(chat ?? '');
      assert.ok(said.startsWith('runawaytrain.yaml:2:'), said);
      assert.ok(said.includes(what ?? '') && said.includes(todo ?? ''), said);
    }
  });

  it('is a stack of its own behind the guard, which cdk-nag finds clean', () => {
    const [outdir, policy] = [folder(), path.join(folder(), 'runawaytrain.yaml')];
    fs.writeFileSync(policy, JSON.stringify({ ...document, chat: { slack: SLACK, teams: TEAMS } }));
    const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'bin/runawaytrain.ts'], {
      cwd: path.join(REPOSITORY, 'infra'),
      env: {
        ...process.env,
        CDK_OUTDIR: outdir,
        CDK_VALIDATION: 'true',
        CDK_CONTEXT_JSON: JSON.stringify({ policy, bootstrap: bootstrapFile }),
      },
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.deepEqual(
      JSON.parse(fs.readFileSync(path.join(outdir, 'validation-report.json'), 'utf8')).pluginReports,
      [],
    );
    const { artifacts } = JSON.parse(fs.readFileSync(path.join(outdir, 'manifest.json'), 'utf8'));
    assert.ok(artifacts.RunawayTrainChat.dependencies.includes('RunawayTrain'));
    const behind = Object.entries<Json>(artifacts).filter(([, { dependencies }]) =>
      dependencies?.includes('RunawayTrainChat'),
    );
    assert.deepEqual(behind, [], 'where a channel is refused, it alone fails');
  });
});
