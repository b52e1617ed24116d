//! Services that are told something, or have nothing to tell: SNS, CloudWatch, the price list.

use serde_json::json;

use crate::call::{Answer, Call};
use crate::world::World;

/// An empty map in CBOR.
const EMPTY_MAP: &[u8] = &[0xa0];

pub(super) fn answer(world: &mut World, call: &Call) -> Option<Answer> {
    match (call.service.as_str(), call.operation.as_str()) {
        ("sns", "Publish") => {
            world.mails += 1;
            let message = "<MessageId>00000000-0000-0000-0000-000000000000</MessageId>";
            Some(Answer::query(&call.operation, message, 1))
        }
        ("monitoring", "PutMetricData" | "GetMetricData") => Some(Answer::cbor(EMPTY_MAP)),
        ("pricing", "GetProducts") => {
            let price = json!({ "unit": "Hrs", "pricePerUnit": { "USD": "0.0116000000" } });
            let terms = json!({ "OnDemand": { "term": { "priceDimensions": { "dimension": price } } } });
            let product = json!({ "product": { "attributes": { "storage": "EBS only" } }, "terms": terms });
            let body = json!({ "FormatVersion": "aws_v1", "PriceList": [product.to_string()] });
            Some(Answer::json("pricing", &body, 1))
        }
        _ => None,
    }
}
