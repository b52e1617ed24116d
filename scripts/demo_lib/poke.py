"""For --keep: how to look around in what was left running."""

from .cast import LAUNCH_REGION, PAYER, Account
from .cloud import ADMIN_SECRET, HOME_REGION
from .emulator import Emulator
from .paths import OPERATOR, Places
from .show import heading, say
from .stage import IMAGE

TEXT = """\
The emulator runs on at {endpoint} (process {pid}). An account's id is its administrator's access key.

  export AWS_ENDPOINT_URL={endpoint} AWS_REGION={region} AWS_DEFAULT_REGION={region} AWS_SECRET_ACCESS_KEY={secret} AWS_ACCESS_KEY_ID={payer} AWS_CA_BUNDLE={certificate}

What an operator types:
  {operator} --policy {temp}/runawaytrain.yaml status    (or check, halt {name}, release {name} …)
Ask the Lambda for a drill (or `proceed`):
  .tools/venv/bin/python -c 'import boto3, json; print(boto3.client("lambda").invoke(FunctionName="runawaytrain", Payload=json.dumps(dict(action="drill")))["Payload"].read().decode())'
Start an instance in the halted {name}, for the next `proceed` to stop:
  AWS_ACCESS_KEY_ID={account} .tools/venv/bin/python -c 'import boto3; boto3.client("ec2", "eu-west-1").run_instances(ImageId="{image}", InstanceType="t2.micro", MinCount=1, MaxCount=1)'
In {launches} nobody has to ask: a rule tells of the launch, and seconds later the instance is stopped.
With the AWS command line (version 2):
  aws lambda invoke --function-name runawaytrain --cli-read-timeout 0 --cli-binary-format raw-in-base64-out --payload '{{"action": "drill"}}' /dev/stdout
  aws organizations list-accounts
  aws dynamodb scan --table-name runawaytrain
  AWS_ACCESS_KEY_ID={account} aws ec2 describe-instances --region eu-west-1
The policy and the synthesized stack:
  {temp}/runawaytrain.yaml and {temp}/cdk.out

Stop it:
  kill -- -{pid}; sleep 3; rm -rf {temp}
"""


def tell(running: Emulator, places: Places, halted: Account) -> None:
    heading("Left running")
    text = TEXT.format(
        operator=OPERATOR,
        endpoint=running.endpoint,
        pid=running.child.pid,
        region=HOME_REGION,
        secret=ADMIN_SECRET,
        payer=PAYER,
        certificate=running.certificate,
        temp=places.temp,
        account=halted.id,
        name=halted.name,
        image=IMAGE,
        launches=LAUNCH_REGION,
    )
    # Printed as it is: a line that is broken to fit the terminal cannot be copied.
    say(text.rstrip())
