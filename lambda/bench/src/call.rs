//! A request as one of AWS's services reads it, and what it answers.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::http::Request;

/// A request: who asks which service in which region for what.
#[derive(Debug)]
pub(crate) struct Call {
    /// As the signature names it: `ec2`, `monitoring`.
    pub service: String,
    /// As the service names it: `DescribeInstances`.
    pub operation: String,
    /// Whose credentials signed it.
    pub account: String,
    /// By its signature.
    pub region: String,
    /// Of the query protocols.
    parameters: HashMap<String, String>,
    /// Of the JSON protocols.
    pub body: Value,
}

impl Call {
    /// Reads a request; `None` for what is none of AWS's.
    pub fn read(request: &Request) -> Option<Self> {
        let (key, region, service) = scope(request.header("authorization")?)?;
        let account = key.get(4..16)?.to_owned();
        let call = |operation: &str, parameters, body| {
            let (service, region) = (service.to_owned(), region.to_owned());
            Some(Self { service, operation: operation.to_owned(), account: account.clone(), region, parameters, body })
        };
        if let Some(target) = request.header("x-amz-target") {
            let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
            return call(target.rsplit('.').next()?, HashMap::new(), body);
        }
        // https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
        if let Some((_, operation)) = request.path.split_once("/operation/") {
            return call(operation, HashMap::new(), Value::Null);
        }
        let parameters = form(std::str::from_utf8(&request.body).ok()?);
        let operation = parameters.get("Action")?.clone();
        call(&operation, parameters, Value::Null)
    }

    /// A call of a JSON protocol that nobody signed.
    pub fn of_json(service: &str, operation: &str, body: Value) -> Self {
        Self {
            service: service.to_owned(),
            operation: operation.to_owned(),
            account: String::new(),
            region: String::new(),
            parameters: HashMap::new(),
            body,
        }
    }

    /// A parameter of the query protocols.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// A list of them: `InstanceId` for `InstanceId.1` and so on.
    pub fn list(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|number| self.parameter(&format!("{name}.{number}"))).collect()
    }

    /// The values of a filter of EC2.
    pub fn filter(&self, name: &str) -> Option<Vec<&str>> {
        let number = (1..).take_while(|number| self.parameter(&format!("Filter.{number}.Name")).is_some());
        let number =
            number.into_iter().find(|number| self.parameter(&format!("Filter.{number}.Name")) == Some(name))?;
        Some(self.list(&format!("Filter.{number}.Value")))
    }

    /// A member of a body of the JSON protocols, as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name)?.as_str()
    }
}

/// The access key, the region and the service of a signature.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
fn scope(authorization: &str) -> Option<(&str, &str, &str)> {
    let (_, credential) = authorization.split_once("Credential=")?;
    let mut parts = credential.split([',', '/']);
    let (key, _date, region, service) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some((key, region, service))
}

/// The fields of a form.
fn form(body: &str) -> HashMap<String, String> {
    let decoded = |text: &str| {
        let text = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let fields = body.split('&').filter_map(|field| field.split_once('='));
    fields.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// What a service answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Bytes,
    pub content_type: &'static str,
    /// Of an error.
    pub code: Option<String>,
    /// How many things it is about: what a page lists, or a change changes.
    pub items: usize,
}

impl Answer {
    /// What EC2 answers.
    pub fn ec2(operation: &str, content: &str, items: usize) -> Self {
        let namespace = "http://ec2.amazonaws.com/doc/2016-11-15/";
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response xmlns=\"{namespace}\"><requestId>00000000-\
             0000-0000-0000-000000000000</requestId>{content}</{operation}Response>"
        );
        Self::xml(body, items)
    }

    /// What the other services of the query protocol answer.
    pub fn query(operation: &str, content: &str, items: usize) -> Self {
        let metadata = "<RequestId>00000000-0000-0000-0000-000000000000</RequestId>";
        let body = format!(
            "<{operation}Response><{operation}Result>{content}</{operation}Result><ResponseMetadata>{metadata}\
             </ResponseMetadata></{operation}Response>"
        );
        Self::xml(body, items)
    }

    /// What the JSON protocols answer.
    pub fn json(service: &str, body: &Value, items: usize) -> Self {
        Self { status: 200, body: body.to_string().into(), content_type: json_type(service), code: None, items }
    }

    /// What the binary protocol of CloudWatch answers: a map in CBOR.
    pub fn cbor(body: &'static [u8]) -> Self {
        Self { status: 200, body: body.into(), content_type: "application/cbor", code: None, items: 0 }
    }

    /// A refusal, as the service spells it.
    pub fn refused(service: &str, status: u16, code: &str, message: &str) -> Self {
        let text = crate::xml::escaped(message);
        let (body, content_type) = match service {
            "ec2" => (
                format!(
                    "<Response><Errors><Error><Code>{code}</Code><Message>{text}</Message></Error></Errors>\
                     <RequestID>0</RequestID></Response>"
                ),
                XML,
            ),
            "organizations" | "dynamodb" | "pricing" | "monitoring" => {
                let body = serde_json::json!({ "__type": code, "message": message, "Message": message });
                (body.to_string(), json_type(service))
            }
            _ => (
                format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error>\
                     <RequestId>0</RequestId></ErrorResponse>"
                ),
                XML,
            ),
        };
        Self { status, body: body.into(), content_type, code: Some(code.to_owned()), items: 0 }
    }

    /// What is none of AWS's.
    pub fn plain(status: u16, body: Bytes) -> Self {
        Self { status, body, content_type: "text/plain", code: None, items: 0 }
    }

    fn xml(body: String, items: usize) -> Self {
        Self { status: 200, body: body.into(), content_type: XML, code: None, items }
    }
}

const XML: &str = "text/xml;charset=UTF-8";

fn json_type(service: &str) -> &'static str {
    if service == "dynamodb" { "application/x-amz-json-1.0" } else { "application/x-amz-json-1.1" }
}
