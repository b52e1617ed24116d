"""The listing of the seeds' handler is found between its fences."""

from pathlib import Path

from bench_lib import seeds


def test_only_the_listing_with_a_handler_is_taken(tmp_path: Path) -> None:
    handler = "\ndef lambda_handler(event, context):\n    return event['action']\n"
    (tmp_path / "readme.txt").write_text(f"text\n```\nimport boto3\n```\nmore\n```{handler}```\nand\n```\n{{}}\n```\n")
    (tmp_path / "other.txt").write_text("nothing here")
    found = seeds.listings(tmp_path)
    assert found == {"readme": handler}
    assert seeds.run(found["readme"]) == "proceed"
