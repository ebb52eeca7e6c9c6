use crate::Region;

/// A set of regions with a DNS suffix of its own.
#[derive(Debug)]
pub(crate) struct Partition {
    /// As it stands in an ARN.
    pub(crate) id: &'static str,
    pub(crate) dns_suffix: &'static str,
    /// What may stand before `-WORD-NUMBER` in a region of this partition.
    prefixes: &'static [&'static str],
}

/// From the SDKs' `partitions.json`, which stands in `data/`; a test holds every line against it. The first is the SDKs' fallback for a region that no pattern matches.
static PARTITIONS: [Partition; 8] = [
    Partition {
        id: "aws",
        dns_suffix: "amazonaws.com",
        prefixes: &["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"],
    },
    Partition { id: "aws-cn", dns_suffix: "amazonaws.com.cn", prefixes: &["cn"] },
    Partition { id: "aws-eusc", dns_suffix: "amazonaws.eu", prefixes: &["eusc-de"] },
    Partition { id: "aws-iso", dns_suffix: "c2s.ic.gov", prefixes: &["us-iso"] },
    Partition { id: "aws-iso-b", dns_suffix: "sc2s.sgov.gov", prefixes: &["us-isob"] },
    Partition { id: "aws-iso-e", dns_suffix: "cloud.adc-e.uk", prefixes: &["eu-isoe"] },
    Partition { id: "aws-iso-f", dns_suffix: "csp.hci.ic.gov", prefixes: &["us-isof"] },
    Partition { id: "aws-us-gov", dns_suffix: "amazonaws.com", prefixes: &["us-gov"] },
];

impl Partition {
    /// The partition that `region` belongs to.
    pub(crate) fn of(region: &Region) -> &'static Self {
        // A region's form guarantees both hyphens.
        let prefix = region.as_str().rsplitn(3, '-').nth(2).expect("a region has three groups");
        PARTITIONS.iter().find(|partition| partition.prefixes.contains(&prefix)).unwrap_or(&PARTITIONS[0])
    }

    /// Whether an SDK of today knows a partition of this name.
    pub(crate) fn is_known(id: &str) -> bool {
        PARTITIONS.iter().any(|partition| partition.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn data() -> Vec<Value> {
        let text = include_str!("../data/partitions.json");
        let data: Value = serde_json::from_str(text).unwrap();
        data["partitions"].as_array().unwrap().clone()
    }

    #[test]
    fn the_table_agrees_with_the_partition_data_of_the_sdks() {
        let data = data();
        assert_eq!(
            data.iter().map(|p| p["id"].as_str().unwrap()).collect::<Vec<_>>(),
            PARTITIONS.iter().map(|p| p.id).collect::<Vec<_>>(),
            "the partitions, in the data's order"
        );
        for (data, partition) in data.iter().zip(&PARTITIONS) {
            assert_eq!(data["outputs"]["dnsSuffix"], partition.dns_suffix);
            let prefixes = if let [only] = partition.prefixes
                && *only != "eusc-de"
            {
                only.replace('-', "\\-")
            } else {
                // `(us|eu|…)`; in the European Sovereign Cloud only the country is in parentheses.
                match partition.prefixes {
                    ["eusc-de"] => "eusc\\-(de)".to_owned(),
                    several => format!("({})", several.join("|")),
                }
            };
            assert_eq!(data["regionRegex"], format!("^{prefixes}\\-\\w+\\-\\d+$"));
        }
    }

    #[test]
    fn every_region_of_the_data_falls_into_its_partition() {
        let mut regions = 0;
        for data in data() {
            for name in data["regions"].as_object().unwrap().keys() {
                if name.ends_with("-global") {
                    // A name for services without a region. CodeCommit is none of them.
                    assert!(name.parse::<Region>().is_err());
                    continue;
                }
                let region: Region = name.parse().unwrap();
                assert_eq!(data["id"], region.partition(), "{name}");
                assert_eq!(data["outputs"]["dnsSuffix"], region.dns_suffix(), "{name}");
                regions += 1;
            }
        }
        assert!(regions >= 48, "{regions}");
    }

    #[test]
    fn what_no_pattern_matches_falls_back_as_in_the_sdks() {
        for name in ["mars-north-1", "us-new-thing-east-1", "eusc-fr-west-1"] {
            assert_eq!(name.parse::<Region>().unwrap().partition(), "aws", "{name}");
        }
        assert_eq!("cn-south-9".parse::<Region>().unwrap().partition(), "aws-cn");
    }
}
