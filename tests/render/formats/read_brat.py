"""Read an .ann file with brat-peek and print what it understood (run by test_brat.py)."""

import json
import sys

import peek.ann_structure as brat

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
