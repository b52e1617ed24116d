"""For --keep: how to look around in what was left running."""

from .cast import LAUNCH_REGION, PAYER, Account
from .cloud import ADMIN_SECRET, HOME_REGION
from .emulator import Emulator
from .paths import OPERATOR, Places
from .show import heading, say
from .stage import IMAGE


def tell(running: Emulator, places: Places, halted: Account) -> None:
    """Commands stand on one line, however long: what is broken to fit the terminal cannot be copied."""
    heading("Left running")
    endpoint, process = running.endpoint, running.child.pid
    say(f"""\
The emulator runs on at {endpoint} (process {process}). The id of an account is its administrator's access key. First type:

  export AWS_ENDPOINT_URL={endpoint} AWS_CA_BUNDLE={running.certificate} AWS_REGION={HOME_REGION} AWS_ACCESS_KEY_ID={PAYER} AWS_SECRET_ACCESS_KEY={ADMIN_SECRET}

What an operator types; in place of status also check, drill {halted.name}, history {halted.name}, release {halted.name} …
  {OPERATOR} --policy {places.temp}/runawaytrain.yaml status
Start an instance in the halted {halted.name}, for the next sweep to stop:
  AWS_ACCESS_KEY_ID={halted.id} .tools/venv/bin/python -c 'import boto3; boto3.client("ec2", "eu-west-1").run_instances(ImageId="{IMAGE}", InstanceType="t2.micro", MinCount=1, MaxCount=1)'
Let the guard sweep, without waiting for its schedule:
  .tools/venv/bin/python -c 'import boto3; print(boto3.client("lambda", "{HOME_REGION}").invoke(FunctionName="runawaytrain", Payload="{{\\"action\\": \\"proceed\\"}}")["Payload"].read().decode())'
In {LAUNCH_REGION} nobody has to wait for a sweep: a rule tells of the launch, and seconds later the instance is stopped.
With the AWS command line (version 2):
  aws lambda invoke --function-name runawaytrain --cli-read-timeout 0 --cli-binary-format raw-in-base64-out --payload '{{"action": "proceed"}}' /dev/stdout
  aws organizations list-accounts
  aws dynamodb scan --table-name runawaytrain
  AWS_ACCESS_KEY_ID={halted.id} aws ec2 describe-instances --region eu-west-1
The policy and the synthesized stack:
  {places.temp}/runawaytrain.yaml and {places.temp}/cdk.out

Stop it:
  kill -- -{process}; sleep 3; rm -rf {places.temp}""")
