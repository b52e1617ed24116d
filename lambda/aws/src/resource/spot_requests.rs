//! Spot requests: those that may still launch something are cancelled.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, SpotInstanceRequest, SpotInstanceState, SpotInstanceType};

use runawaytrain_core::resource::Act;
use runawaytrain_core::resource::spot_requests::{Action, SpotRequest};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::SpotRequestId;
use runawaytrain_engine::ports::Performed;

use crate::failure;
use crate::resource::call::done;

/// The most that EC2 gives at a time.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html#api-pagination>
const PAGE: i32 = 1000;

/// Every request of a region that is not closed, all pages.
pub(super) async fn look(client: &Client) -> Result<Vec<SpotRequest>, Failure> {
    // Those that were closed stay visible for days, and a thief's are many.
    let alive = Filter::builder().name("state").values("open").values("active").build();
    let mut pages = client.describe_spot_instance_requests().filters(alive).max_results(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("ec2:DescribeSpotInstanceRequests", &error))?;
        found.extend(page.spot_instance_requests().iter().filter_map(request));
    }
    Ok(found)
}

/// `disabled` ones are left out like the closed: they are persistent ones whose instance is stopped, and ask for
/// nothing.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-request-status.html>
fn request(seen: &SpotInstanceRequest) -> Option<SpotRequest> {
    use SpotInstanceState::{Active, Cancelled, Closed, Disabled, Failed};
    if matches!(seen.state(), Some(Cancelled | Closed | Disabled | Failed)) {
        return None;
    }
    Some(SpotRequest {
        id: SpotRequestId::new(seen.spot_instance_request_id()?),
        open: seen.state() != Some(&Active),
        persistent: seen.r#type() == Some(&SpotInstanceType::Persistent),
    })
}

/// Their running instances run on.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CancelSpotInstanceRequests.html>
pub(super) async fn perform(client: &Client, action: &Action) -> Result<Performed, Failure> {
    let Action::CancelSpotRequests { requests, .. } = action;
    let ids = requests.iter().map(|id| id.as_str().to_owned()).collect();
    done!(action.operation(), client.cancel_spot_instance_requests().set_spot_instance_request_ids(Some(ids)))
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::vocabulary::ids::Region;

    use super::*;
    use crate::wire::Script;

    fn request_xml(id: &str, state: &str, request_type: &str) -> String {
        let id = format!("<spotInstanceRequestId>{id}</spotInstanceRequestId>");
        format!("<item>{id}<state>{state}</state><type>{request_type}</type></item>")
    }

    #[tokio::test]
    async fn every_page_is_read_and_only_what_may_launch_again_is_taken() {
        let script = Script::new(|asked| {
            let (requests, more) = if asked.contains("NextToken=next") {
                (request_xml("sir-3", "active", "persistent") + &request_xml("sir-4", "cancelled", "persistent"), "")
            } else {
                (
                    request_xml("sir-1", "open", "one-time") + &request_xml("sir-2", "disabled", "persistent"),
                    "<nextToken>next</nextToken>",
                )
            };
            let set = format!("<spotInstanceRequestSet>{requests}</spotInstanceRequestSet>{more}");
            (200, format!("<DescribeSpotInstanceRequestsResponse>{set}</DescribeSpotInstanceRequestsResponse>"))
        });
        let requests = look(&Client::new(&script.config())).await.unwrap();
        let requests: Vec<_> =
            requests.iter().map(|request| (request.id.as_str(), request.open, request.persistent)).collect();
        assert_eq!(requests, [("sir-1", true, false), ("sir-3", false, true)]);
        assert_eq!(script.asked().len(), 2);
    }

    #[tokio::test]
    async fn requests_are_cancelled_in_one_call() {
        let script = Script::new(|_| (200, "<CancelSpotInstanceRequestsResponse/>".to_owned()));
        let requests = vec![SpotRequestId::new("sir-1"), SpotRequestId::new("sir-2")];
        let cancel = Action::CancelSpotRequests { region: Region::new("us-east-1"), requests };
        assert_eq!(perform(&Client::new(&script.config()), &cancel).await, Ok(Performed::Done));
        let asked = script.asked();
        let expected = "SpotInstanceRequestId.1=sir-1&SpotInstanceRequestId.2=sir-2";
        assert!(asked.len() == 1 && asked[0].contains(expected), "{asked:?}");
    }
}
