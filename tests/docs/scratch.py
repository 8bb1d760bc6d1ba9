"""The folder in which the commands of the documentation run, with every file that they name.

Small files of our own take the place of corpora and archives, under the names that the pages give
them; ``../shared/data`` lies beside the folder, as it does beside a clone of the repository.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import trustme

from quotewire.experiments.assignment import text_hash
from quotewire.experiments.records import Role, exposure_to_json
from quotewire.lines import statement_to_json
from tests.batch.archive_files import warc
from tests.conftest import ROOT
from tests.docs.steps import steps
from tests.experiments.make import exposure, statement
from tests.fakes import fake_extractor
from tests.load.test_table import HOSTILE, KILLS, lines
from tests.training.tiny import write_base, write_config, write_corpus

# The fake model hears "told" and "said"; every second article is by another publisher.
TEXTS = [
    "Ann Lee told Reuters the road is shut until spring.",
    "Bob Ray said “the bridge is open to all of us”.\n\nAnn Lee told Reuters nothing new.",
    "Bob Ray said “the bridge is open to all of us”.",
]
GAP = (
    "ID\tText\tPronoun\tPronoun-offset\tA\tA-offset\tA-coref\tB\tB-offset\tB-coref\tURL\n"
    "t-1\tMary Holm met Jane Lund before she left.\tshe\t31\tMary Holm\t0\tTRUE\t"
    "Jane Lund\t14\tFALSE\thttp://x\n"
)
GUM = "Mary Holm met the mayor. She left early."


def fill(folder: Path) -> None:
    """Writes all of it into ``folder``, which is empty, and ``folder/../shared/data``."""
    shutil.copytree(
        ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("typescript")
    )
    for name in ("protos", "examples/typescript"):  # what is read, and what make builds
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    (folder / "docs").mkdir()
    for page in (ROOT / "docs").glob("*.md"):
        shutil.copy(page, folder / "docs")
    (folder / "runs").mkdir()
    (folder / "runs" / "soak.jsonl").write_text("\n".join(lines(HOSTILE, KILLS)))
    shared = folder.parent / "shared" / "data"
    shared.mkdir(parents=True)
    _articles(folder, shared)
    _corpora(folder, shared)
    _gold(folder)
    _log(folder)
    _certificates(folder)
    _recipes(folder, shared)


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def _articles(folder: Path, shared: Path) -> None:
    shutil.copy(ROOT / "examples" / "article.txt", folder / "article.txt")
    shutil.copy(ROOT / "examples" / "articles.jsonl", folder / "in.jsonl")
    many = [{"id": f"a{n}", "text": f"{TEXTS[n % 3]} {n}"} for n in range(30)]
    _write(folder / "articles.jsonl", many)
    for name in ("bbc", "reuters"):
        rows = [
            {"id": f"{name}{n}", "title": "t", "publisher": name, "section": "s", "text": text}
            for n, text in enumerate(TEXTS)
        ]
        for place in (folder, shared):
            _write(place / f"archive_{name}.jsonl.gz", rows)
    (folder / "crawl-1.warc.gz").write_bytes(warc())
    pq.write_table(pa.Table.from_pylist([{"id": "1", "body": TEXTS[0]}]), folder / "bucket.parquet")


def _corpora(folder: Path, shared: Path) -> None:
    """PolNeAR's shape, five annotators of one mind; and the two sets of pronouns."""
    for place in (folder, shared / "polnear"):
        write_corpus(place, articles=4)
        for path in place.glob("[dt]*[nv].jsonl.gz"):
            with gzip.open(path, "rt") as file:
                rows = [json.loads(line) for line in file]
            for row in rows:
                row["annotations"] *= 5
            _write(path, rows)
    (shared / "gap").mkdir()
    for part in ("validation", "development"):
        (shared / "gap" / f"gap-{part}.tsv.gz").write_bytes(gzip.compress(GAP.encode()))
    mentions = [[0, 9, 1, ""], [GUM.index("She"), GUM.index("She") + 3, 1, ""]]
    _write(shared / "gum_coref.jsonl.gz", [{"text": GUM, "mentions": mentions}])
    (folder / "service" / "quotewire" / "extraction" / "data").mkdir(parents=True)


def _gold(folder: Path) -> None:
    """Labels as the fake model gives them: with their texts for the articles of the examples, and
    as places only for those of the archives."""
    extractor = fake_extractor()
    gold = []
    for line in (folder / "in.jsonl").read_text("utf-8").splitlines():
        article = json.loads(line)
        found = extractor.extract(article["text"]).statements
        statements = [statement_to_json(article["text"], one) for one in found]
        gold.append({**article, "statements": statements})
    _write(folder / "gold.jsonl", gold)
    places = []
    for name in ("bbc", "reuters"):
        text = TEXTS[0]
        [one] = extractor.extract(text).statements
        cue = {"start": one.cue.start, "end": one.cue.end}
        spans = [{"start": span.start, "end": span.end} for span in one.quote.spans]
        row = {
            "id": "s1",
            "act": "statement",
            "reported_in": None,
            "quote": {"spans": spans},
            "speaker": {"name": None, "type": None, "mention": None},
            "cue": cue,
            "intermediaries": [],
            "addressee": None,
        }
        digest = hashlib.sha256(text.encode()).hexdigest()
        places.append(
            {
                "id": f"{name}0",
                "dataset": name,
                "section": "s",
                "publisher": name,
                "sha256": digest,
                "statements": [row],
            }
        )
    (folder / "tests" / "data").mkdir(parents=True)
    _write(folder / "tests" / "data" / "outofdomain.jsonl", places)


def _log(folder: Path) -> None:
    """An exposure log of the experiment of docs/experiments.md: each article of ``articles.jsonl``
    answered by base, and by small unseen, which misses every second statement."""
    rows = []
    for line in (folder / "articles.jsonl").read_text("utf-8").splitlines():
        article = json.loads(line)
        text = article["text"]
        key = {"text_hash": text_hash(text), "text_length": len(text)}
        both = (statement(0), statement(20, via=1)) if len(text) > 60 else (statement(0),)
        rows += [
            exposure("base", article["id"], statements=both, **key),
            exposure("small", article["id"], role=Role.SHADOW, statements=both[:1], **key),
        ]
    [toml] = [one for one in steps(ROOT / "docs" / "experiments.md") if one.language == "toml"]
    (folder / "experiments.toml").write_text(toml.text, encoding="utf-8")
    (folder / "experiments-log").mkdir()
    _write(folder / "experiments-log" / "exposures-1.jsonl", map(exposure_to_json, rows))


def editors_choose(folder: Path) -> None:
    """What two editors saved of the page of disagreements: always the first reading."""
    tasks = json.loads((folder / "disagreements" / "label-studio.json").read_text("utf-8"))
    for number, name in enumerate(("labels.json", "more.json")):
        said = [{"type": "choices", "value": {"choices": ["1"]}}]
        labelled = [{**t, "annotations": [{"completed_by": number, "result": said}]} for t in tasks]
        (folder / name).write_text(json.dumps(labelled))


def _certificates(folder: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("quotewire.example", "localhost", "127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / "tls.crt")
    issued.private_key_pem.write_to_path(folder / "tls.key")
    for name in ("ca.crt", "clients-ca.crt"):
        authority.cert_pem.write_to_path(folder / name)
    (folder / "newsdesk.token").write_text("newsdesk-token-0123456789\n")


def _recipes(folder: Path, shared: Path) -> None:
    """The shipped recipes' names, with an encoder and a corpus that take a second."""
    base = write_base(folder / "tiny-base")
    (folder / "models" / "recipes").mkdir(parents=True)
    for path in (ROOT / "models" / "recipes").glob("*.toml"):
        place = folder / "models" / "recipes" / path.name
        write_config(place, base=base, data=shared / "polnear", epochs=1)
