"""Logs: one JSON object a line (or text for a terminal), each with the id of its request.

Nothing that the server logs holds an article's text, id or title, nor a token.
"""

from __future__ import annotations

import logging
from typing import TextIO

import structlog


def configure_logging(*, stream: TextIO, level: str, format_: str) -> None:
    """Sends the logs of the whole process to ``stream``.  ``level`` is a name of the standard
    library's; ``format_`` is ``json``, ``text`` or ``auto`` (text on a terminal)."""
    is_text = format_ == "text" or (format_ == "auto" and stream.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
        if is_text
        else [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
