"""From trained weights to a model that can ship: decoding numbers, figures, card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from quotewire.evaluation import GoldArticle, Report, read_gold, score_lines, score_names
from quotewire.extraction.extractor import Extractor
from quotewire.extraction.model_folder import find_model
from quotewire.extraction.resolve import Attribution, Resolver
from quotewire.lines import extraction_to_line
from quotewire.training.card import CardFacts, write_card
from quotewire.training.tune import tune
from quotewire.types import ExtractOptions

OUT_OF_DOMAIN = (
    "source_f1",
    "cue_f1",
    "content_f1",
    "found_f1",
    "exact_f1",
    "soft_f1",
    "soft_statements_f1",
    "intermediary_f1",
    "speaker_name_accuracy",
)


def finish_model(
    folder: Path,
    *,
    gold: Path,
    layer: Path,
    outofdomain: Sequence[GoldArticle] = (),
    training: Sequence[str],
    known_failures: str,
) -> Iterator[str]:
    """Tunes ``folder`` on the development set, evaluates it the way every door goes, there and on
    articles of other newsrooms (which nothing is tuned on), and writes ``metrics.json`` and
    ``MODEL_CARD.md``; yields lines of news."""
    calibration_error: float | None = None
    for error, news in tune(folder, gold=gold, layer=layer):
        calibration_error = error
        yield news
    articles = read_gold(gold, layer=layer)
    report = evaluate_folder(folder, articles)
    names = names_on_gold(Resolver.load(folder), articles)
    extra = {
        "speaker_name_accuracy_on_gold_mentions": names,
        "calibration_error_cross_validated": calibration_error,
    }
    if outofdomain:
        elsewhere = evaluate_folder(folder, outofdomain)
        for metric in OUT_OF_DOMAIN:
            extra[f"outofdomain_{metric}"] = elsewhere.value(metric)
            yield f"other newsrooms {metric}: {100 * (elsewhere.value(metric) or 0):.1f}"
    command = f"quotewire evaluate --model {folder.name} --gold {gold} --layer {layer}"
    write_card(
        folder,
        report,
        CardFacts(
            training=training,
            extra_metrics=extra,
            command=command,
            known_failures=known_failures,
        ),
    )
    for metric in ("source_f1", "cue_f1", "content_f1", "exact_f1", "soft_f1", "intermediary_f1"):
        yield f"dev {metric}: {100 * (report.value(metric) or 0):.1f}"
    yield f"dev speaker names on gold mentions: {100 * (names or 0):.1f}"


def evaluate_folder(folder: Path, articles: Sequence[GoldArticle]) -> Report:
    """Scores a model folder's answers, both acts, at the model's own threshold."""
    extractor = Extractor.load(str(find_model(str(folder))))
    sent = [gold.article for gold in articles]
    answers = extractor.extract_many(iter(sent), options=ExtractOptions(all_acts=True))
    lines = [extraction_to_line(a, answer) for a, answer in zip(sent, answers, strict=True)]
    return score_lines(articles, lines)


def names_on_gold(resolver: Resolver, articles: Sequence[GoldArticle]) -> float | None:
    """Share of gold attributions, nested ones too, whose speaker's name is right when the resolver
    is given the gold spans."""
    pairs = []
    for article in articles:
        attributions = [
            Attribution(
                source=row.sources[0] if row.sources else None,
                cue=row.cue,
                content=row.content,
                speaker_type=row.speaker_type,
                intermediary=row.via[0].span if row.via else None,
                intermediary_kind=row.via[0].kind if row.via else None,
            )
            for row in article.rows
        ]
        names = resolver.resolve(article.article, attributions)
        pairs += [(row.speaker, n.speaker) for row, n in zip(article.rows, names, strict=True)]
    return score_names(pairs).accuracy
