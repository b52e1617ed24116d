"""Names of columns in both kinds of report."""

import re


def export_name(legacy: str) -> str:
    """`lineItem/UsageAccountId` as a CUR 2.0 export spells it: `line_item_usage_account_id`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", legacy).replace("/", "_").replace(":", "_").replace(" ", "_").lower()
