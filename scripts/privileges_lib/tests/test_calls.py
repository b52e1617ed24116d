"""From symbols and sources to operations, each with its action, its files and its role."""

from pathlib import Path

import pytest

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
impl MemberClients {
    pub(crate) fn ec2(&self) -> aws_sdk_ec2::Client {
    }
}

impl Payer {
    fn sts(&self) -> aws_sdk_sts::Client {}
}
"""


class Sources:
    def __init__(self, root: Path):
        self.root = root
        self.crates: dict[str, Path] = {}
        for crate, signed, names in (
            ("aws_sdk_ec2", "ec2", ("StopInstances", "DescribeInstances")),
            ("aws_sdk_dynamodb", "dynamodb", ("TransactWriteItems",)),
        ):
            self.crates[crate] = self.root / crate
            self.write(f"{crate}/src/config.rs", f'SigningName::from_static("{signed}")')
            for name in names:
                snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:]
                self.write(f"{crate}/src/operation/{snake}.rs", f'Metadata::new(\n    "{name}",\n    "X"')
        self.write("src/member_clients.rs", SESSIONS)
        self.write("src/resource/instances.rs", "client.stop_instances()\nclient\n    .describe_instances ()")
        self.write("src/resource/fleets.rs", "done(client.stop_instances)\n#[cfg(test)]\nclient.describe_instances()")
        self.write("src/ledger.rs", "client.transact_write_items()")

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def found(self, symbols: str) -> list[tuple[tuple[str, ...], set[str], bool]]:
        found = operations(symbols, self.crates, self.root / "src")
        return [(one.actions, one.files, one.in_session) for one in found]


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(tmp_path)


def test_what_is_sent_counts_and_nothing_else(sources: Sources) -> None:
    assert sources.found(SYMBOLS) == [
        (("ec2:DescribeInstances",), {"resource/instances.rs"}, True),
        (("ec2:StopInstances",), {"resource/instances.rs"}, True),
    ]


def test_a_module_is_what_is_at_the_root(sources: Sources) -> None:
    sources.write("src/resource.rs", "Client::stop_instances(client)")
    sources.write("src/observer.rs", "client.stop_instances()")
    stop = operations(SYMBOLS, sources.crates, sources.root / "src")[1]
    assert stop.files == {"observer.rs", "resource.rs", "resource/instances.rs"}
    assert stop.modules == {"observer", "resource"}


def test_a_function_of_ours_by_the_same_name_is_no_call(sources: Sources) -> None:
    ours = "sources.kind.stop_instances(account, region)\nfn stop_instances() {}\nkind::stop_instances()"
    sources.write("src/observer.rs", ours)
    assert sources.found(SYMBOLS)[1][1] == {"resource/instances.rs"}


def test_files_of_tests_do_not_count_and_hide_nothing(sources: Sources) -> None:
    sources.write("src/lib.rs", "#[cfg(test)]\nmod wire;\n\npub mod resource;")
    sources.write("src/wire.rs", "client.stop_instances()")
    sources.write("src/wire/double.rs", "client.stop_instances()")
    text = "#[cfg(test)]\nmod tests;\n\nclient.stop_instances();\nclient.describe_instances();\n"
    sources.write("src/resource/instances.rs", text)
    sources.write("src/resource/instances/tests.rs", "client.stop_instances()")
    sources.write("src/resource/fleets/tests.rs", "client.describe_instances()")
    assert [files for _, files, _ in sources.found(SYMBOLS)] == [
        {"resource/fleets/tests.rs", "resource/instances.rs"},
        {"resource/instances.rs"},
    ]


def test_a_transaction_needs_the_actions_of_its_items(sources: Sources) -> None:
    actions = ("dynamodb:ConditionCheckItem", "dynamodb:PutItem")
    assert sources.found(TRANSACTION) == [(actions, {"ledger.rs"}, False)]


def test_a_client_is_a_sessions_wherever_the_module_has_it(sources: Sources) -> None:
    sources.write("src/member_clients.rs", "mod ec2;")
    sources.write("src/member_clients/ec2.rs", SESSIONS.replace("-> aws_sdk_ec2", "-> &'a aws_sdk_ec2"))
    assert [in_session for _, _, in_session in sources.found(SYMBOLS)] == [True, True]


def test_blindness_is_no_clean_bill(sources: Sources) -> None:
    with pytest.raises(Blind):
        sources.found("")
    text = (sources.root / "src/resource/instances.rs").read_text()
    sources.write("src/resource/instances.rs", text.replace("stop_instances()", "stop_instances // by a macro"))
    with pytest.raises(Blind, match=r"neither `\.stop_instances\(\)` nor `Client::stop_instances`"):
        sources.found(SYMBOLS)
    sources.write("src/resource/instances.rs", text)
    no_clients = "impl MemberClients {\n    fn ec2(&self) -> Ec2 {}\n}\n"
    for blind in ("impl Clients {}", no_clients, SESSIONS.replace("MemberClients ", "Clients ")):
        sources.write("src/member_clients.rs", blind)
        with pytest.raises(Blind, match="impl MemberClients"):
            sources.found(SYMBOLS)
