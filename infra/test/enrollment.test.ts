/** How sub-accounts are enrolled. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { names } from '../lib/contract';
import { deployed, document, enrollment, idOf, type Json, ORGANIZATION, only, PAYER, ROOT, written } from './support';

const REGIONS = ['us-east-1', 'ap-southeast-2'];
const SETS = [names.memberStackSet, names.memberRegionStackSet, names.memberAlarmsStackSet];
const policy = {
  ...document,
  organization: { id: ORGANIZATION, root: ROOT, regions: REGIONS },
  defaults: { ...document.defaults, limits: { instances: 4, spendMonth: 1234.5 } },
};

function synthesized(of = policy): Template {
  const { enrolled } = enrollment(of);
  assert.ok(enrolled);
  return Template.fromStack(enrolled);
}

const template = synthesized();
const set = (name: string, of = template) =>
  only(of, 'AWS::CloudFormation::StackSet', ({ StackSetName }) => StackSetName === name);
const memberId = idOf(
  template,
  'AWS::CloudFormation::StackSet',
  ({ StackSetName }) => StackSetName === names.memberStackSet,
);

describe('the stack sets', () => {
  it('are three, and the only resources of their stack', () => {
    assert.deepEqual(
      Object.values<Json>(template.toJSON().Resources).map(
        ({ Type, Properties }) => `${Type} ${Properties.StackSetName}`,
      ),
      [
        `AWS::CloudFormation::StackSet ${names.memberStackSet}`,
        `AWS::CloudFormation::StackSet ${names.memberRegionStackSet}`,
        `AWS::CloudFormation::StackSet ${names.memberAlarmsStackSet}`,
      ],
    );
  });

  it('leave the alarms out where there is no amount to ring at', () => {
    const { Resources } = synthesized({ ...policy, defaults: document.defaults } as typeof policy).toJSON();
    assert.deepEqual(
      Object.values<Json>(Resources).map(({ Properties }) => Properties.StackSetName),
      [names.memberStackSet, names.memberRegionStackSet],
    );
  });

  it('hand their templates over as they are written', () => {
    assert.equal(set(names.memberStackSet).TemplateBody, written('member.yaml'));
    assert.equal(set(names.memberRegionStackSet).TemplateBody, written('member-region.yaml'));
    assert.equal(set(names.memberAlarmsStackSet).TemplateBody, written('member-alarms.yaml'));
  });

  it('are deployed by the organization itself into every account, present and future', () => {
    for (const { PermissionModel, AutoDeployment, CallAs } of SETS.map((name) => set(name))) {
      assert.equal(PermissionModel, 'SERVICE_MANAGED');
      assert.equal(CallAs, undefined);
      assert.equal(AutoDeployment.Enabled, true);
      assert.equal(AutoDeployment.RetainStacksOnAccountRemoval, false);
    }
  });

  it('cover the root, or the units that are named instead of it', () => {
    const targets = (of: Template) =>
      SETS.map((name) => set(name, of).StackInstancesGroup.map((group: Json) => group.DeploymentTargets));
    const each = (units: readonly string[]) => SETS.map(() => [{ OrganizationalUnitIds: units }]);
    assert.deepEqual(targets(template), each([ROOT]));
    const ous = ['ou-test-11111111', 'ou-test-22222222'];
    const units = synthesized({ ...policy, organization: { ...policy.organization, ous } } as typeof policy);
    assert.deepEqual(targets(units), each(ous));
  });

  it('put roles into one region, alarms where billing metrics are, and rules into the regions of the policy', () => {
    const regions = (of: Template) =>
      SETS.map((name) => set(name, of).StackInstancesGroup.map(({ Regions }: Json) => Regions));
    assert.deepEqual(regions(template), [[['us-east-1']], [REGIONS], [['us-east-1']]]);
    // Where the organization denies us-east-1, a stack there fails, and the roles must not fail with it.
    const organization = { ...policy.organization, memberRegion: 'eu-central-1' };
    assert.deepEqual(regions(synthesized({ ...policy, organization })), [
      [['eu-central-1']],
      [REGIONS],
      [['us-east-1']],
    ]);
  });

  it('are given exactly the parameters that their templates ask for', () => {
    const given = (name: string) =>
      Object.fromEntries(set(name).Parameters.map((one: Json) => [one.ParameterKey, one.ParameterValue]));
    assert.deepEqual(given(names.memberStackSet), { PayerAccount: PAYER, OrganizationId: ORGANIZATION });
    assert.deepEqual(given(names.memberRegionStackSet), { PayerAccount: PAYER });
    assert.deepEqual(given(names.memberAlarmsStackSet), { PayerAccount: PAYER, SpendMonth: '1234.5' });
  });

  it('are given an amount in the digits that their template takes, however the policy writes it', () => {
    const pattern = new RegExp(`^(?:${deployed('member-alarms.yaml').Parameters.SpendMonth.AllowedPattern})$`);
    for (const [spendMonth, expected] of [
      [1e-7, '0'],
      [1e-6, '0.000001'],
      [0.1, '0.1'],
      [1e12, '1000000000000'],
    ] as const) {
      const limits = { instances: 4, spendMonth };
      const of = synthesized({ ...policy, defaults: { ...document.defaults, limits } });
      const { ParameterValue } = set(names.memberAlarmsStackSet, of).Parameters.find(
        ({ ParameterKey }: Json) => ParameterKey === 'SpendMonth',
      );
      assert.equal(ParameterValue, expected);
      assert.match(ParameterValue, pattern);
    }
  });

  it('may make named roles only where there are roles', () => {
    assert.deepEqual(set(names.memberStackSet).Capabilities, ['CAPABILITY_NAMED_IAM']);
    assert.equal(set(names.memberRegionStackSet).Capabilities, undefined);
    assert.equal(set(names.memberAlarmsStackSet).Capabilities, undefined);
  });

  it('go in order, roles before the rules that name them: today, for accounts that join, and back when removed', () => {
    const { DependsOn, Properties } = template.findResources('AWS::CloudFormation::StackSet', {
      Properties: { StackSetName: names.memberRegionStackSet },
    })[
      idOf(template, 'AWS::CloudFormation::StackSet', ({ StackSetName }) => StackSetName === names.memberRegionStackSet)
    ] as Json;
    assert.deepEqual(DependsOn, [memberId]);
    // The ARN of a set ends in its id.
    const id = { 'Fn::GetAtt': [memberId, 'StackSetId'] };
    assert.deepEqual(Properties.AutoDeployment.DependsOn, [
      { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:cloudformation:us-east-1:${PAYER}:stackset/`, id]] },
    ]);
    assert.equal(set(names.memberStackSet).AutoDeployment.DependsOn, undefined);
  });

  it('have the alarms made after the roles, whose stacks held them before, but wait for none in an account that joins', () => {
    const [{ DependsOn, Properties }] = Object.values<Json>(
      template.findResources('AWS::CloudFormation::StackSet', {
        Properties: { StackSetName: names.memberAlarmsStackSet },
      }),
    );
    assert.deepEqual(DependsOn, [memberId]);
    assert.equal(Properties.AutoDeployment.DependsOn, undefined);
  });

  it('do not let one account or region hold up or fail all others', () => {
    for (const { ManagedExecution, OperationPreferences } of SETS.map((name) => set(name))) {
      assert.deepEqual(ManagedExecution, { Active: true });
      assert.deepEqual(OperationPreferences, {
        FailureTolerancePercentage: 100,
        MaxConcurrentPercentage: 100,
        RegionConcurrencyType: 'PARALLEL',
      });
    }
  });
});

describe('a policy that leaves it open', () => {
  it('which regions there are gets rules in one, and a warning', () => {
    const { enrolled } = enrollment(document);
    assert.ok(enrolled);
    assert.deepEqual(set(names.memberRegionStackSet, Template.fromStack(enrolled)).StackInstancesGroup[0].Regions, [
      'us-east-1',
    ]);
    Annotations.fromStack(enrolled).hasWarning(
      '/RunawayTrainEnrollment',
      Match.stringLikeRegexp('no organization.regions.*Add the regions'),
    );
    const { enrolled: named } = enrollment(policy);
    assert.ok(named);
    Annotations.fromStack(named).hasNoWarning('*', Match.anyValue());
  });

  it('where roles go, and closes that region, is warned that nobody would be enrolled', () => {
    const warned = '/RunawayTrainEnrollment';
    const text = Match.stringLikeRegexp('us-east-1.*closedRegions.*organization.memberRegion');
    const closed = { ...policy.organization, closedRegions: ['us-east-1'] };
    const { enrolled } = enrollment({ ...policy, organization: closed });
    assert.ok(enrolled);
    Annotations.fromStack(enrolled).hasWarning(warned, text);
    const { enrolled: open } = enrollment({ ...policy, organization: { ...closed, memberRegion: 'eu-central-1' } });
    assert.ok(open);
    Annotations.fromStack(open).hasNoWarning('*', Match.anyValue());
  });

  it('whom to enroll enrolls nobody, and a warning says so where it is seen', () => {
    const { enrolled, guard } = enrollment({ ...document, organization: { id: ORGANIZATION } });
    assert.equal(enrolled, undefined);
    Annotations.fromStack(guard).hasWarning(
      '/RunawayTrain',
      Match.stringLikeRegexp('no sub-account is enrolled.*Add organization.root'),
    );
  });
});
