//! Logs, traces and metrics. Nothing in them is patient data: route templates, statuses, durations, ids of requests.

use std::time::Duration;

use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{Protocol, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Metadata;
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::error::{Error, Result};

/// The instruments of the service. Recording on them is free while no exporter is set.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Histogram<f64>,
    commits: Histogram<f64>,
    conflicts: Counter<u64>,
    emergencies: Counter<u64>,
    deliveries: Histogram<f64>,
}

impl Metrics {
    /// Instruments of the global meter.
    #[must_use]
    pub fn new() -> Self {
        let meter = global::meter("kap-fhir");
        Self {
            requests: meter
                .f64_histogram("http.server.request.duration")
                .with_unit("s")
                .build(),
            commits: meter
                .f64_histogram("kap.store.write.duration")
                .with_unit("s")
                .build(),
            conflicts: meter.u64_counter("kap.store.conflicts").build(),
            emergencies: meter.u64_counter("kap.access.emergencies").build(),
            deliveries: meter
                .f64_histogram("kap.delivery.duration")
                .with_unit("s")
                .build(),
        }
    }

    /// One answered request.
    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = [
            KeyValue::new("http.request.method", method.to_owned()),
            KeyValue::new("http.route", route.to_owned()),
            KeyValue::new("http.response.status_code", i64::from(status)),
        ];
        self.requests.record(took.as_secs_f64(), &labels);
    }

    /// One durable write, by its name.
    pub fn commit(&self, name: &'static str, took: Duration) {
        self.commits
            .record(took.as_secs_f64(), &[KeyValue::new("name", name)]);
    }

    /// One use of emergency access: `token` for a token that was given, `request` for a request with one.
    pub fn emergency(&self, what: &'static str) {
        self.emergencies.add(1, &[KeyValue::new("what", what)]);
    }

    /// One call to a subscriber. `status` is that of HTTP; 0 where there was no answer.
    pub fn delivery(&self, kind: &'static str, status: i64, took: Duration) {
        let kind = KeyValue::new("kind", kind);
        let status = KeyValue::new("status", status);
        self.deliveries.record(took.as_secs_f64(), &[kind, status]);
    }

    /// One write that lost a race and was tried again.
    pub fn conflict(&self, guard: &'static str) {
        self.conflicts.add(1, &[KeyValue::new("guard", guard)]);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// What must be flushed before the process ends.
#[derive(Debug, Default)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
}

impl Telemetry {
    /// Sends what is still buffered.
    pub fn shutdown(self) {
        if let Some(traces) = self.traces {
            let _ = traces.shutdown();
        }
        if let Some(metrics) = self.metrics {
            let _ = metrics.shutdown();
        }
    }
}

/// Starts logging to standard error as JSON lines and, where `endpoint` is given, OTLP export of traces and metrics.
///
/// # Errors
/// When the filter or the endpoint cannot be used.
pub fn start(filter: &str, endpoint: Option<&str>) -> Result<Telemetry> {
    let filter = EnvFilter::try_new(filter).map_err(Error::internal)?;
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(std::io::stderr)
        // No line shows a span, so none need be kept for the lines.
        .with_filter(filter.and(filter_fn(|of: &Metadata<'_>| of.is_event())));
    let registry = tracing_subscriber::registry().with(lines);
    let Some(endpoint) = endpoint else {
        let _ = registry.try_init();
        return Ok(Telemetry::default());
    };
    global::set_text_map_propagator(TraceContextPropagator::new());
    let telemetry = exporters(endpoint)?;
    let tracer = telemetry.traces.as_ref().map(|p| p.tracer("kap-fhir"));
    let spans = tracer.map(|t| tracing_opentelemetry::layer().with_tracer(t));
    let _ = registry.with(spans).try_init();
    Ok(telemetry)
}

fn exporters(endpoint: &str) -> Result<Telemetry> {
    let endpoint = endpoint.trim_end_matches('/');
    let resource = Resource::builder().with_service_name("kap-fhir").build();
    let spans = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{endpoint}/v1/traces"))
        .build()
        .map_err(Error::internal)?;
    let numbers = opentelemetry_otlp::MetricExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{endpoint}/v1/metrics"))
        .build()
        .map_err(Error::internal)?;
    let traces = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(spans)
        .build();
    let metrics = SdkMeterProvider::builder()
        .with_resource(resource)
        .with_periodic_exporter(numbers)
        .build();
    global::set_tracer_provider(traces.clone());
    global::set_meter_provider(metrics.clone());
    Ok(Telemetry {
        traces: Some(traces),
        metrics: Some(metrics),
    })
}
