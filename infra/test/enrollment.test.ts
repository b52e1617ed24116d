/** How sub-accounts are enrolled. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { names } from '../lib/contract';
import { deployed, document, enrollment, idOf, type Json, ORGANIZATION, only, PAYER, ROOT, written } from './support';

const REGIONS = ['us-east-1', 'ap-southeast-2'];
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
  it('are two, and the only resources of their stack', () => {
    assert.deepEqual(
      Object.values<Json>(template.toJSON().Resources).map(
        ({ Type, Properties }) => `${Type} ${Properties.StackSetName}`,
      ),
      [
        `AWS::CloudFormation::StackSet ${names.memberStackSet}`,
        `AWS::CloudFormation::StackSet ${names.memberRegionStackSet}`,
      ],
    );
  });

  it('hand their templates over as they are written', () => {
    assert.equal(set(names.memberStackSet).TemplateBody, written('member.yaml'));
    assert.equal(set(names.memberRegionStackSet).TemplateBody, written('member-region.yaml'));
  });

  it('are deployed by the organization itself into every account, present and future', () => {
    for (const { PermissionModel, AutoDeployment, CallAs } of [
      set(names.memberStackSet),
      set(names.memberRegionStackSet),
    ]) {
      assert.equal(PermissionModel, 'SERVICE_MANAGED');
      assert.equal(CallAs, undefined);
      assert.equal(AutoDeployment.Enabled, true);
      assert.equal(AutoDeployment.RetainStacksOnAccountRemoval, false);
    }
  });

  it('cover the root, or the units that are named instead of it', () => {
    const targets = (of: Template) =>
      [names.memberStackSet, names.memberRegionStackSet].map((name) =>
        set(name, of).StackInstancesGroup.map((group: Json) => group.DeploymentTargets),
      );
    assert.deepEqual(targets(template), [[{ OrganizationalUnitIds: [ROOT] }], [{ OrganizationalUnitIds: [ROOT] }]]);
    const ous = ['ou-test-11111111', 'ou-test-22222222'];
    const units = synthesized({ ...policy, organization: { ...policy.organization, ous } } as typeof policy);
    assert.deepEqual(targets(units), [[{ OrganizationalUnitIds: ous }], [{ OrganizationalUnitIds: ous }]]);
  });

  it('put roles into one region, and rules into those of the policy', () => {
    const regions = (name: string) => set(name).StackInstancesGroup.map(({ Regions }: Json) => Regions);
    assert.deepEqual(regions(names.memberStackSet), [['us-east-1']]);
    assert.deepEqual(regions(names.memberRegionStackSet), [REGIONS]);
  });

  it('are given exactly the parameters that their templates ask for', () => {
    const given = (name: string, of = template) =>
      Object.fromEntries(set(name, of).Parameters.map((one: Json) => [one.ParameterKey, one.ParameterValue]));
    assert.deepEqual(given(names.memberStackSet), {
      PayerAccount: PAYER,
      OrganizationId: ORGANIZATION,
      SpendMonth: '1234.5',
    });
    assert.deepEqual(given(names.memberRegionStackSet), { PayerAccount: PAYER });
    // Without a limit the template's default holds: no alarm.
    assert.deepEqual(
      given(names.memberStackSet, synthesized({ ...policy, defaults: document.defaults } as typeof policy)),
      { PayerAccount: PAYER, OrganizationId: ORGANIZATION },
    );
  });

  it('are given an amount in the digits that their template takes, however the policy writes it', () => {
    const pattern = new RegExp(`^(?:${deployed('member.yaml').Parameters.SpendMonth.AllowedPattern})$`);
    for (const [spendMonth, expected] of [
      [1e-7, '0'],
      [1e-6, '0.000001'],
      [0.1, '0.1'],
      [1e12, '1000000000000'],
    ] as const) {
      const limits = { instances: 4, spendMonth };
      const of = synthesized({ ...policy, defaults: { ...document.defaults, limits } });
      const { ParameterValue } = set(names.memberStackSet, of).Parameters.find(
        ({ ParameterKey }: Json) => ParameterKey === 'SpendMonth',
      );
      assert.equal(ParameterValue, expected);
      assert.match(ParameterValue, pattern);
    }
  });

  it('may make named roles only where there are roles', () => {
    assert.deepEqual(set(names.memberStackSet).Capabilities, ['CAPABILITY_NAMED_IAM']);
    assert.equal(set(names.memberRegionStackSet).Capabilities, undefined);
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

  it('do not let one account or region hold up or fail all others', () => {
    for (const { ManagedExecution, OperationPreferences } of [
      set(names.memberStackSet),
      set(names.memberRegionStackSet),
    ]) {
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

  it('whom to enroll enrolls nobody, and a warning says so where it is seen', () => {
    const { enrolled, guard } = enrollment({ ...document, organization: { id: ORGANIZATION } });
    assert.equal(enrolled, undefined);
    Annotations.fromStack(guard).hasWarning(
      '/RunawayTrain',
      Match.stringLikeRegexp('no sub-account is enrolled.*Add organization.root'),
    );
  });
});
