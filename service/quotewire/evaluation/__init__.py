"""Gold against predicted statements: addable counts per article, then scores.

Never loads a model, reads no environment and prints nothing.
"""

from quotewire.evaluation.gold import read_gold
from quotewire.evaluation.names import NameScore, same_name, score_names
from quotewire.evaluation.report import Difference, Report, compare
from quotewire.evaluation.rows import GoldArticle, Row, Via
from quotewire.evaluation.score import score_lines, score_rows

__all__ = [
    "Difference",
    "GoldArticle",
    "NameScore",
    "Report",
    "Row",
    "Via",
    "compare",
    "read_gold",
    "same_name",
    "score_lines",
    "score_names",
    "score_rows",
]
