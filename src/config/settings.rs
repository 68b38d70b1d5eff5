//! Every key there is, with its default: the list that files are checked against and that
//! `docs/configuration.md` is made of.

use super::node_hosts::NODE_CREDENTIALS;
use super::problem::Origin;
use super::raw::{Layer, Value, flag_of};

/// What a setting is where nobody gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Default {
    /// The same for every front; empty text is an empty list.
    Always(&'static str),
    /// Different for the two fronts.
    Each { serve: &'static str, check: &'static str },
    /// Nothing; what that means is in the setting's own words.
    Nothing,
}

/// One key of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setting {
    /// Its name.
    pub key: &'static str,
    /// Its default.
    pub default: Default,
    /// Whether a flag and a variable of the same name exist. Those that have none are mappings
    /// or lists of mappings, which only a file can hold well.
    pub flag: bool,
}

const fn setting(key: &'static str, default: Default) -> Setting {
    Setting { key, default, flag: true }
}

const fn file_only(key: &'static str) -> Setting {
    Setting { key, default: Default::Nothing, flag: false }
}

/// Every setting, in the order of the reference.
pub(super) const ALL: &[Setting] = &[
    setting("mode", Default::Each { serve: "warn", check: "enforce" }),
    setting("minimumMode", Default::Always("off")),
    file_only("actions"),
    file_only("overrides"),
    setting("enforced", Default::Always("")),
    file_only("exempt"),
    setting("allowedRegistries", Default::Always("")),
    setting("podMutation", Default::Always("none")),
    setting("nodeCredentials", Default::Always(NODE_CREDENTIALS)),
    setting("nodeMirrors", Default::Always("")),
    setting("pullThrough", Default::Always("")),
    setting("platform", Default::Always("")),
    setting("depth", Default::Always("layers")),
    setting("runtime", Default::Always("")),
    setting("maxImageSize", Default::Nothing),
    setting("quotaFloor", Default::Always("0.5")),
    setting("timeout", Default::Each { serve: "5s", check: "30s" }),
    setting("jobs", Default::Always("32")),
    setting("caFile", Default::Nothing),
    setting("insecureRegistry", Default::Always("")),
    setting("dockerConfig", Default::Nothing),
    setting("credentialProviderConfig", Default::Nothing),
    setting("credentialProviderBinDir", Default::Nothing),
    setting("certsD", Default::Nothing),
    setting("allowAddress", Default::Always("")),
    setting("kubeconfig", Default::Nothing),
    setting("logFormat", Default::Each { serve: "json", check: "text" }),
    setting("listen", Default::Always("[::]:8443")),
    setting("metricsListen", Default::Always("[::]:8080")),
    setting("tlsCert", Default::Nothing),
    setting("tlsKey", Default::Nothing),
    setting("tlsSecret", Default::Nothing),
    setting("tlsHost", Default::Always("")),
    setting("webhookConfiguration", Default::Always("pullcheck")),
    setting("denyAddress", Default::Always("")),
    setting("registryPorts", Default::Always("80,443,1024-65535")),
    setting("noCluster", Default::Always("false")),
    setting("events", Default::Always("false")),
    setting("output", Default::Always("human")),
    setting("namespace", Default::Always("default")),
    setting("cluster", Default::Always("false")),
];

/// The default of a setting, by the name of its flag without the dashes; none where it has none
/// or an empty one.
pub(super) fn default_of(flag: &str, serving: bool) -> Option<&'static str> {
    let is_it = |setting: &&Setting| flag_of(setting.key).strip_prefix("--") == Some(flag);
    let text = match ALL.iter().find(is_it)?.default {
        Default::Always(text) => text,
        Default::Each { serve, check } => {
            if serving {
                serve
            } else {
                check
            }
        }
        Default::Nothing => "",
    };
    Some(text).filter(|text| !text.is_empty())
}

/// The defaults as the lowest layer, read by the same rules as what people write.
pub(super) fn defaults(serving: bool) -> Layer {
    let mut layer = Layer::default();
    for setting in ALL {
        let text = match setting.default {
            Default::Always(text) => text,
            Default::Each { serve, check } => {
                if serving {
                    serve
                } else {
                    check
                }
            }
            Default::Nothing => continue,
        };
        layer.set(setting.key, Origin::Default, Value::Text(text.to_owned()));
    }
    layer
}
