//! `$meta` of a resource: <https://hl7.org/fhir/R4/resource-operation-meta.html>.

use serde_json::{Map, Value, json};

use super::read::read;
use crate::access::Access;
use crate::app::App;
use crate::error::Result;
use crate::fhir::resource::Key;

/// Profiles, tags and security labels of a resource, as Parameters with one `return`.
///
/// # Errors
/// As a read.
pub async fn meta(app: &App, access: &Access, key: &Key) -> Result<String> {
    let row = read(app, access, key).await?;
    let value = row.value().unwrap_or_default();
    let mut meta = Map::new();
    for name in ["versionId", "lastUpdated", "profile", "security", "tag"] {
        let given = &value["meta"][name];
        // A part of a record changes with what its reader may see, its version does not.
        let frame = name == "versionId" || name == "lastUpdated";
        if !(given.is_null() || frame && row.redacted.is_some()) {
            meta.insert(name.to_owned(), given.clone());
        }
    }
    let answer = json!({
        "resourceType": "Parameters",
        "parameter": [{ "name": "return", "valueMeta": Value::Object(meta) }],
    });
    Ok(answer.to_string())
}
