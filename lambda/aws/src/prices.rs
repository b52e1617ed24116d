//! On-Demand prices, over the Price List API.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_pricing::types::{Filter, FilterType};
use serde::Deserialize;

use runawaytrain_core::measure::disks::LocalDisks;
use runawaytrain_core::measure::price::{PriceKey, Tenancy};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::{Listed, PriceList};

use crate::failure;
use crate::retry::ConnectionLost;

const GET_PRODUCTS: &str = "pricing:GetProducts";
const EC2: &str = "AmazonEC2";
/// The most that the price list gives at a time.
/// <https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html>
const PAGE: i32 = 100;

/// The price list. It is asked in us-east-1, one of the few regions that it answers in, about all regions.
pub(crate) struct SdkPriceList {
    client: aws_sdk_pricing::Client,
}

impl SdkPriceList {
    pub(crate) fn new(shared: &SdkConfig) -> Self {
        let settings = aws_sdk_pricing::config::Builder::from(shared).retry_classifier(ConnectionLost).build();
        Self { client: aws_sdk_pricing::Client::from_conf(settings) }
    }
}

#[async_trait]
impl PriceList for SdkPriceList {
    async fn on_demand(&self, key: &PriceKey) -> Result<Listed, Failure> {
        let filters =
            filters(key).map_err(|error| Failure::own(GET_PRODUCTS, FailureKind::Invalid, error.to_string()))?;
        let call = self
            .client
            .get_products()
            .service_code(EC2)
            .format_version("aws_v1")
            .set_filters(Some(filters))
            .max_results(PAGE);
        let mut pages = call.into_paginator().send();
        let (mut highest, mut disks) = (None, BTreeSet::new());
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure::of(GET_PRODUCTS, &error))?;
            for product in page.price_list() {
                // One that cannot be read may be the dearest: there is no price then, rather than one that may be too
                // low.
                let product: Product = serde_json::from_str(product).map_err(|why| unreadable(key, &why))?;
                let price = product.hourly().map_err(|why| unreadable(key, &why))?;
                disks.insert(LocalDisks::of_storage(product.product.attributes.storage.as_deref()));
                // Where products disagree, the dearest: what is not known must not be cheap.
                highest = highest.max(price);
            }
        }
        Ok(Listed { per_hour: highest, local_disks: agreed(&disks) })
    }
}

fn unreadable(key: &PriceKey, why: &dyn std::fmt::Display) -> Failure {
    Failure::own(GET_PRODUCTS, FailureKind::Other, format!("a product of {key} cannot be read: {why}"))
}

/// What several products say together. Where one tells of disks there are some; where none does and one says nothing,
/// nobody knows.
fn agreed(said: &BTreeSet<LocalDisks>) -> LocalDisks {
    if said.contains(&LocalDisks::Has) {
        LocalDisks::Has
    } else if said.contains(&LocalDisks::HasNone) && said.len() == 1 {
        LocalDisks::HasNone
    } else {
        LocalDisks::Unknown
    }
}

/// What picks the one product out of hundreds of the same type.
///
/// The operation implies the operating system, the licence and the software that comes with the image
/// (`RunInstances:0006` is Windows with SQL Server Standard), so that no filter is needed for these:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/billing-info-fields.html>. `Used` leaves out what a capacity
/// reservation costs, idle or not, and `OnDemand` what a capacity block does. Availability Zones only: a Local Zone has
/// a `regionCode` of its own.
fn filters(key: &PriceKey) -> Result<Vec<Filter>, aws_sdk_pricing::error::BuildError> {
    let tenancy = match key.tenancy {
        Tenancy::Shared => "Shared",
        // What runs on a dedicated host is listed at nothing, for the host is paid instead.
        Tenancy::Dedicated | Tenancy::Host => "Dedicated",
    };
    let wanted = [
        ("instanceType", key.instance_type.as_str()),
        ("regionCode", key.region.as_str()),
        ("operation", key.operation.as_str()),
        ("tenancy", tenancy),
        ("capacitystatus", "Used"),
        ("marketoption", "OnDemand"),
    ];
    wanted
        .into_iter()
        .map(|(field, value)| Filter::builder().r#type(FilterType::TermMatch).field(field).value(value).build())
        .collect()
}

/// A product of the price list, as far as it matters here.
/// <https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html>
#[derive(Deserialize)]
struct Product {
    #[serde(default)]
    product: About,
    #[serde(default)]
    terms: Terms,
}

#[derive(Default, Deserialize)]
struct About {
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Default, Deserialize)]
struct Attributes {
    /// `EBS only`, or which local disks the type has.
    storage: Option<String>,
}

#[derive(Default, Deserialize)]
struct Terms {
    #[serde(rename = "OnDemand", default)]
    on_demand: BTreeMap<String, Offer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
    price_dimensions: BTreeMap<String, Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    unit: String,
    /// By currency, as decimal text.
    price_per_unit: BTreeMap<String, String>,
}

impl Product {
    /// What a product costs in an hour, On-Demand; the dearest of several. A price of nothing is none: it stands for
    /// what is paid otherwise.
    fn hourly(&self) -> Result<Option<Usd>, String> {
        let mut highest = None;
        let dimensions = self.terms.on_demand.values().flat_map(|offer| offer.price_dimensions.values());
        for dimension in dimensions.filter(|dimension| dimension.unit == "Hrs") {
            let Some(price) = dimension.price_per_unit.get("USD") else { continue };
            let price = usd(price).ok_or_else(|| format!("{price:?} is not an amount of US dollars"))?;
            highest = highest.max(Some(price).filter(|price| *price > Usd::ZERO));
        }
        Ok(highest)
    }
}

/// An amount from decimal text, exactly; what is finer than a millionth counts as a whole one.
fn usd(text: &str) -> Option<Usd> {
    const DECIMALS: usize = 6;
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(decimals) {
        return None;
    }
    let (micros, finer) = decimals.split_at(decimals.len().min(DECIMALS));
    let micros: u64 = format!("{whole}{micros:0<DECIMALS$}").parse().ok()?;
    Some(Usd::micros(micros.checked_add(u64::from(finer.bytes().any(|digit| digit != b'0')))?))
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::vocabulary::ids::Region;
    use serde_json::{Value, json};

    use super::*;
    use crate::wire::Script;

    fn key() -> PriceKey {
        PriceKey {
            region: Region::new("eu-central-1"),
            instance_type: "p5.48xlarge".to_owned(),
            operation: "RunInstances".to_owned(),
            tenancy: Tenancy::Shared,
        }
    }

    /// A product in the shape that the price list answers in, reserved terms and all.
    fn product(sku: &str, usd: &str) -> Value {
        let (offer, rate) = (format!("{sku}.JRTCKXETXF"), format!("{sku}.JRTCKXETXF.6YS6EN2CT7"));
        json!({
            "product": {
                "productFamily": "Compute Instance",
                "attributes": {
                    "instanceType": "p5.48xlarge", "vcpu": "192", "memory": "2048 GiB", "operatingSystem": "Linux",
                    "licenseModel": "No License required", "preInstalledSw": "NA", "tenancy": "Shared",
                    "capacitystatus": "Used", "marketoption": "OnDemand", "operation": "RunInstances",
                    "usagetype": "EUC1-BoxUsage:p5.48xlarge", "regionCode": "eu-central-1",
                    "location": "EU (Frankfurt)", "locationType": "AWS Region",
                    "storage": "8 x 3840 GB NVMe SSD", "servicecode": "AmazonEC2", "servicename": "Amazon Elastic Compute Cloud",
                },
                "sku": sku,
            },
            "serviceCode": "AmazonEC2",
            "terms": {
                "OnDemand": { &offer: {
                    "priceDimensions": { &rate: {
                        "unit": "Hrs", "endRange": "Inf", "beginRange": "0", "appliesTo": [], "rateCode": &rate,
                        "description": format!("${usd} per On Demand Linux p5.48xlarge Instance Hour"),
                        "pricePerUnit": { "USD": usd },
                    }},
                    "sku": sku, "effectiveDate": "2026-11-01T00:00:00Z", "offerTermCode": "JRTCKXETXF",
                    "termAttributes": {},
                }},
                "Reserved": { format!("{sku}.HU7G6KETJZ"): {
                    "priceDimensions": { format!("{sku}.HU7G6KETJZ.2TG2D8R56U"): {
                        "unit": "Quantity", "description": "Upfront Fee", "appliesTo": [],
                        "rateCode": format!("{sku}.HU7G6KETJZ.2TG2D8R56U"),
                        "pricePerUnit": { "USD": "999999" },
                    }},
                    "sku": sku, "offerTermCode": "HU7G6KETJZ",
                    "termAttributes": {
                        "LeaseContractLength": "1yr", "OfferingClass": "standard", "PurchaseOption": "Partial Upfront",
                    },
                }},
            },
            "version": "20261101000000",
            "publicationDate": "2026-11-01T00:00:00Z",
        })
    }

    /// A page: each product is JSON written as a string.
    fn page(products: &[Value], next: Option<&str>) -> (u16, String) {
        let products: Vec<String> = products.iter().map(Value::to_string).collect();
        (200, json!({ "FormatVersion": "aws_v1", "PriceList": products, "NextToken": next }).to_string())
    }

    async fn listed(script: &Script) -> Listed {
        SdkPriceList::new(&script.config()).on_demand(&key()).await.unwrap()
    }

    async fn asked(script: &Script, key: &PriceKey) -> Result<Option<Usd>, Failure> {
        SdkPriceList::new(&script.config()).on_demand(key).await.map(|listed| listed.per_hour)
    }

    #[tokio::test]
    async fn the_hourly_price_is_taken_to_the_last_digit() {
        let script = Script::new(|_| page(&[product("AAAA", "123.4560010000")], None));
        assert_eq!(asked(&script, &key()).await, Ok(Some(Usd::micros(123_456_001))));
        let sent: Value = serde_json::from_str(script.asked().first().unwrap()).unwrap();
        assert_eq!(sent.get("ServiceCode"), Some(&json!("AmazonEC2")));
        let filters = sent.get("Filters").unwrap().as_array().unwrap();
        let of = |field: &str| {
            filters
                .iter()
                .find(|filter| filter.get("Field") == Some(&json!(field)))
                .and_then(|filter| filter.get("Value"))
        };
        let wanted = [
            ("instanceType", "p5.48xlarge"),
            ("regionCode", "eu-central-1"),
            ("operation", "RunInstances"),
            ("tenancy", "Shared"),
            ("capacitystatus", "Used"),
            ("marketoption", "OnDemand"),
        ];
        assert_eq!(filters.len(), wanted.len());
        for (field, value) in wanted {
            assert_eq!(of(field), Some(&json!(value)), "{field}");
        }
        assert!(filters.iter().all(|filter| filter.get("Type") == Some(&json!("TERM_MATCH"))));
    }

    #[tokio::test]
    async fn hosts_are_priced_like_dedicated_instances() {
        for tenancy in [Tenancy::Dedicated, Tenancy::Host] {
            let script = Script::new(|_| page(&[product("AAAA", "1")], None));
            assert_eq!(asked(&script, &PriceKey { tenancy, ..key() }).await, Ok(Some(Usd::micros(1_000_000))));
            assert!(script.asked().iter().all(|body| body.contains(r#""Value":"Dedicated""#)), "{tenancy:?}");
        }
    }

    #[tokio::test]
    async fn of_several_products_the_dearest_counts_and_a_price_of_nothing_is_none() {
        let disagreeing = Script::new(|_| {
            page(&[product("AAAA", "98.32"), product("BBBB", "99.0000000000"), product("CCCC", "0.0000000000")], None)
        });
        assert_eq!(asked(&disagreeing, &key()).await, Ok(Some(Usd::micros(99_000_000))));
        let placeholder = Script::new(|_| page(&[product("CCCC", "0.0000000000")], None));
        assert_eq!(asked(&placeholder, &key()).await, Ok(None));
    }

    #[tokio::test]
    async fn the_list_says_of_a_type_whether_it_has_local_disks() {
        let of = |storage: &[Option<&str>]| {
            let products: Vec<Value> = storage
                .iter()
                .map(|storage| {
                    let mut product = product("AAAA", "1");
                    product["product"]["attributes"]["storage"] = json!(storage);
                    product
                })
                .collect();
            Script::new(move |_| page(&products, None))
        };
        for (storage, local_disks) in [
            (vec![Some("8 x 3840 GB NVMe SSD")], LocalDisks::Has),
            (vec![Some("EBS only")], LocalDisks::HasNone),
            (vec![None], LocalDisks::Unknown),
            (vec![Some("EBS only"), Some("2 x 300 NVMe SSD"), None], LocalDisks::Has),
            (vec![Some("EBS only"), None], LocalDisks::Unknown),
            (Vec::new(), LocalDisks::Unknown),
        ] {
            assert_eq!(listed(&of(&storage)).await.local_disks, local_disks, "{storage:?}");
        }
    }

    #[tokio::test]
    async fn every_page_is_read_and_an_empty_one_is_not_the_last() {
        let script = Script::new(|asked| match asked {
            asked if asked.contains("page-three") => page(&[product("BBBB", "99")], None),
            asked if asked.contains("page-two") => page(&[], Some("page-three")),
            _ => page(&[product("AAAA", "98.32")], Some("page-two")),
        });
        assert_eq!(asked(&script, &key()).await, Ok(Some(Usd::micros(99_000_000))));
        assert_eq!(script.asked().len(), 3);
    }

    #[tokio::test]
    async fn no_product_is_no_price() {
        let none = Script::new(|_| page(&[], None));
        assert_eq!(asked(&none, &key()).await, Ok(None));
        // Products that are not sold by the hour, On-Demand, or in dollars.
        let mut reserved = product("AAAA", "98.32");
        reserved.get_mut("terms").unwrap().as_object_mut().unwrap().remove("OnDemand");
        let yuan: Value =
            serde_json::from_str(&product("BBBB", "98.32").to_string().replace("\"USD\"", "\"CNY\"")).unwrap();
        let seconds: Value =
            serde_json::from_str(&product("CCCC", "98.32").to_string().replace("\"Hrs\"", "\"Seconds\"")).unwrap();
        let other = Script::new(move |_| page(&[reserved.clone(), yuan.clone(), seconds.clone()], None));
        assert_eq!(asked(&other, &key()).await, Ok(None));
    }

    #[tokio::test]
    async fn a_product_that_cannot_be_read_is_a_failure_and_not_the_price_of_the_others() {
        for broken in [
            r#"{"product":{"sku""#,
            r#"{"terms":{"OnDemand":{"X":{"priceDimensions":{"Y":{"unit":"Hrs","pricePerUnit":{"USD":"98,32"}}}}}}}"#,
        ] {
            let answer =
                json!({ "FormatVersion": "aws_v1", "PriceList": [product("AAAA", "98.32").to_string(), broken] })
                    .to_string();
            let script = Script::new(move |_| (200, answer.clone()));
            let failure = asked(&script, &key()).await.unwrap_err();
            assert_eq!((failure.operation.as_str(), failure.kind), (GET_PRODUCTS, FailureKind::Other), "{failure}");
            assert!(failure.detail.contains("p5.48xlarge in eu-central-1"), "{failure}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_told_by_its_code() {
        for (code, kind) in [
            ("AccessDeniedException", FailureKind::Denied),
            ("ThrottlingException", FailureKind::Throttled),
            ("InternalErrorException", FailureKind::Unavailable),
        ] {
            let script = Script::new(move |_| (400, json!({ "__type": code, "message": "no" }).to_string()));
            let failure = asked(&script, &key()).await.unwrap_err();
            assert_eq!(
                (failure.operation.as_str(), failure.kind, failure.code.as_deref()),
                (GET_PRODUCTS, kind, Some(code))
            );
        }
    }

    #[test]
    fn amounts_are_read_exactly_and_never_down() {
        let amounts = [
            ("0.0104000000", 10_400),
            ("98.32", 98_320_000),
            ("7", 7_000_000),
            ("0.1", 100_000),
            ("0.0000010000", 1),
            ("0.0000000001", 1),
            ("1.0000019", 1_000_002),
            ("9007199254.740993", 9_007_199_254_740_993),
        ];
        for (text, micros) in amounts {
            assert_eq!(usd(text), Some(Usd::micros(micros)), "{text}");
        }
        for text in ["", ".5", "-1", "+1", "1e3", "1,5", "NaN", "1.2.3", " 1", "99999999999999999999"] {
            assert_eq!(usd(text), None, "{text:?}");
        }
    }
}
