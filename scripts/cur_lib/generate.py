"""A large legacy report, the same bytes each time: `python -m cur_lib.generate FILE MEGABYTES`.

Lines are as in real reports: some 180 columns of which most are empty, an id that does not compress, descriptions with
quoted commas, hour after hour of the same resources. Accounts and hours do not depend on the size, only the number of
resources does."""

import gzip
import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 11, 1, tzinfo=UTC)
HOURS = 30 * 24
ACCOUNTS = [f"{number:012}" for number in random.Random(1).sample(range(10**11, 10**12), 100)]

BEFORE = [
    "identity/LineItemId",
    "identity/TimeInterval",
    "bill/InvoiceId",
    "bill/InvoicingEntity",
    "bill/BillingEntity",
    "bill/BillType",
]
BEFORE += ["bill/PayerAccountId", "bill/BillingPeriodStartDate", "bill/BillingPeriodEndDate"]
LINE = [
    "UsageAccountId",
    "LineItemType",
    "UsageStartDate",
    "UsageEndDate",
    "ProductCode",
    "UsageType",
    "Operation",
    "AvailabilityZone",
    "ResourceId",
]
LINE += [
    "UsageAmount",
    "NormalizationFactor",
    "NormalizedUsageAmount",
    "CurrencyCode",
    "UnblendedRate",
    "UnblendedCost",
    "BlendedRate",
    "BlendedCost",
]
LINE += ["LineItemDescription", "TaxType", "LegalEntity"]
PRODUCT = [
    "ProductName",
    "clockSpeed",
    "currentGeneration",
    "databaseEngine",
    "ecu",
    "enhancedNetworkingSupported",
    "instanceFamily",
    "instanceType",
]
PRODUCT += [
    "licenseModel",
    "location",
    "locationType",
    "memory",
    "networkPerformance",
    "operatingSystem",
    "operation",
    "physicalProcessor",
]
PRODUCT += [
    "preInstalledSw",
    "processorArchitecture",
    "productFamily",
    "region",
    "servicecode",
    "servicename",
    "sku",
    "storage",
    "tenancy",
    "usagetype",
    "vcpu",
]
PRODUCT += [f"attribute{number}" for number in range(60)]
AFTER = [
    "LeaseContractLength",
    "OfferingClass",
    "PurchaseOption",
    "RateCode",
    "RateId",
    "currency",
    "publicOnDemandCost",
    "publicOnDemandRate",
    "term",
    "unit",
]
RESERVATION = [
    "AmortizedUpfrontCostForUsage",
    "EffectiveCost",
    "EndTime",
    "NumberOfReservations",
    "RecurringFeeForUsage",
    "ReservationARN",
    "StartTime",
]
RESERVATION += ["SubscriptionId", "TotalReservedUnits", "UnitsPerReservation", "UnusedQuantity", "UpfrontValue"]
SAVINGS = [
    "EndTime",
    "OfferingType",
    "PaymentOption",
    "PurchaseTerm",
    "Region",
    "SavingsPlanARN",
    "SavingsPlanEffectiveCost",
    "SavingsPlanRate",
    "StartTime",
]
TAGS = [
    "aws:createdBy",
    "user:app",
    "user:cost-center",
    "user:course",
    "user:environment",
    "user:owner",
    "user:project",
]
TAGS += [f"user:tag{number}" for number in range(30)]

COLUMNS = (
    BEFORE
    + [f"lineItem/{name}" for name in LINE]
    + [f"product/{name}" for name in PRODUCT]
    + [f"pricing/{name}" for name in AFTER]
)
COLUMNS += (
    [f"reservation/{name}" for name in RESERVATION]
    + [f"savingsPlan/{name}" for name in SAVINGS]
    + [f"resourceTags/{name}" for name in TAGS]
)

TYPES = {
    "m5.large": (0.096, "2", "8 GiB"),
    "c6i.4xlarge": (0.68, "16", "32 GiB"),
    "g5.xlarge": (1.006, "4", "16 GiB"),
    "p5.48xlarge": (98.32, "192", "2048 GiB"),
}
REGIONS = {
    "us-east-1": "US East (N. Virginia)",
    "us-west-2": "US West (Oregon)",
    "eu-central-1": "EU (Frankfurt)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
}
KINDS = (
    ["Usage"] * 88
    + ["SavingsPlanCoveredUsage"] * 5
    + ["SavingsPlanNegation"] * 3
    + ["DiscountedUsage"] * 2
    + ["Credit", "Tax"]
)


# What every line of a machine's hour has in common.
FIXED = {
    "bill/InvoicingEntity": '"Amazon Web Services, Inc."',
    "bill/BillingEntity": "AWS",
    "bill/BillType": "Anniversary",
    "bill/PayerAccountId": "999999999999",
    "bill/BillingPeriodStartDate": "2026-11-01T00:00:00Z",
    "bill/BillingPeriodEndDate": "2026-12-01T00:00:00Z",
    "lineItem/ProductCode": "AmazonEC2",
    "lineItem/Operation": "RunInstances",
    "lineItem/UsageAmount": "1.0000000000",
    "lineItem/NormalizationFactor": "4.0",
    "lineItem/NormalizedUsageAmount": "4.0",
    "lineItem/CurrencyCode": "USD",
    "lineItem/LegalEntity": '"Amazon Web Services, Inc."',
    "product/ProductName": "Amazon Elastic Compute Cloud",
    "product/clockSpeed": "2.8 GHz",
    "product/currentGeneration": "Yes",
    "product/ecu": "Variable",
    "product/enhancedNetworkingSupported": "Yes",
    "product/instanceFamily": "General purpose",
    "product/licenseModel": "No License required",
    "product/locationType": "AWS Region",
    "product/networkPerformance": "Up to 10 Gigabit",
    "product/operatingSystem": "Linux",
    "product/operation": "RunInstances",
    "product/physicalProcessor": "Intel Xeon Family",
    "product/preInstalledSw": "NA",
    "product/processorArchitecture": "64-bit",
    "product/productFamily": "Compute Instance",
    "product/servicecode": "AmazonEC2",
    "product/servicename": "Amazon Elastic Compute Cloud",
    "product/storage": "EBS only",
    "product/tenancy": "Shared",
    "pricing/currency": "USD",
    "pricing/term": "OnDemand",
    "pricing/unit": "Hrs",
}


def resource(chance: random.Random, number: int) -> tuple[list[str], float, str]:
    """The fields of one resource's lines, what it costs an hour, and its type of line. The id, the dates and the costs
    change from line to line."""
    kind, place = chance.choice(list(TYPES)), chance.choice(list(REGIONS))
    rate, vcpus, memory = TYPES[kind]
    # Every account has usage, in a small report as in a large one.
    line_type = "Usage" if number < len(ACCOUNTS) else chance.choice(KINDS)
    sku = "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=16))
    own = {
        "lineItem/UsageAccountId": ACCOUNTS[number % len(ACCOUNTS)],
        "lineItem/LineItemType": line_type,
        "lineItem/UsageType": f"BoxUsage:{kind}",
        "lineItem/AvailabilityZone": f"{place}a",
        "lineItem/ResourceId": f"i-{chance.getrandbits(68):017x}",
        "lineItem/UnblendedRate": f"{rate:.10f}",
        "lineItem/BlendedRate": f"{rate:.10f}",
        "lineItem/LineItemDescription": f'"${rate} per On Demand Linux {kind} Instance Hour, {REGIONS[place]}"',
        "product/instanceType": kind,
        "product/location": REGIONS[place],
        "product/memory": memory,
        "product/region": place,
        "product/sku": sku,
        "product/usagetype": f"BoxUsage:{kind}",
        "product/vcpu": vcpus,
        "pricing/RateCode": f"{sku}.JRTCKXETXF.6YS6EN2CT7",
        "pricing/RateId": str(chance.getrandbits(38)),
        "pricing/publicOnDemandCost": f"{rate:.10f}",
        "pricing/publicOnDemandRate": f"{rate:.10f}",
        "resourceTags/user:owner": f"student{chance.randrange(5000)}",
        "resourceTags/user:course": f'"CS {chance.randrange(100, 600)}, fall"',
    }
    fields = dict.fromkeys(COLUMNS, "") | FIXED | own
    return (
        [fields[name] for name in COLUMNS],
        -rate if line_type in ("Credit", "SavingsPlanNegation") else rate,
        line_type,
    )


def write(path: Path, megabytes: int) -> int:
    """The number of lines."""
    chance = random.Random(5)
    varying = [
        "identity/LineItemId",
        "identity/TimeInterval",
        "lineItem/UsageStartDate",
        "lineItem/UsageEndDate",
        "lineItem/UnblendedCost",
    ]
    varying += ["lineItem/BlendedCost", "reservation/EffectiveCost", "savingsPlan/SavingsPlanEffectiveCost"]
    at = [COLUMNS.index(name) for name in varying]
    resources = [resource(chance, number) for number in range(megabytes * 1_000_000 // (HOURS * 1_080))]
    templates = []
    for fields, rate, line_type in resources:
        for number, place in enumerate(at):
            fields[place] = f"{{{number}}}"
        templates.append((",".join(fields).format, rate, line_type))
    lines = 0
    with gzip.GzipFile(path, "wb", compresslevel=6, mtime=0) as target:
        target.write((",".join(COLUMNS) + "\n").encode())
        for hour in range(HOURS):
            start, end = (f"{START + timedelta(hours=hour + more):%Y-%m-%dT%H:%M:%SZ}" for more in (0, 1))
            text = []
            for template, rate, line_type in templates:
                spent = rate * chance.random()
                cost, effective = f"{spent:.10f}", f"{spent * 0.6:.10f}"
                reserved = line_type == "DiscountedUsage"
                text.append(
                    template(
                        f"{chance.getrandbits(208):052x}",
                        f"{start}/{end}",
                        start,
                        end,
                        "0.0000000000" if reserved else cost,
                        cost,
                        effective if reserved else "",
                        effective if line_type == "SavingsPlanCoveredUsage" else "",
                    )
                )
            lines += len(text)
            target.write(("\n".join(text) + "\n").encode())
    return lines


def main(file: Path, megabytes: int) -> int:
    """Writes the report, and beside it its manifest. The number of lines."""
    lines = write(file, megabytes)
    period = {"start": "20261101T000000.000Z", "end": "20261201T000000.000Z"}
    file.with_suffix(".json").write_text(
        json.dumps({"assemblyId": "bench", "compression": "GZIP", "billingPeriod": period, "reportKeys": [file.name]})
    )
    return lines


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), int(sys.argv[2])))
