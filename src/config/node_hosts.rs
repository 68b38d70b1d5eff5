//! Registries that nodes log in to by themselves where they run in that cloud: the default of
//! `nodeCredentials`, comma-separated. A refusal there is only likely, because the node's own
//! credential provider may cure it.

/// Amazon ECR in all partitions, with FIPS and dual-stack names, as EKS nodes list them under
/// `matchImages` for `ecr-credential-provider`; Google Container Registry and Artifact Registry;
/// Azure Container Registry and its national clouds. Not `public.ecr.aws`, which needs no login.
pub(super) const NODE_CREDENTIALS: &str = "\
    *.dkr.ecr.*.amazonaws.com,*.dkr.ecr-fips.*.amazonaws.com,*.dkr.ecr.*.amazonaws.com.cn,\
    *.dkr-ecr.*.on.aws,*.dkr-ecr-fips.*.on.aws,*.dkr-ecr.*.on.amazonwebservices.com.cn,\
    *.dkr.ecr.*.amazonaws.eu,*.dkr.ecr.*.c2s.ic.gov,*.dkr.ecr.*.sc2s.sgov.gov,\
    *.dkr.ecr.*.cloud.adc-e.uk,*.dkr.ecr.*.csp.hci.ic.gov,\
    gcr.io,*.gcr.io,*.pkg.dev,container.cloud.google.com,\
    *.azurecr.io,*.azurecr.cn,*.azurecr.de,*.azurecr.us";
