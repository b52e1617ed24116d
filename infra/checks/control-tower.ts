/**
 * Holds templates to AWS Control Tower's proactive controls, with cfn-guard, offline.
 *
 *     npm run control-tower -- TEMPLATE…
 *
 * Ends with 1 on a finding that nobody gave a reason for, and on a reason whose finding is gone.
 * https://docs.aws.amazon.com/controltower/latest/controlreference/proactive-controls.html
 */
import { spawnSync } from 'node:child_process';
import * as os from 'node:os';
import * as path from 'node:path';

interface Exception {
  /** As cfn-guard names it. */
  readonly rule: string;
  /** The logical id, without the hash at its end. */
  readonly resource: string;
  readonly because: string;
}

const EXCEPTIONS: readonly Exception[] = [
  {
    rule: 'cloudwatch_log_group_encrypted_check',
    resource: 'GuardLog',
    because:
      "CloudWatch encrypts it already. A key of one's own that is disabled or scheduled for deletion would end the evidence.",
  },
  {
    rule: 'dynamodb_table_encrypted_kms_check',
    resource: 'StateTable',
    because:
      "DynamoDB encrypts it already. Whoever takes a key of one's own away would stop every halt: nothing is contained that was not written down.",
  },
  {
    rule: 'lambda_inside_vpc_check',
    resource: 'GuardFunction',
    because:
      'It talks to the APIs of AWS in every region and listens to nobody. A network of its own would be one more thing that can fail in a halt.',
  },
  // The bucket of the cost reports.
  {
    rule: 's3_bucket_default_encryption_kms_check',
    resource: 'Bucket',
    because: "S3 encrypts it already. AWS's billing service would need rights over a key of one's own, too.",
  },
  {
    rule: 's3_bucket_versioning_enabled_check',
    resource: 'Bucket',
    because:
      'Each edition of a report holds the whole month so far, beside the one before it: an older version of a file is worth nothing.',
  },
  {
    rule: 's3_bucket_logging_enabled_check',
    resource: 'Bucket',
    because:
      'Two services use it. A log of that would want another bucket; CloudTrail has data events for who needs them.',
  },
  {
    rule: 's3_event_notifications_enabled_check',
    resource: 'Bucket',
    because: 'The function asks for new editions once an hour. AWS writes a report some times a day.',
  },
  {
    rule: 's3_bucket_object_lock_enabled_check',
    resource: 'Bucket',
    because: 'The bucket forgets after 400 days, and AWS can write each report anew.',
  },
  // The bucket of a distributed sweep, and its state machine.
  {
    rule: 's3_bucket_default_encryption_kms_check',
    resource: 'DistributedSweepsBucket',
    because: "S3 encrypts it already. Whoever takes a key of one's own away would end every sweep.",
  },
  {
    rule: 's3_bucket_versioning_enabled_check',
    resource: 'DistributedSweepsBucket',
    because: 'Each sweep has a folder of its own, which is worth nothing once the next has begun.',
  },
  {
    rule: 's3_bucket_logging_enabled_check',
    resource: 'DistributedSweepsBucket',
    because:
      'The function and its state machine use it. A log of that would want another bucket, which costs more than it tells.',
  },
  {
    rule: 's3_event_notifications_enabled_check',
    resource: 'DistributedSweepsBucket',
    because: 'The state machine reads what its own step before has written.',
  },
  {
    rule: 's3_bucket_object_lock_enabled_check',
    resource: 'DistributedSweepsBucket',
    because: 'The bucket forgets after seven days, and the next sweep writes all of it anew.',
  },
  {
    rule: 'step_functions_state_machine_logging_enabled_check',
    resource: 'DistributedMachine',
    because:
      'Step Functions keeps what each execution did for 90 days, and the function writes its own log. A log of every event of every worker would cost more than the sweeps.',
  },
  {
    rule: 'step_functions_state_machine_tracing_enabled_check',
    resource: 'DistributedMachine',
    because: 'There is one function to trace, and its log says how long each step took.',
  },
];

/** What is read of cfn-guard's report on one template. */
interface Report {
  readonly name: string;
  readonly not_compliant: readonly { readonly Rule: { readonly name: string } }[];
}

interface Finding {
  readonly template: string;
  readonly rule: string;
  readonly resource: string;
  /** The control's own words: what it requires, and how to mend it. */
  readonly words: string;
}

function findings(templates: readonly string[]): Finding[] {
  const home = path.dirname(require.resolve('@cdklabs/cdk-validator-cfnguard/package.json'));
  const system = { linux: 'ubuntu', darwin: 'macos' }[os.platform() as string];
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[os.arch() as string];
  if (!system || !machine) {
    throw new Error(
      `cfn-guard comes for Linux and macOS on x86_64 and arm64, not for ${os.platform()} on ${os.arch()}`,
    );
  }
  const rules = path.join(home, 'rules/control-tower/cfn-guard');
  const run = spawnSync(
    path.join(home, 'bin', system, machine, 'cfn-guard'),
    [
      'validate',
      '--structured',
      '--output-format',
      'json',
      '--show-summary',
      'none',
      '--rules',
      rules,
      '--data',
      ...templates,
    ],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  // 0: all hold; 19: some do not. Anything else is a fault of the run itself.
  if (run.error || (run.status !== 0 && run.status !== 19)) {
    throw run.error ?? new Error(`cfn-guard ended with code ${run.status}: ${run.stderr}`);
  }
  const reports: readonly Report[] = JSON.parse(run.stdout);
  if (reports.length !== templates.length) {
    throw new Error(`cfn-guard read ${reports.length} of ${templates.length} templates`);
  }
  return reports.flatMap((report) =>
    report.not_compliant.flatMap(({ Rule }) => {
      const text = JSON.stringify(Rule);
      const resources = new Set([...text.matchAll(/"\/Resources\/(\w+)/g)].map(([, id]) => id ?? ''));
      const words = / *\[CT\.[^"]*/.exec(text)?.[0].replaceAll('\\n', '\n').trim() ?? '';
      // One that names no resource must not get lost.
      return [...(resources.size > 0 ? resources : ['the template'])].map((resource) => ({
        template: path.basename(report.name),
        rule: Rule.name,
        resource,
        words,
      }));
    }),
  );
}

/** CDK ends a logical id with eight hexadecimal digits. */
function excuses({ rule, resource }: Exception, found: Finding): boolean {
  return found.rule === rule && found.resource.replace(/[0-9A-F]{8}$/, '') === resource;
}

const templates = process.argv.slice(2);
if (templates.length === 0) {
  console.error('name the templates to check');
  process.exit(2);
}
const found = findings(templates);
const unexcused = found.filter((finding) => !EXCEPTIONS.some((exception) => excuses(exception, finding)));
const idle = EXCEPTIONS.filter((exception) => !found.some((finding) => excuses(exception, finding)));
for (const { template, rule, resource, words } of unexcused) {
  console.error(`${template}: ${resource}: ${rule}\n        ${words}`);
}
for (const { rule, resource } of idle) {
  console.error(`checks/control-tower.ts excuses ${resource} from ${rule}, and nothing is found there: take it out`);
}
if (unexcused.length + idle.length > 0) {
  process.exitCode = 1;
} else {
  console.log(
    `Control Tower's controls hold for ${templates.length} templates, with ${EXCEPTIONS.length} reasoned exceptions`,
  );
}
