//! Whether an adopted Cost and Usage Report can be read: its format, its granularity, where its bucket is and how that
//! is encrypted. The guard reads hourly reports of gzipped CSV or of Parquet.

use runawaytrain_core::contract::{FUNCTION_ROLE, HOME_REGION};
use runawaytrain_core::policy::CostReports;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::text::listed;

use super::ground::Ground;
use crate::cloud::cost_reports::ReportDefinition;
use crate::finding::{Cure, Finding};

const WHAT: &str = "cost report";
/// Another report beside it costs only the room that it takes.
const BESIDE: &str = "or write cur: {} to have a second report made beside it";

/// Asks for the definitions of reports, and for the bucket's encryption; nothing where the policy adopts no report.
pub async fn look(ground: Ground<'_>) -> Result<Vec<Finding>, Failure> {
    let Some(adopted) = ground.policy.policy.cost_reports().filter(|reports| !reports.is_made) else {
        return Ok(Vec::new());
    };
    let definitions = ground.cloud.report_definitions().await?;
    let Some(definition) = of(&adopted, &definitions) else { return Ok(vec![unknown(&adopted)]) };
    let key = ground.cloud.default_kms_key(&adopted.bucket).await?;
    Ok(vec![report(definition, key.as_deref())])
}

/// The definition whose files the policy names.
fn of<'a>(adopted: &CostReports, definitions: &'a [ReportDefinition]) -> Option<&'a ReportDefinition> {
    let folder = |one: &ReportDefinition| format!("{}/{}/", one.prefix.trim_matches('/'), one.name);
    definitions
        .iter()
        .filter(|one| one.bucket == adopted.bucket)
        .find(|one| folder(one).trim_start_matches('/').starts_with(adopted.prefix.as_str()))
}

fn unknown(adopted: &CostReports) -> Finding {
    let CostReports { bucket, prefix, .. } = adopted;
    let said = format!(
        "no Cost and Usage Report of this account goes to {bucket}/{prefix}. One of Data Exports is read as well, \
         where it is hourly, and gzipped CSV or Parquet; that cannot be told from here"
    );
    Finding::cannot_tell(WHAT, said, Some(Cure::new("in the policy file: cur.bucket, cur.prefix").remarked(BESIDE)))
}

fn report(definition: &ReportDefinition, key: Option<&str>) -> Finding {
    let name = &definition.name;
    let mut amiss = Vec::new();
    if definition.time_unit != "HOURLY" {
        amiss.push(format!("it is {} and not hourly", definition.time_unit.to_lowercase()));
    }
    let written = match (definition.format.as_str(), definition.compression.as_str()) {
        ("textORcsv", "GZIP") => "gzipped CSV",
        ("Parquet", "Parquet") => "Parquet",
        (format, compression) => {
            amiss.push(format!("its files are {format} compressed by {compression}, and not gzipped CSV or Parquet"));
            ""
        }
    };
    if definition.region != HOME_REGION {
        amiss.push(format!("its bucket is in {}, and the guard reads in {HOME_REGION}", definition.region));
    }
    if definition.last_status.starts_with("ERROR") {
        amiss.push(format!("AWS could not deliver it: {}", definition.last_status));
    }
    if !amiss.is_empty() {
        let said = format!("{name} cannot be read: {}", listed(&amiss));
        let cure = Cure::new("in the policy file: cur: {}");
        return Finding::missing(WHAT, said, cure.remarked("a second report is made beside it"));
    }
    if let Some(key) = key {
        let said = format!("{name} is hourly and {written}; its bucket is encrypted by {key}");
        let cure = Cure::new(format!("allow kms:Decrypt to role/{FUNCTION_ROLE} in the key's policy"));
        return Finding::cannot_tell(WHAT, said, Some(cure.remarked(BESIDE)));
    }
    Finding::ok(WHAT, format!("{name} is hourly and {written}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Status;

    fn good() -> ReportDefinition {
        ReportDefinition {
            name: "hourly".into(),
            bucket: "payer-reports".into(),
            prefix: "cur".into(),
            region: "us-east-1".into(),
            time_unit: "HOURLY".into(),
            format: "textORcsv".into(),
            compression: "GZIP".into(),
            last_status: "SUCCESS".into(),
        }
    }

    #[test]
    fn what_could_not_be_read_is_said_before_it_is_deployed() {
        assert_eq!(report(&good(), None).status, Status::Ok);
        let parquet = ReportDefinition { format: "Parquet".into(), compression: "Parquet".into(), ..good() };
        assert_eq!(report(&parquet, None), Finding::ok(WHAT, "hourly is hourly and Parquet"));
        for (definition, said) in [
            (ReportDefinition { time_unit: "DAILY".into(), ..good() }, "it is daily and not hourly"),
            (ReportDefinition { compression: "ZIP".into(), ..good() }, "compressed by ZIP"),
            (ReportDefinition { region: "eu-west-1".into(), ..good() }, "its bucket is in eu-west-1"),
            (ReportDefinition { last_status: "ERROR_PERMISSIONS".into(), ..good() }, "ERROR_PERMISSIONS"),
        ] {
            let found = report(&definition, None);
            assert_eq!(found.status, Status::Missing);
            assert!(found.said.contains(said) && found.cures[0].exact.contains("cur: {}"), "{found:?}");
        }
        assert_eq!(report(&good(), Some("arn:aws:kms:us-east-1:1:key/k")).status, Status::CannotTell);
    }

    #[test]
    fn the_report_is_found_by_its_place() {
        let adopted =
            |prefix: &str| CostReports { bucket: "payer-reports".into(), prefix: prefix.into(), is_made: false };
        for prefix in ["", "cur/", "cur/hourly/"] {
            assert_eq!(of(&adopted(prefix), &[good()]), Some(&good()), "{prefix}");
        }
        assert_eq!(of(&adopted("other/"), &[good()]), None);
        assert_eq!(of(&adopted("cur/"), &[ReportDefinition { bucket: "another".into(), ..good() }]), None);
    }
}
