//! How one host of the operator's configuration is spoken to: its own connections, and the headers
//! that go along.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::door::Doors;
use crate::registry::config::Limits;
use crate::registry::connect::{Connector, Manner, Parts};
use crate::registry::hosts::{Headers, Material};

/// How long an idle connection is kept: less than the 60 seconds after which common load balancers
/// close it, perhaps while a request is on its way.
const IDLE: Duration = Duration::from_secs(50);
/// Idle connections kept to one host: what sixteen lookups have under way at once, four parts of an
/// image each, so that none is closed between one image and the next.
const IDLE_PER_HOST: usize = 64;
/// Bytes of a body that an HTTP/2 server may send unasked: of a layer that is asked for its headers
/// alone, no more than these come.
const WINDOW: u32 = 256 * 1024;
/// How often an HTTP/2 connection in use is asked whether it still lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Bytes of an answer's headers.
const LONGEST_HEADERS: usize = 64 * 1024;
/// Sets of TLS settings with connections of their own.
const WAYS: u64 = 256;
/// How long settings that nobody uses any more are kept.
const UNUSED: Duration = Duration::from_secs(3_600);

/// Connections that are all made in the same manner. Cloning shares.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub(super) client: Client<Connector, Full<Bytes>>,
    pub(super) doors: Doors,
}

/// No connections yet.
pub(super) fn pool(parts: &Arc<Parts>, manner: Manner, limits: &Limits) -> Pool {
    let client = Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .http1_max_buf_size(LONGEST_HEADERS)
        .http2_initial_stream_window_size(WINDOW)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_timeout(limits.connect)
        .build(Connector::new(parts.clone(), manner));
    Pool { client, doors: Doors::new() }
}

/// How a configured host is spoken to. What was learnt by one way is not used on another.
pub(in crate::registry) struct Via {
    pub(super) pool: Pool,
    pub(super) headers: Headers,
    id: ViaId,
}

/// Tells ways apart; the same settings have the same one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::registry) struct ViaId([u8; 32]);

impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Via").field("headers", &self.headers).finish_non_exhaustive()
    }
}

impl fmt::Debug for ViaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ViaId(..)")
    }
}

impl fmt::Display for ViaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Via {
    pub(in crate::registry) fn id(&self) -> ViaId {
        self.id
    }
}

/// Every way there is, so that the same settings share their connections however often the files
/// are read.
pub(super) struct Ways {
    parts: Arc<Parts>,
    pools: Cache<[u8; 32], Pool>,
}

impl fmt::Debug for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ways")
    }
}

impl Ways {
    pub(super) fn new(parts: Arc<Parts>) -> Self {
        Self { parts, pools: Cache::builder().max_capacity(WAYS).time_to_idle(UNUSED).build() }
    }

    /// The way of these settings.
    ///
    /// # Errors
    /// What of the certificates is of no use.
    pub(super) fn via(
        &self,
        material: &Material,
        dial_timeout: Option<Duration>,
        headers: Headers,
    ) -> Result<Via, String> {
        let mut hash = Sha256::new();
        hash.update(material.fingerprint());
        hash.update(dial_timeout.map_or([0xff; 16], |limit| limit.as_nanos().to_le_bytes()));
        let settings: [u8; 32] = hash.clone().finalize().into();
        for (name, value) in headers.map() {
            for text in [name.as_str().as_bytes(), value.as_bytes()] {
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text);
            }
        }
        let id = ViaId(hash.finalize().into());
        if let Some(pool) = self.pools.get(&settings) {
            return Ok(Via { pool, headers, id });
        }
        let manner = Manner {
            tls: self.parts.tls.with(material)?,
            verify: Some(!material.skip_verify),
            dial_timeout,
        };
        let pool = pool(&self.parts, manner, &self.parts.limits);
        self.pools.insert(settings, pool.clone());
        Ok(Via { pool, headers, id })
    }
}
