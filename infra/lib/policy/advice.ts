/** For each kind of value in the policy: what it is called, and what to write instead of a bad one. */
import type { Path } from './problem';

interface Advice {
  /** Completes "x: ...", for a value of the right type that does not fit its pattern. */
  readonly misfit: string;
  readonly todo: string;
}

const ACCOUNT: Advice = {
  misfit: 'is not an account id of 12 digits',
  todo: 'Write all 12 digits, in quotes.',
};
const GUID: Advice = {
  misfit: 'is not an id of Microsoft Teams',
  todo: 'Copy it from the link of the channel or the team: groupId is the team, tenantId the tenant.',
};
const UNIT: Advice = {
  misfit: 'is not the id of an organizational unit',
  todo: 'Copy it from the Organizations console: ou-xxxx-xxxxxxxx.',
};
const E_MAIL: Advice = { misfit: 'is not an e-mail address', todo: 'Write an address such as team@example.edu.' };
const YES_OR_NO: Advice = { misfit: 'is not true or false', todo: 'Write true or false, without quotes.' };
const SPAN: Advice = { misfit: 'is not a span of time', todo: 'Write minutes, hours or days, such as 30m, 4h or 7d.' };
const LIMIT: Advice = {
  misfit: 'is not a limit',
  todo: 'Write a whole number, 0 or more; 0 halts on the first instance.',
};

/** By the end of the path, list indexes left out. */
const ADVICE: readonly (readonly [string, Advice])[] = [
  ['payer', ACCOUNT],
  ['accounts.*', ACCOUNT],
  ['units.*', UNIT],
  [
    'organization.id',
    {
      misfit: 'is not an organization id',
      todo: 'Copy it from the Organizations console: o- and 10 to 32 letters or digits.',
    },
  ],
  [
    'organization.root',
    {
      misfit: 'is not the id of an organization root',
      todo: 'Copy it from the Organizations console: r- and 4 to 32 letters or digits.',
    },
  ],
  ['organization.ous', UNIT],
  ['organization.regions', { misfit: 'is not a region', todo: 'Write a region such as us-west-2.' }],
  ['organization.memberRegion', { misfit: 'is not a region', todo: 'Write a region such as eu-central-1.' }],
  ['organization.closedRegions', { misfit: 'is not a region', todo: 'Write a region such as us-west-2.' }],
  ['schedule', { misfit: 'is not a schedule', todo: 'Write whole minutes from 1m to 60m.' }],
  ['limits.instances', LIMIT],
  ['limits.vcpus', LIMIT],
  [
    'limits.burn',
    {
      misfit: 'is not an amount of money',
      todo: 'Write US dollars an hour, 0 or more, such as 12.50, without quotes or a currency sign.',
    },
  ],
  [
    'limits.spend24h',
    {
      misfit: 'is not an amount of money',
      todo: 'Write US dollars in 24 hours, 0 or more, such as 200, without quotes or a currency sign.',
    },
  ],
  [
    'limits.spendMonth',
    {
      misfit: 'is not an amount of money',
      todo: 'Write US dollars a month, 0 or more, such as 500, without quotes or a currency sign.',
    },
  ],
  [
    'limits.purchases',
    {
      misfit: 'is not an amount of money',
      todo: 'Write US dollars bought in two days, 0 or more, such as 2000, without quotes or a currency sign.',
    },
  ],
  ['limits.warn', { misfit: 'is not a share', todo: 'Write a share of the limit above 0 and up to 1, such as 0.8.' }],
  [
    'brake.haltsPerHour',
    {
      misfit: 'is not a number of halts',
      todo: 'Write a whole number, 0 or more; at 0 accounts are only frozen, unless someone orders a halt.',
    },
  ],
  [
    'scale',
    {
      misfit: 'does not have the right form',
      todo: 'Write {} for the defaults, or accountsPerWorker and maxConcurrency. Or leave it out, and one function sweeps every account.',
    },
  ],
  [
    'scale.accountsPerWorker',
    { misfit: 'is not a number of accounts', todo: 'Write a whole number from 1 to 1000, such as 500.' },
  ],
  [
    'scale.maxConcurrency',
    {
      misfit: 'is not a number of workers',
      todo: 'Write a whole number from 1 to 1000, such as 20, and no more than Lambda may run at once in the payer.',
    },
  ],
  [
    'cur',
    {
      misfit: 'does not have the right form',
      todo: 'Write {} to have a report made, or the bucket of one that exists.',
    },
  ],
  [
    'cur.bucket',
    {
      misfit: 'is not the name of a bucket',
      todo: 'Write 3 to 63 lowercase letters, digits, dots and hyphens, such as payer-reports, without s3:// before it.',
    },
  ],
  [
    'cur.prefix',
    {
      misfit: 'is not the prefix of a report',
      todo: "Write letters, digits, slashes and !_.'()-, with no slash at the beginning, such as cur/hourly. Or leave it out.",
    },
  ],
  [
    'canary',
    {
      misfit: 'does not have the right form',
      todo: 'Write an account and a region, such as {account: "222222222222", region: us-east-1}.',
    },
  ],
  ['canary.account', ACCOUNT],
  ['canary.region', { misfit: 'is not a region', todo: 'Write a region such as us-east-1.' }],
  [
    'chat',
    {
      misfit: 'does not have the right form',
      todo: 'Write slack, teams or both, such as {slack: {workspace: T0123ABCD, channel: C0123ABCD}}. Or leave chat out.',
    },
  ],
  [
    'chat.slack',
    {
      misfit: 'does not have the right form',
      todo: 'Write a workspace and a channel, such as {workspace: T0123ABCD, channel: C0123ABCD}.',
    },
  ],
  [
    'chat.slack.workspace',
    {
      misfit: 'is not the id of a Slack workspace',
      todo: 'Copy it from the console of Amazon Q Developer in chat applications, such as T0123ABCD.',
    },
  ],
  [
    'chat.slack.channel',
    {
      misfit: 'is not the id of a Slack channel',
      todo: "Copy the channel's link; the id is its last part, such as C0123ABCD.",
    },
  ],
  [
    'chat.teams',
    {
      misfit: 'does not have the right form',
      todo: "Write a team, a tenant and a channel, each as the channel's link has it.",
    },
  ],
  ['chat.teams.team', GUID],
  ['chat.teams.tenant', GUID],
  [
    'chat.teams.channel',
    {
      misfit: 'is not the id of a channel of Teams',
      todo: "Copy it from the channel's link as it stands there, such as 19%3A0123456789abcdef%40thread.tacv2.",
    },
  ],
  ['suspicion', SPAN],
  ['grace', SPAN],
  ['notify', E_MAIL],
  ['contain.quarantine', YES_OR_NO],
  ['contain.models', YES_OR_NO],
  ['contain.lockdown', YES_OR_NO],
  ['exempt.instances', { misfit: 'is not an instance id', todo: 'Write an id such as i-0123456789abcdef0.' }],
  ['exempt.users', { misfit: 'is not a user name', todo: 'Write the name of an IAM user.' }],
  ['exempt.roles', { misfit: 'is not a role name', todo: 'Write the name of an IAM role, without its path.' }],
];

/** Where the table has nothing better. */
export const GENERAL: Advice = {
  misfit: 'does not have the right form',
  todo: 'See the comments in the sample policy.',
};

export function adviceFor(path: Path): Advice {
  const steps = path
    .filter((step) => typeof step === 'string')
    .map((step, depth, all) => (depth === 1 && (all[0] === 'accounts' || all[0] === 'units') ? '*' : step));
  const text = steps.join('.');
  return ADVICE.find(([end]) => text === end || text.endsWith(`.${end}`))?.[1] ?? GENERAL;
}
