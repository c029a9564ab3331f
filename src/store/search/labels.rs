//! Which labels stand on records of a type: each is asked of by itself, so that as many records are looked at as there are
//! labels, and not as there are records.

use crate::access::Interaction;
use crate::error::Result;
use crate::store::filter::{Builder, Of, visible};
use crate::store::view::View;

/// Most labels of one list that are told of a type.
const MOST: usize = 500;

/// The parameters by which they are found.
const PROFILE: &str = "_profile";
const TAG: &str = "_tag";
const SECURITY: &str = "_security";

/// A label: system (empty where it has none) and code.
pub type Label = (String, String);

/// The labels that the caller sees on some record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InUse {
    pub profiles: Vec<String>,
    pub tags: Vec<Label>,
    pub security: Vec<Label>,
}

impl View<'_> {
    /// The labels that stand on any record of this type that the caller sees.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn labels_in_use(&self, kind: &'static str) -> Result<InUse> {
        let profiles = self.labels(kind, PROFILE).await?.into_iter();
        Ok(InUse {
            profiles: profiles.map(|(_, url)| url).collect(),
            tags: self.labels(kind, TAG).await?,
            security: self.labels(kind, SECURITY).await?,
        })
    }

    async fn labels(&self, kind: &'static str, list: &'static str) -> Result<Vec<Label>> {
        let mut out: Vec<Label> = Vec::new();
        let mut code = String::new();
        while out.len() < MOST {
            let next = self.of_next_code(kind, list, &code);
            let next = self.store.read(next.sql()).await?;
            let Some(row) = next.first() else { break };
            code = row.text(0).to_string();
            let mut systems = Vec::new();
            loop {
                let one = self.of_system(kind, list, &code, &systems);
                let one = self.store.read(one.sql()).await?;
                let Some(row) = one.first() else { break };
                systems.push(row.text(0).to_string());
            }
            out.extend(systems.into_iter().map(|system| (system, code.clone())));
        }
        out.sort();
        Ok(out)
    }

    /// The statement that finds the code that comes after `code`, whoever sees it.
    pub(in crate::store) fn of_next_code(
        &self,
        kind: &'static str,
        list: &'static str,
        code: &str,
    ) -> Builder {
        let mut b = Builder::default();
        b.push("SELECT x.code FROM index_token x WHERE x.tenant = ");
        b.bind(self.access.tenant()).push(" AND x.type = ");
        b.bind(kind).push(" AND x.param = ").bind(list);
        b.push(" AND x.code > ").bind(code);
        b.push(" ORDER BY x.code LIMIT 1");
        b
    }

    /// The statement that finds a system, other than these, under which the code stands on a record that the caller sees.
    pub(in crate::store) fn of_system(
        &self,
        kind: &'static str,
        list: &'static str,
        code: &str,
        but: &[String],
    ) -> Builder {
        let mut b = Builder::default();
        b.push("SELECT x.system FROM index_token x CROSS JOIN resource r WHERE x.tenant = ");
        b.bind(self.access.tenant()).push(" AND x.type = ");
        b.bind(kind).push(" AND x.param = ").bind(list);
        b.push(" AND x.code = ").bind(code);
        for system in but {
            b.push(" AND x.system <> ").bind(system.as_str());
        }
        b.push(" AND r.type = x.type AND r.id = x.id AND r.deleted = 0");
        visible(&mut b, self.access, "r", Of::One(kind, Interaction::Search));
        b.push(" LIMIT 1");
        b
    }
}
