//! The registered metrics and what is said of them, for the page of `docs` that lists them: a
//! metric that has counted nothing yet is in no scrape.

use prometheus_client::registry::{Metric, Registry, Unit};

/// Every metric, as it is scraped and as it is explained.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    registry: Registry,
    #[cfg(test)]
    described: Vec<Described>,
}

/// One metric in the words of its page.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct Described {
    /// As it is scraped.
    pub name: String,
    pub kind: String,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

impl Catalogue {
    /// Registers a metric. What its kind appends to the name (`_total`, `_info`) is left out here.
    pub(super) fn add(
        &mut self,
        name: &'static str,
        #[cfg_attr(
            not(test),
            expect(unused_variables, reason = "for the page, which a test holds")
        )]
        labels: &'static [&'static str],
        help: &'static str,
        metric: impl Metric,
    ) {
        #[cfg(test)]
        self.describe(name.to_owned(), labels, help, &metric);
        self.registry.register(name, help, metric);
    }

    /// The same for one without labels that counts in a unit, which ends its name.
    pub(super) fn add_with_unit(
        &mut self,
        name: &'static str,
        unit: &Unit,
        help: &'static str,
        metric: impl Metric,
    ) {
        #[cfg(test)]
        self.describe(format!("{name}_{}", unit.as_str()), &[], help, &metric);
        self.registry.register_with_unit(name, help, unit.clone(), metric);
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    #[cfg(test)]
    pub(super) fn described(&self) -> &[Described] {
        &self.described
    }

    #[cfg(test)]
    fn describe(
        &mut self,
        name: String,
        labels: &'static [&'static str],
        help: &'static str,
        metric: &impl Metric,
    ) {
        let kind = metric.metric_type().as_str().to_owned();
        let name = match kind.as_str() {
            "counter" => name + "_total",
            "info" => name + "_info",
            _ => name,
        };
        self.described.push(Described { name, kind, labels, help });
    }
}
