//! Whether a type of instance has local disks (instance store), which any stop erases.

use serde::{Deserialize, Serialize};

/// Whether the instances of a type have local disks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalDisks {
    /// They have none: EBS volumes only, which a stop keeps.
    HasNone,
    /// They have some.
    Has,
    /// Nobody has said so far.
    #[default]
    Unknown,
}

impl LocalDisks {
    /// What the type's name says: a `d` among the letters after the generation stands for instance store, and the
    /// families D, H, I, Im and Is are made of it. Other families may have some, too.
    /// <https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html>
    pub fn named(instance_type: &str) -> Self {
        let family = instance_type.split_once('.').map_or(instance_type, |(family, _)| family);
        let family = family.split_once('-').map_or(family, |(family, _)| family);
        let (letters, rest) = family.split_at(family.find(|next: char| next.is_ascii_digit()).unwrap_or(family.len()));
        let is_made_of_it = matches!(letters, "d" | "h" | "i" | "im" | "is") && !rest.is_empty();
        if is_made_of_it || rest.contains('d') { Self::Has } else { Self::Unknown }
    }

    /// What a list says of a type, unless its name says more: to take a disk for none that is there costs the data.
    pub fn of(instance_type: &str, listed: Self) -> Self {
        match Self::named(instance_type) {
            Self::Has => Self::Has,
            Self::HasNone | Self::Unknown => listed,
        }
    }

    /// What the price list's attribute `storage` says, such as `EBS only` or `2 x 300 NVMe SSD`.
    pub fn of_storage(storage: Option<&str>) -> Self {
        match storage.map(str::trim) {
            Some("EBS only") => Self::HasNone,
            // Every other value tells of disks: how many, how large and of which kind.
            Some(disks) if disks.contains(|next: char| next.is_ascii_digit()) => Self::Has,
            Some(_) | None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_type_tells_of_local_disks_where_it_does() {
        for has in [
            "c5d.4xlarge",
            "m6id.large",
            "m5ad.large",
            "g4dn.xlarge",
            "x2iedn.32xlarge",
            "z1d.large",
            "p4d.24xlarge",
            "p4de.24xlarge",
            "i3.large",
            "i4i.metal",
            "i7ie.48xlarge",
            "im4gn.large",
            "is4gen.large",
            "d3en.xlarge",
            "h1.2xlarge",
            "hpc6id.32xlarge",
            "c6gd.metal",
        ] {
            assert_eq!(LocalDisks::named(has), LocalDisks::Has, "{has}");
        }
        for unsaid in [
            "t3.micro",
            "c5.4xlarge",
            "p5.48xlarge",
            "dl1.24xlarge",
            "inf2.xlarge",
            "u7i-12tb.224xlarge",
            "mac2-m2pro.metal",
            "hpc7g.xlarge",
            "p6-b200.48xlarge",
            "d",
            "",
            "medium",
        ] {
            assert_eq!(LocalDisks::named(unsaid), LocalDisks::Unknown, "{unsaid}");
        }
    }

    #[test]
    fn a_list_is_believed_unless_the_name_tells_of_disks() {
        assert_eq!(LocalDisks::of("c5.large", LocalDisks::HasNone), LocalDisks::HasNone);
        assert_eq!(LocalDisks::of("p5.48xlarge", LocalDisks::Has), LocalDisks::Has);
        assert_eq!(LocalDisks::of("c5d.large", LocalDisks::HasNone), LocalDisks::Has);
        assert_eq!(LocalDisks::of("q9.large", LocalDisks::Unknown), LocalDisks::Unknown);
    }

    #[test]
    fn the_storage_of_a_product_is_read_as_the_list_writes_it() {
        for (storage, said) in [
            (Some("EBS only"), LocalDisks::HasNone),
            (Some("2 x 300 NVMe SSD"), LocalDisks::Has),
            (Some("24 x 2000 HDD"), LocalDisks::Has),
            (Some("900 GB NVMe SSD"), LocalDisks::Has),
            (Some("NA"), LocalDisks::Unknown),
            (Some(""), LocalDisks::Unknown),
            (None, LocalDisks::Unknown),
        ] {
            assert_eq!(LocalDisks::of_storage(storage), said, "{storage:?}");
        }
    }
}
