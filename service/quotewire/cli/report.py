"""``quotewire report``: what came of a run of ``score``, as text and as a page."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from quotewire.cli.common import UserError


@click.command()
@click.argument("out", metavar="OUT")
@click.option("--html", metavar="FILE.html", help="Write the page with pictures there, too.")
@click.option(
    "--format",
    "shape",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What to print: a text for people, or all figures as JSON.",
)
@click.option(
    "--top",
    type=click.IntRange(1, 1000),
    default=15,
    show_default=True,
    help="How long the lists of speakers, outlets and quotations are.",
)
def report(*, out: str, html: str | None, shape: str, top: int) -> None:
    """Count what came of a run of `quotewire score --out OUT`.

    Everything is counted from the outputs themselves, so it works for a run that was resumed, that
    is still going on, or that lies on another machine now.
    """
    import json

    from quotewire.batch.report import report_on
    from quotewire.batch.writers import whole_file
    from quotewire.render.run_report import report_html, report_text

    if html is not None and not Path(html).absolute().parent.is_dir():
        raise UserError(f"--html {html}: the folder {Path(html).parent} does not exist")
    figures = report_on(out, top=top)
    if html is not None:
        with whole_file(Path(html).absolute()) as file:
            file.write(report_html(figures).encode("utf-8", "replace"))
    if shape == "json":
        click.echo(json.dumps(asdict(figures), ensure_ascii=False, indent=1))
    else:
        click.echo(report_text(figures), nl=False)
