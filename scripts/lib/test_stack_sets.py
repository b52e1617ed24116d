"""The stack sets of a synthesized RunawayTrainEnrollment, made by API in an organization, reach its accounts.

Run by `scripts/test templates`, which names the template in RUNAWAYTRAIN_ENROLLMENT. moto plays CloudFormation; it makes no
alarms and deploys nothing by itself into accounts that join later, so neither is claimed here.
"""

import json
import logging
import os
import unittest
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

PAYER = "123456789012"  # whoever has no other credentials is this account in moto
ROLES = {"RunawayTrainForwarder", "RunawayTrainResponder"}
RULE = "runawaytrain-launches"


class StackSets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request
        cls.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        cls.server.start()
        cls.addClassCleanup(cls.server.stop)
        cls.endpoint = "http://{}:{}".format(*cls.server.get_host_and_port())
        template = json.loads(Path(os.environ["RUNAWAYTRAIN_ENROLLMENT"]).read_text())
        cls.sets = [
            one["Properties"]
            for one in template["Resources"].values()
            if one["Type"] == "AWS::CloudFormation::StackSet"
        ]

        organizations = cls.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        root = organizations.list_roots()["Roots"][0]["Id"]
        unit = organizations.create_organizational_unit(ParentId=root, Name="labs")["OrganizationalUnit"]["Id"]
        cls.enrolled = [cls.account(organizations, root, unit, name) for name in ("physics", "genomics")]
        cls.leaver = cls.account(organizations, root, unit, "chemistry")
        cls.stranger = cls.account(organizations, root, root, "outside-of-the-unit")
        for one in cls.sets:
            cls.deploy(one, unit)

    @classmethod
    def account(cls, organizations, root: str, parent: str, name: str) -> str:
        made = organizations.create_account(Email=f"{name}@example.edu", AccountName=name)["CreateAccountStatus"][
            "AccountId"
        ]
        if parent != root:
            organizations.move_account(AccountId=made, SourceParentId=root, DestinationParentId=parent)
        return made

    @classmethod
    def deploy(cls, one: dict, unit: str) -> None:
        """What CloudFormation does with the resource, but for the unit, whose id exists only here."""
        cloudformation = cls.client("cloudformation")
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

    @classmethod
    def client(cls, service: str, account: str = PAYER, region: str = "us-east-1"):
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        if account != PAYER:
            role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
            given = cls.client("sts").assume_role(RoleArn=role, RoleSessionName="look")["Credentials"]
            keys = {
                "aws_access_key_id": given["AccessKeyId"],
                "aws_secret_access_key": given["SecretAccessKey"],
                "aws_session_token": given["SessionToken"],
            }
        return boto3.client(service, region_name=region, endpoint_url=cls.endpoint, **keys)

    def roles(self, account: str) -> dict:
        return {
            role["RoleName"]: role
            for role in self.client("iam", account).list_roles()["Roles"]
            if role["RoleName"] in ROLES
        }

    def rules(self, account: str, region: str) -> list[str]:
        return [rule["Name"] for rule in self.client("events", account, region).list_rules()["Rules"]]

    def regions(self) -> list[str]:
        return next(one for one in self.sets if one["StackSetName"] == "runawaytrain-member-region")[
            "StackInstancesGroup"
        ][0]["Regions"]

    def test_every_account_of_the_unit_has_both_roles(self):
        for account in self.enrolled:
            self.assertEqual(set(self.roles(account)), ROLES, account)

    def test_the_responder_trusts_the_payer_of_the_policy(self):
        for account in self.enrolled:
            trust = self.roles(account)["RunawayTrainResponder"]["AssumeRolePolicyDocument"]["Statement"]
            given = {one["ParameterKey"]: one["ParameterValue"] for one in self.sets[0]["Parameters"]}
            self.assertEqual(
                [one["Principal"] for one in trust], [{"AWS": f"arn:aws:iam::{given['PayerAccount']}:root"}]
            )
            self.assertEqual(trust[0]["Condition"]["StringEquals"]["aws:PrincipalOrgID"], given["OrganizationId"])

    def test_the_forwarder_is_for_the_rule_of_its_own_account(self):
        for account in self.enrolled:
            (statement,) = self.roles(account)["RunawayTrainForwarder"]["AssumeRolePolicyDocument"]["Statement"]
            self.assertEqual(statement["Condition"]["StringEquals"], {"aws:SourceAccount": account})

    def test_every_region_of_the_policy_forwards_launches_with_that_role(self):
        self.assertGreater(len(self.regions()), 1)
        for account in self.enrolled:
            for region in self.regions():
                self.assertIn(RULE, self.rules(account, region), f"{account} {region}")
                (target,) = self.client("events", account, region).list_targets_by_rule(Rule=RULE)["Targets"]
                self.assertEqual(target["RoleArn"], self.roles(account)["RunawayTrainForwarder"]["Arn"])

    def test_every_account_has_the_stack_with_alarms_where_billing_metrics_are(self):
        found = self.client("cloudformation").list_stack_instances(StackSetName="runawaytrain-member-alarms")[
            "Summaries"
        ]
        self.assertLessEqual(
            {(account, "us-east-1") for account in self.enrolled}, {(one["Account"], one["Region"]) for one in found}
        )
        self.assertEqual({one["Region"] for one in found}, {"us-east-1"})

    def test_an_account_outside_of_the_unit_gets_nothing(self):
        self.assertEqual(self.roles(self.stranger), {})
        for region in self.regions():
            self.assertEqual(self.rules(self.stranger, region), [])

    def test_an_account_that_leaves_the_sets_loses_its_pieces(self):
        self.assertEqual(set(self.roles(self.leaver)), ROLES)
        cloudformation = self.client("cloudformation")
        for one in reversed(self.sets):
            regions = [region for group in one["StackInstancesGroup"] for region in group["Regions"]]
            cloudformation.delete_stack_instances(
                StackSetName=one["StackSetName"], Accounts=[self.leaver], Regions=regions, RetainStacks=False
            )
        self.assertEqual(self.roles(self.leaver), {})
        for region in self.regions():
            self.assertEqual(self.rules(self.leaver, region), [])


if __name__ == "__main__":
    unittest.main()
