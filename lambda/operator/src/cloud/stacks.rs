//! CloudFormation's stacks.

use aws_sdk_cloudformation::Client;

use runawaytrain_core::vocabulary::failure::Failure;

use super::{Cloud, all, failure};

/// A stack that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// CloudFormation's word, such as `UPDATE_COMPLETE`.
    pub status: String,
    /// What it gives out, by key.
    pub outputs: Vec<(String, String)>,
}

impl Cloud {
    pub(super) fn formation(&self) -> Client {
        Client::new(&self.shared)
    }

    /// A stack by its name; None where there is none.
    pub async fn stack(&self, name: &str) -> Result<Option<Stack>, Failure> {
        let answer = self.formation().describe_stacks().stack_name(name).send().await;
        match answer.map_err(|error| failure("cloudformation:DescribeStacks", &error)) {
            Ok(answer) => Ok(answer.stacks().first().map(stack)),
            // CloudFormation's code for a stack that is not there.
            Err(refused) if refused.code.as_deref() == Some("ValidationError") => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    /// Every stack of the account in us-east-1.
    pub async fn stacks(&self) -> Result<Vec<Stack>, Failure> {
        let asked = self.formation().describe_stacks().into_paginator().items().send();
        let found = all("cloudformation:DescribeStacks", asked).await?;
        Ok(found.iter().map(stack).collect())
    }

    /// Begins to delete a stack.
    pub async fn delete_stack(&self, name: &str) -> Result<(), Failure> {
        let answer = self.formation().delete_stack().stack_name(name).send().await;
        answer.map(drop).map_err(|error| failure("cloudformation:DeleteStack", &error))
    }

    /// What of a stack could not be deleted, and why.
    pub async fn deletion_failures(&self, name: &str) -> Result<Vec<String>, Failure> {
        let answer = self
            .formation()
            .describe_stack_events()
            .stack_name(name)
            .send()
            .await
            .map_err(|error| failure("cloudformation:DescribeStackEvents", &error))?;
        let failed = answer
            .stack_events()
            .iter()
            .filter(|event| event.resource_status().is_some_and(|status| status.as_str() == "DELETE_FAILED"));
        Ok(failed
            .filter_map(|event| {
                Some(format!(
                    "{}: {}",
                    event.logical_resource_id().unwrap_or_default(),
                    event.resource_status_reason()?
                ))
            })
            .collect())
    }
}

fn stack(found: &aws_sdk_cloudformation::types::Stack) -> Stack {
    let output = |output: &aws_sdk_cloudformation::types::Output| {
        Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()))
    };
    Stack {
        name: found.stack_name().unwrap_or_default().to_owned(),
        status: found.stack_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        outputs: found.outputs().iter().filter_map(output).collect(),
    }
}
