"""Makes the cast real: the organization, its accounts, their instances and users."""

import json
from concurrent.futures import ThreadPoolExecutor

from .cast import PAYER, Account
from .cloud import Cloud

IMAGE = "ami-0123456789abcdef0"
TYPE = "t2.micro"
PASSWORD = "Correct-horse-battery-1"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def organization(cloud: Cloud, accounts: list[Account]) -> tuple[str, str]:
    """Makes the sub-accounts; answers the organization's id and its root's. (The emulator makes the organization itself
    when first asked.)"""
    client = cloud.admin("organizations", PAYER)
    identity = organization_id(cloud)
    root = client.list_roots()["Roots"][0]["Id"]
    for account in accounts:
        if not account.is_payer:
            made = client.create_account(Email=f"{account.name}@example.edu", AccountName=account.name)
            account.id = made["CreateAccountStatus"]["AccountId"]
    return identity, root


def organization_id(cloud: Cloud) -> str:
    return cloud.admin("organizations", PAYER).describe_organization()["Organization"]["Id"]


def people(cloud: Cloud, account: Account) -> None:
    """Users who may do everything, as a thief would like them."""
    iam = cloud.admin("iam", account.id)
    for person in account.people:
        iam.create_user(UserName=person.name)
        iam.put_user_policy(UserName=person.name, PolicyName="everything", PolicyDocument=json.dumps(EVERYTHING))
        made = [iam.create_access_key(UserName=person.name)["AccessKey"] for _ in range(person.keys)]
        account.keys[person.name] = [(key["AccessKeyId"], key["SecretAccessKey"]) for key in made]
        if person.login:
            iam.create_login_profile(UserName=person.name, Password=PASSWORD)


def launch(cloud: Cloud, account: Account, launches: dict[str, int], kind: str = TYPE) -> list[str]:
    """Starts instances of a type by region; answers their ids."""
    ids = []
    for region, count in launches.items():
        ec2 = cloud.admin("ec2", account.id, region)
        made = ec2.run_instances(ImageId=IMAGE, InstanceType=kind, MinCount=count, MaxCount=count)
        ids += [instance["InstanceId"] for instance in made["Instances"]]
    return ids


def populate(cloud: Cloud, accounts: list[Account]) -> None:
    def one(account: Account) -> None:
        people(cloud, account)
        launch(cloud, account, account.launches)

    with ThreadPoolExecutor(len(accounts)) as pool:
        list(pool.map(one, accounts))
