"""Makes the package folder of the reference validator: reference_home.py HOME.

HOME/.fhir/packages holds the R4 definitions already. The validator always loads these packages as well; without them
it would go to the network. Empty ones will do: what they would define is listed in JudgeReference.java.
"""

import json
import sys
from pathlib import Path

PACKAGES = {
    "hl7.terminology": "6.5.0",
    "hl7.terminology.r4": "6.5.0",
    "hl7.fhir.uv.extensions": "5.2.0",
    "hl7.fhir.uv.extensions.r4": "5.2.0",
    "hl7.fhir.xver-extensions": "0.1.0",
}
packages = Path(sys.argv[1]) / ".fhir" / "packages"
# Without this version the validator empties the folder.
(packages / "packages.ini").write_text("[cache]\nversion=4\n\n[urls]\n\n[local]\n\n[packages]\n")
for name, version in PACKAGES.items():
    folder = packages / f"{name}#{version}" / "package"
    folder.mkdir(parents=True, exist_ok=True)
    about = {"name": name, "version": version, "tools-version": 3, "type": "IG", "fhirVersions": ["4.0.1"]}
    about |= {"canonical": f"http://localhost/{name}", "dependencies": {}}
    (folder / "package.json").write_text(json.dumps(about))
    (folder / ".index.json").write_text(json.dumps({"index-version": 2, "files": []}))
