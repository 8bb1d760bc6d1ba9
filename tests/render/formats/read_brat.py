"""Read an .ann file with brat-peek and print what it understood (run by test_brat.py)."""

import importlib.util
import json
import sys
from pathlib import Path

# The one module that reads: the package itself imports what draws charts, too.
(folder,) = importlib.util.find_spec("peek").submodule_search_locations
spec = importlib.util.spec_from_file_location("brat", Path(folder) / "ann_structure.py")
brat = importlib.util.module_from_spec(spec)
spec.loader.exec_module(brat)

document = brat.AnnDocument(sys.argv[1])
print(
    json.dumps(
        {
            "entities": [
                {"tag": e.tag, "span": e.span, "text": e.text} for e in document.anns["entities"]
            ],
            "events": [{"tag": e.tag} for e in document.anns["events"]],
            "attributes": [{"tag": a.tag} for a in document.anns["attributes"]],
            "notes": [n.note for n in document.anns["notes"]],
        }
    )
)
