//! Docker Hub's pull quota, from the headers of any manifest answer. Pure.

use http::HeaderMap;

use crate::facts::Quota;

/// The quota that these headers tell, if they tell a whole one.
pub(super) fn quota(headers: &HeaderMap) -> Option<Quota> {
    let number = |name| {
        let value = headers.get(name)?.to_str().ok()?;
        // `100;w=21600`: the number of pulls, then the window's seconds.
        value.split(';').next()?.trim().parse::<u32>().ok()
    };
    Some(Quota { limit: number("ratelimit-limit")?, remaining: number("ratelimit-remaining")? })
}

/// Whether less than `floor` (a share of the limit) is left.
pub(super) fn is_low(quota: Quota, floor: f64) -> bool {
    f64::from(quota.remaining) < floor * f64::from(quota.limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(limit: &str, remaining: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("ratelimit-limit", limit.parse().unwrap());
        headers.insert("ratelimit-remaining", remaining.parse().unwrap());
        headers
    }

    #[test]
    fn the_headers_of_docker_hub_are_read() {
        let told = quota(&headers("100;w=21600", "76;w=21600"));
        assert_eq!(told, Some(Quota { limit: 100, remaining: 76 }));
        assert_eq!(quota(&headers("100", "0")), Some(Quota { limit: 100, remaining: 0 }));
        for (limit, remaining) in [("", "1"), ("many", "1"), ("-1", "1"), ("1e3", "1"), ("1", "")] {
            assert_eq!(quota(&headers(limit, remaining)), None, "{limit} {remaining}");
        }
        assert_eq!(quota(&HeaderMap::new()), None);
    }

    #[test]
    fn low_is_less_than_the_share_that_is_kept_for_the_nodes() {
        let left = |remaining| Quota { limit: 100, remaining };
        assert!(is_low(left(49), 0.5));
        assert!(!is_low(left(50), 0.5));
        assert!(!is_low(left(0), 0.0));
    }
}
