"""What the named double of the price list knows: Linux, shared hardware, On-Demand, US dollars an hour. They are of the
size of AWS's own prices and are not kept up to date: the demo is about how a price is found and judged, not about what
it is.

Of `p5e.48xlarge` it has no price, on purpose: somebody in the demo runs one.
"""

# Whether a type has local disks, in the words of the list's attribute `storage`.
STORAGE = {"p5.48xlarge": "8 x 3840 GB NVMe SSD"}

PRICES = {
    "t2.micro": {
        "us-east-1": "0.0116",
        "us-east-2": "0.0116",
        "us-west-2": "0.0116",
        "eu-west-1": "0.0126",
        "eu-central-1": "0.0134",
        "ap-south-1": "0.0124",
        "ap-northeast-1": "0.0152",
        "ap-southeast-1": "0.0146",
        "ap-southeast-2": "0.0146",
        "sa-east-1": "0.0186",
    },
    "t3.micro": {"us-east-1": "0.0104", "us-west-2": "0.0104", "eu-west-1": "0.0114"},
    "p5.48xlarge": {"us-east-1": "55.04", "us-west-2": "55.04"},
}
