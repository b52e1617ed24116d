//! What the CDK synthesized: the names of the stacks in its cloud assembly.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::problem::Problem;
use crate::stacks::GUARD;

const STACK: &str = "aws:cloudformation:stack";

/// The stacks that a cloud assembly would deploy.
/// <https://docs.aws.amazon.com/cdk/api/v2/docs/cloud-assembly-schema-readme.html>
pub fn stacks(folder: &Path) -> Result<BTreeSet<String>, Problem> {
    let file = folder.join("manifest.json");
    let text = std::fs::read_to_string(&file).map_err(|error| Problem::Stays {
        what: format!("{} cannot be read: {error}", file.display()),
        todo: "synthesize first: scripts/deploy does".to_owned(),
    })?;
    named(&text).filter(|stacks| stacks.contains(GUARD)).ok_or_else(|| Problem::Stays {
        what: format!("{} does not have the stack {GUARD}: it is no assembly of runawaytrain", file.display()),
        todo: "synthesize again: scripts/deploy does".to_owned(),
    })
}

/// None where it is no manifest: to take it for an empty one would be to take every stack for one too many.
fn named(manifest: &str) -> Option<BTreeSet<String>> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    let artifacts = manifest.get("artifacts")?.as_object()?;
    let stacks = artifacts
        .iter()
        .filter(|(_, artifact)| artifact.get("type").and_then(Value::as_str) == Some(STACK))
        .map(|(id, artifact)| {
            // An artifact that is called as its stack is does not say so again.
            let own = artifact.get("properties").and_then(|properties| properties.get("stackName"));
            own.and_then(Value::as_str).unwrap_or(id).to_owned()
        });
    Some(stacks.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_named_by_their_artifact_or_by_themselves() {
        let manifest = r#"{"artifacts":{"A":{"type":"aws:cloudformation:stack","properties":{"stackName":"Own"}},
            "B":{"type":"aws:cloudformation:stack","properties":{}},"T":{"type":"cdk:tree"}}}"#;
        assert_eq!(named(manifest), Some(["B", "Own"].map(str::to_owned).into()));
    }

    #[test]
    fn what_is_no_manifest_names_no_stacks_at_all() {
        for text in ["", "{}", r#"{"artifacts":{"A":{"type":"#, r#"{"artifacts":[]}"#] {
            assert_eq!(named(text), None, "{text}");
        }
    }
}
