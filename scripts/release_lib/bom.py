"""The software bills of materials, in CycloneDX JSON.

The function's and the command's list what is linked as required, and what was only needed to build it as excluded. The
CDK app's is npm's own: none of it runs in AWS, it makes the templates.
"""

import json
import subprocess
import uuid
from datetime import UTC, datetime

from .crates import Crate, Tree, built_with, checksums, linked
from .paths import INFRA
from .problem import Problem
from .version import commit_time


def of_binary(package: str, target: str) -> str:
    """Of the function or of the command, by the name of its crate."""
    # Only the making of a release needs these; a deployment runs without them installed.
    from cyclonedx.factory.license import LicenseFactory
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentScope, ComponentType
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion
    from packageurl import PackageURL

    inside, around, sums = linked(package, target), built_with(package, target), checksums()
    licenses = LicenseFactory()

    def component(crate: Crate) -> Component:
        is_itself = crate == around.root
        purl = PackageURL("cargo", None, crate.name, crate.version)
        return Component(
            type=ComponentType.APPLICATION if is_itself else ComponentType.LIBRARY,
            name=crate.name,
            version=crate.version,
            purl=purl,
            bom_ref=purl.to_string(),
            scope=None
            if is_itself
            else ComponentScope.REQUIRED
            if crate in inside.licenses
            else ComponentScope.EXCLUDED,
            # Crates older than SPDX expressions write a stroke for `OR`.
            licenses=[licenses.make_from_string(around.licenses[crate].replace("/", " OR "))],
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sums[crate])] if crate in sums else [],
        )

    components = {crate: component(crate) for crate in around.licenses}
    made = Bom(components=[one for crate, one in components.items() if crate != around.root])
    made.metadata.component = components[around.root]
    made.metadata.timestamp = datetime.fromtimestamp(commit_time(), UTC)
    made.serial_number = uuid.uuid5(
        uuid.NAMESPACE_URL, f"{components[around.root].purl}?target={target}&time={commit_time()}"
    )
    for crate, needs in around.needs.items():
        made.register_dependency(components[crate], [components[one] for one in sorted(needs)])
    _no_stranger(inside, around)
    return make_outputter(made, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2) + "\n"


def of_infra() -> str:
    """Of the lock file, so that nothing need be installed."""
    command = ["npm", "sbom", "--package-lock-only", "--sbom-format", "cyclonedx", "--sbom-type", "application"]
    done = subprocess.run(command, cwd=INFRA, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"npm cannot tell what the CDK app consists of:\n{done.stderr.strip()}")
    made = json.loads(done.stdout)
    made["metadata"]["timestamp"] = datetime.fromtimestamp(commit_time(), UTC).isoformat()
    made["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(made['components'], sort_keys=True))}"
    return json.dumps(made, indent=2) + "\n"


def _no_stranger(inside: Tree, around: Tree) -> None:
    missing = inside.licenses.keys() - around.licenses.keys()
    if missing:
        raise Problem(
            f"cargo links what it does not build: {', '.join(sorted(crate.name for crate in missing))}. The list of the"
            " parts would be wrong."
        )
