"""A payer account on moto, and what is missing in it put there piece by piece."""

import json

import boto3

from demo_lib.cloud import Client

from .servers import PAYER, Moto

SAMPLE = """\
# The payer, as people wrote it.
payer: "123456789012"   # in quotes

organization:
  id: o-exampleorg      # yours
  root: r-exam
  regions: [us-east-1]

mode: drill
defaults:
  limits: {instances: 20}
  notify: [cloud-team@example.edu]
  exempt:
    users: []
"""


def organization(moto: Moto, features: str = "ALL") -> tuple[str, str]:
    """Its id and its root's."""
    client = moto.client("organizations")
    made = client.create_organization(FeatureSet=features)["Organization"]["Id"]
    return made, client.list_roots()["Roots"][0]["Id"]


def member(moto: Moto, name: str = "lab") -> str:
    """A new account of the organization; its id."""
    made = moto.client("organizations").create_account(Email=f"{name}@example.edu", AccountName=name)
    return str(made["CreateAccountStatus"]["AccountId"])


def session_in(moto: Moto, account: str) -> dict[str, str]:
    """The credentials of an administrator of a member, as a program finds them."""
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    made = moto.client("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
        "AWS_SESSION_TOKEN": made["SessionToken"],
    }


def inside(moto: Moto, account: str, service: str, region: str = "us-east-1") -> Client:
    """A client of that administrator."""
    keys = {name.lower(): value for name, value in session_in(moto, account).items()}
    return boto3.client(service, region_name=region, endpoint_url=moto.endpoint, **keys)


def enable_scps(moto: Moto, root: str) -> None:
    moto.client("organizations").enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")


def billing_alerts(moto: Moto) -> None:
    dimensions = [{"Name": "Currency", "Value": "USD"}, {"Name": "LinkedAccount", "Value": "111111111111"}]
    moto.client("cloudwatch").put_metric_data(
        Namespace="AWS/Billing", MetricData=[{"MetricName": "EstimatedCharges", "Value": 3.0, "Dimensions": dimensions}]
    )


def trail(moto: Moto, name: str = "all-of-it", everyone: bool = True, logging: bool = True) -> None:
    moto.client("s3").create_bucket(Bucket=f"trail-{name}")
    client = moto.client("cloudtrail")
    client.create_trail(Name=name, S3BucketName=f"trail-{name}", IsMultiRegionTrail=True, IsOrganizationTrail=everyone)
    # What AWS gives a trail that names none; moto gives it nothing.
    client.put_event_selectors(
        TrailName=name, EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}]
    )
    if logging:
        client.start_logging(Name=name)


def bootstrapped(moto: Moto, version: int = 21) -> None:
    """What `cdk bootstrap` leaves: its stack gives out the version, and a parameter has it for the CDK."""
    moto.client("ssm").put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value=str(version), Type="String", Overwrite=True
    )
    template = {
        "Resources": {"T": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"BootstrapVersion": {"Value": str(version)}},
    }
    client = moto.client("cloudformation")
    client.delete_stack(StackName="CDKToolkit")
    client.create_stack(StackName="CDKToolkit", TemplateBody=json.dumps(template))


def whole(moto: Moto) -> tuple[str, str]:
    """Everything that can be there."""
    made, root = organization(moto)
    enable_scps(moto, root)
    billing_alerts(moto)
    trail(moto)
    bootstrapped(moto)
    return made, root


def policy_text(organization_id: str, root: str, payer: str = PAYER) -> str:
    return SAMPLE.replace("o-exampleorg", organization_id).replace("r-exam", root).replace(PAYER, payer)
