"""A teacher's answers as labels, and its states as what a student's should be like."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest
import torch

from quotewire.extraction.network import NetworkConfig
from quotewire.training.command import read_config, train, unlabelled_articles
from quotewire.training.corpus import LabelledArticle
from quotewire.training.examples import align, make_batch, random_windows
from quotewire.training.loss import Teacher, losses
from quotewire.training.start import start_from
from quotewire.training.unlabelled import drawn, labelled_by, read_archives
from quotewire.types import Article
from tests.fakes import fake_extractor, fake_tokenizer
from tests.training.tiny import article, write_base, write_config, write_corpus


def write_archives(folder: Path) -> Path:
    folder.mkdir()
    for name, numbers in (("one", range(4)), ("two", range(4, 6))):
        with gzip.open(folder / f"archive_{name}.jsonl.gz", "wt", encoding="utf-8") as out:
            for number in numbers:
                out.write(json.dumps({"id": f"{name}_{number}", "text": article(number)[0]}) + "\n")
    return folder


def test_what_a_model_finds_becomes_labels() -> None:
    text = "Ann told Reuters Bob said the taxes would never rise."
    extractor = fake_extractor()
    (labelled,) = labelled_by(extractor, [Article(id="a", text=text)])
    statements = extractor.extract(text).statements
    assert labelled.text == text and labelled.nested_known
    assert [label.cue for label in labelled.attributions] == [s.cue for s in statements]
    told = labelled.attributions[0]
    assert told.intermediary is not None and told.intermediary.slice(text) == "Reuters"
    assert told.intermediary_kind == "outlet" and told.act == "statement"
    assert [span.slice(text) for span in told.source] == ["Ann"]
    assert [label.nested for label in labelled.attributions] == [False, True]


def test_articles_are_drawn_from_all_archives_but_those_of_the_evaluation(tmp_path: Path) -> None:
    folder = write_archives(tmp_path / "archives")
    articles = read_archives(folder, but=frozenset({"one_0", "two_5"}))
    assert [each.id for each in articles] == ["one_1", "one_2", "one_3", "two_4"]
    some = drawn(articles, 3, seed=1)
    assert len({each.id for each in some}) == 3 and some == drawn(articles, 3, seed=1)
    assert sorted(each.id for each in drawn(articles, 9, seed=2)) == [a.id for a in articles]


def test_a_run_reads_other_articles_in_each_epoch(tmp_path: Path) -> None:
    data, archives = write_corpus(tmp_path / "data"), write_archives(tmp_path / "archives")
    changes = {"encoder_rate": 3e-3, "head_rate": 5e-3, "average_decay": 0.9}
    base = write_base(tmp_path / "base")
    first = write_config(tmp_path / "c.toml", base=base, data=data, epochs=12, **changes)
    list(train(read_config(first)))
    gold = tmp_path / "outofdomain.jsonl"
    gold.write_text(json.dumps({"dataset": "one", "id": "one_3", "statements": []}) + "\n")
    (tmp_path / "student").mkdir()
    second = write_config(tmp_path / "student" / "c.toml", base=base, data=data, epochs=2)
    second.write_text(
        f'teacher = "{tmp_path / "out"}"\nmatch = 1.0\nunlabelled = 2\n'
        f'archives = "{archives}"\noutofdomain = "{gold}"\n' + second.read_text()
    )
    config = read_config(second)
    ids = [each.id for each in unlabelled_articles(config)]
    assert len(set(ids)) == 4 and "one_3" not in ids
    reports = list(train(config))
    assert any("4 articles of the archives" in report.news for report in reports if report.news)
    steps = [report.step for report in reports if report.step]
    assert all(step.losses["states"] > 0 for step in steps)


def test_matching_is_nothing_where_the_states_are_the_teacher_s(tmp_path: Path) -> None:
    config = NetworkConfig(look_width=16, look_feedforward=16, dropout=0.0)
    student, other = (
        start_from(str(write_base(tmp_path / name)), layers=(), network=config).network.eval()
        for name in ("a", "b")
    )
    text, _ = article(0)
    example = align(LabelledArticle("a", text, None, None, (), "whole", True), fake_tokenizer())
    items = list(random_windows([example], max_pieces=60, rng=random.Random(0)))
    batch, targets, _ = make_batch(items)  # windows of different lengths: some words are padding

    def states(teacher: Teacher) -> float:
        found = losses(student, batch, targets, candidate_bias=0.0, teacher=teacher)
        return float(found["states"])

    with torch.no_grad():
        assert states(Teacher(student, 0.5, match=2.0)) == pytest.approx(0.0, abs=1e-6)
        once = states(Teacher(other, 0.5, match=1.0))
        assert once > 0.1
        assert states(Teacher(other, 0.5, match=2.0)) == pytest.approx(2 * once, rel=1e-4)
        junk = Teacher(
            other, 0.5, 1.0, lambda b: other.encode(b).masked_fill(~b.word_mask[..., None], 9.0)
        )
        assert states(junk) == pytest.approx(once, rel=1e-4)
