"""A double of the AWS Price List, which ministack does not have: GetProducts over HTTP, in the shape that AWS answers
in.

It is served where all other services are, so that the Lambda's signature and its right to ask are checked here too.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html
"""

import hashlib
import json
import logging
from decimal import Decimal
from typing import Any

from ministack import app
from ministack.core import iam_actions, router
from ministack.core.responses import error_response_json, json_response

from .prices import PRICES, STORAGE

SERVICE, TARGET = "pricing", "AWSPriceListService"
JSON = "application/x-amz-json-1.1"
# What all products here have in common; a filter for anything else finds nothing.
LINUX = {
    "servicecode": "AmazonEC2",
    "servicename": "Amazon Elastic Compute Cloud",
    "operatingSystem": "Linux",
    "operation": "RunInstances",
    "preInstalledSw": "NA",
    "licenseModel": "No License required",
    "tenancy": "Shared",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
    "locationType": "AWS Region",
}
logger = logging.getLogger("bridge")


def install() -> None:
    router.SERVICE_PATTERNS[SERVICE] = {"target_prefixes": [TARGET], "credential_scope": SERVICE}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE
    app.SERVICE_HANDLERS[SERVICE] = answer


async def answer(_method: str, _path: str, headers: dict[str, str], body: bytes, _query: object) -> Any:
    operation = headers["x-amz-target"].removeprefix(f"{TARGET}.")
    if operation != "GetProducts":
        return error_response_json("UnknownOperationException", f"{operation} is not played here", content_type=JSON)
    wanted = json.loads(body)
    filters = {one["Field"]: one["Value"] for one in wanted.get("Filters", [])}
    found = products(wanted.get("ServiceCode"), filters)
    logger.info("the double of the price list has %d products for %s", len(found), json.dumps(filters))
    return json_response(
        {"FormatVersion": "aws_v1", "PriceList": [json.dumps(one) for one in found]}, content_type=JSON
    )


def products(service: str | None, filters: dict[str, str]) -> list[dict[str, Any]]:
    everything = (product(kind, region, usd) for kind, regions in PRICES.items() for region, usd in regions.items())
    return [
        one
        for one in everything
        if service == one["serviceCode"] and filters.items() <= one["product"]["attributes"].items()
    ]


def product(kind: str, region: str, usd: str) -> dict[str, Any]:
    """With the prices of its terms under the codes that AWS gives them: On-Demand, and an hour of it."""
    sku = hashlib.sha256(f"{kind} {region}".encode()).hexdigest()[:16].upper()
    offer = f"{sku}.JRTCKXETXF"
    rate = f"{offer}.6YS6EN2CT7"
    dimension = {
        "rateCode": rate,
        "unit": "Hrs",
        "beginRange": "0",
        "endRange": "Inf",
        "appliesTo": [],
        "description": f"${usd} per On Demand Linux {kind} Instance Hour",
        "pricePerUnit": {"USD": f"{Decimal(usd):.10f}"},
    }
    terms = {
        "sku": sku,
        "offerTermCode": "JRTCKXETXF",
        "effectiveDate": "2026-11-01T00:00:00Z",
        "termAttributes": {},
        "priceDimensions": {rate: dimension},
    }
    return {
        "product": {
            "productFamily": "Compute Instance",
            "sku": sku,
            "attributes": (
                LINUX | {"instanceType": kind, "regionCode": region, "storage": STORAGE.get(kind, "EBS only")}
            ),
        },
        "serviceCode": "AmazonEC2",
        "terms": {"OnDemand": {offer: terms}},
        "version": "20261101000000",
        "publicationDate": "2026-11-01T00:00:00Z",
    }
