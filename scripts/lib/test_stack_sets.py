"""The stack sets of a synthesized RunawayTrainEnrollment, made by API in an organization, reach its accounts.

Run by `scripts/test templates`, which names the template in RUNAWAYTRAIN_ENROLLMENT. moto plays CloudFormation; it
makes no alarms and deploys nothing by itself into accounts that join later, so neither is claimed here."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

PAYER = "123456789012"  # whoever has no other credentials is this account in moto
ROLES = {"RunawayTrainForwarder", "RunawayTrainResponder"}
RULE = "runawaytrain-launches"


class StackSets:
    def __init__(self, endpoint: str):
        self.endpoint = endpoint
        template = json.loads(Path(os.environ["RUNAWAYTRAIN_ENROLLMENT"]).read_text())
        self.sets = [
            one["Properties"]
            for one in template["Resources"].values()
            if one["Type"] == "AWS::CloudFormation::StackSet"
        ]

        organizations = self.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        root = organizations.list_roots()["Roots"][0]["Id"]
        unit = organizations.create_organizational_unit(ParentId=root, Name="labs")["OrganizationalUnit"]["Id"]
        self.enrolled = [self.account(organizations, root, unit, name) for name in ("physics", "genomics")]
        self.leaver = self.account(organizations, root, unit, "chemistry")
        self.stranger = self.account(organizations, root, root, "outside-of-the-unit")
        for one in self.sets:
            self.deploy(one, unit)

    def account(self, organizations: Any, root: str, parent: str, name: str) -> str:
        made = organizations.create_account(Email=f"{name}@example.edu", AccountName=name)
        identity = str(made["CreateAccountStatus"]["AccountId"])
        if parent != root:
            organizations.move_account(AccountId=identity, SourceParentId=root, DestinationParentId=parent)
        return identity

    def deploy(self, one: dict[str, Any], unit: str) -> None:
        """What CloudFormation does with the resource, but for the unit, whose id exists only here."""
        cloudformation = self.client("cloudformation")
        name = one["StackSetName"]
        cloudformation.create_stack_set(
            StackSetName=name,
            TemplateBody=one["TemplateBody"],
            Parameters=one["Parameters"],
            PermissionModel=one["PermissionModel"],
            Capabilities=one.get("Capabilities", []),
        )
        for group in one["StackInstancesGroup"]:
            cloudformation.create_stack_instances(
                StackSetName=name, DeploymentTargets={"OrganizationalUnitIds": [unit]}, Regions=group["Regions"]
            )

    def client(self, service: str, account: str = PAYER, region: str = "us-east-1") -> Any:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        if account != PAYER:
            role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
            given = self.client("sts").assume_role(RoleArn=role, RoleSessionName="look")["Credentials"]
            keys = {
                "aws_access_key_id": given["AccessKeyId"],
                "aws_secret_access_key": given["SecretAccessKey"],
                "aws_session_token": given["SessionToken"],
            }
        return boto3.client(service, region_name=region, endpoint_url=self.endpoint, **keys)

    def roles(self, account: str) -> dict[str, Any]:
        return {
            role["RoleName"]: role
            for role in self.client("iam", account).list_roles()["Roles"]
            if role["RoleName"] in ROLES
        }

    def rules(self, account: str, region: str) -> list[str]:
        return [rule["Name"] for rule in self.client("events", account, region).list_rules()["Rules"]]

    def regions(self) -> list[str]:
        named = {one["StackSetName"]: one for one in self.sets}
        regions: list[str] = named["runawaytrain-member-region"]["StackInstancesGroup"][0]["Regions"]
        return regions


@pytest.fixture(scope="module")
def sets() -> Iterator[StackSets]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield StackSets("http://{}:{}".format(*server.get_host_and_port()))
    server.stop()


def test_every_account_of_the_unit_has_both_roles(sets: StackSets) -> None:
    for account in sets.enrolled:
        assert set(sets.roles(account)) == ROLES, account


def test_the_responder_trusts_the_payer_of_the_policy(sets: StackSets) -> None:
    for account in sets.enrolled:
        trust = sets.roles(account)["RunawayTrainResponder"]["AssumeRolePolicyDocument"]["Statement"]
        given = {one["ParameterKey"]: one["ParameterValue"] for one in sets.sets[0]["Parameters"]}
        assert [one["Principal"] for one in trust] == [{"AWS": f"arn:aws:iam::{given['PayerAccount']}:root"}]
        assert trust[0]["Condition"]["StringEquals"]["aws:PrincipalOrgID"] == given["OrganizationId"]


def test_the_forwarder_is_for_the_rule_of_its_own_account(sets: StackSets) -> None:
    for account in sets.enrolled:
        (statement,) = sets.roles(account)["RunawayTrainForwarder"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": account}


def test_every_region_of_the_policy_forwards_launches_with_that_role(sets: StackSets) -> None:
    assert len(sets.regions()) > 1
    for account in sets.enrolled:
        for region in sets.regions():
            assert RULE in sets.rules(account, region), f"{account} {region}"
            (target,) = sets.client("events", account, region).list_targets_by_rule(Rule=RULE)["Targets"]
            assert target["RoleArn"] == sets.roles(account)["RunawayTrainForwarder"]["Arn"]


def test_every_account_has_the_stack_with_alarms_where_billing_metrics_are(sets: StackSets) -> None:
    found = sets.client("cloudformation").list_stack_instances(StackSetName="runawaytrain-member-alarms")["Summaries"]
    assert {(account, "us-east-1") for account in sets.enrolled} <= {(one["Account"], one["Region"]) for one in found}
    assert {one["Region"] for one in found} == {"us-east-1"}


def test_an_account_outside_of_the_unit_gets_nothing(sets: StackSets) -> None:
    assert sets.roles(sets.stranger) == {}
    for region in sets.regions():
        assert sets.rules(sets.stranger, region) == []


def test_an_account_that_leaves_the_sets_loses_its_pieces(sets: StackSets) -> None:
    assert set(sets.roles(sets.leaver)) == ROLES
    cloudformation = sets.client("cloudformation")
    for one in reversed(sets.sets):
        regions = [region for group in one["StackInstancesGroup"] for region in group["Regions"]]
        cloudformation.delete_stack_instances(
            StackSetName=one["StackSetName"], Accounts=[sets.leaver], Regions=regions, RetainStacks=False
        )
    assert sets.roles(sets.leaver) == {}
    for region in sets.regions():
        assert sets.rules(sets.leaver, region) == []
