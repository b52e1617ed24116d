"""From symbols and sources to operations, each with its action, its place and its role."""

import tempfile
import unittest
from pathlib import Path

from privileges_lib.calls import Blind, operations

SYMBOLS = """\
                 U aws_sdk_ec2::operation::stop_instances::builders::StopInstancesFluentBuilder::send
                 U aws_sdk_ec2::operation::describe_instances::paginator::DescribeInstancesPaginator::send
                 U aws_sdk_ec2::operation::run_instances::builders::RunInstancesInputBuilder::image_id
                 U <aws_sdk_ec2::operation::start_instances::StartInstancesError as core::fmt::Debug>::fmt
"""
TRANSACTION = """\
                 U aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsFluentBuilder::send
                 U aws_sdk_dynamodb::types::_transact_write_item::TransactWriteItemBuilder::condition_check
                 U aws_sdk_dynamodb::types::_transact_write_item::TransactWriteItemBuilder::put
                 U aws_sdk_dynamodb::types::_transact_write_item::TransactWriteItemBuilder::build
"""
SESSIONS = """\
impl Session {
    pub(crate) fn ec2(&self) -> aws_sdk_ec2::Client {
    }
}

impl Sessions {
    fn sts(&self) -> aws_sdk_sts::Client {}
}
"""


class Calls(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.crates = {}
        for crate, signed, names in (
            ("aws_sdk_ec2", "ec2", ("StopInstances", "DescribeInstances")), ("aws_sdk_dynamodb", "dynamodb", ("TransactWriteItems",)),
        ):
            self.crates[crate] = self.root / crate
            self.write(f"{crate}/src/config.rs", f'SigningName::from_static("{signed}")')
            for name in names:
                snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:]
                self.write(f"{crate}/src/operation/{snake}.rs", f'Metadata::new(\n    "{name}",\n    "X"')
        self.write("src/sessions.rs", SESSIONS)
        self.write("src/act/instances.rs", "client.stop_instances()\n#[cfg(test)]\nclient.describe_instances()")
        self.write("src/observe.rs", "client\n    .describe_instances ()")
        self.write("src/ledger.rs", "client.transact_write_items()")

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def found(self, symbols: str) -> list[tuple]:
        return [(one.actions, one.modules, one.in_session) for one in operations(symbols, self.crates, self.root / "src")]

    def test_what_is_sent_counts_and_nothing_else(self):
        expected = [(("ec2:DescribeInstances",), {"observe"}, True), (("ec2:StopInstances",), {"act"}, True)]
        self.assertEqual(self.found(SYMBOLS), expected)

    def test_a_transaction_needs_the_actions_of_its_items(self):
        self.assertEqual(self.found(TRANSACTION), [(("dynamodb:ConditionCheckItem", "dynamodb:PutItem"), {"ledger"}, False)])

    def test_blindness_is_no_clean_bill(self):
        self.assertRaises(Blind, self.found, "")
        self.write("src/act/instances.rs", "// client.stop_instances is called by a name that nobody finds")
        self.assertRaises(Blind, self.found, SYMBOLS)
        self.write("src/act/instances.rs", "client.stop_instances()")
        self.write("src/sessions.rs", "impl Clients {}")
        self.assertRaises(Blind, self.found, SYMBOLS)


if __name__ == "__main__":
    unittest.main()
