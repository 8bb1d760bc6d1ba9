"""Validate tasks.json against interface.xml by Label Studio's SDK (run by test_labelstudio.py)."""

import copy
import json
import sys

from label_studio_sdk.label_interface import LabelInterface
from label_studio_sdk.label_interface.objects import PredictionValue, TaskValue

with open(sys.argv[1], encoding="utf-8") as file:
    interface = LabelInterface(file.read())
interface.validate()
with open(sys.argv[2], encoding="utf-8") as file:
    tasks = json.load(file)
errors = []
for task in tasks:
    TaskValue(**task)
    (prediction,) = task["predictions"]
    PredictionValue(**prediction)
    errors.append(interface.validate_prediction(prediction, return_errors=True))
wrong = copy.deepcopy(tasks[0]["predictions"][0])
wrong["result"][0]["value"]["labels"] = ["nonesuch"]
print(
    json.dumps(
        {
            "tasks": len(tasks),
            "errors": errors,
            "rejects_an_unknown_label": not interface.validate_prediction(wrong),
        }
    )
)
