"""Logs of the services: an event and key-value pairs, as lines for people or as JSON, one object a line.

`structlog.get_logger(__name__)` in new code; what libraries log through `logging` comes out in the same form.
"""

import logging
import sys
from typing import Any, Literal, TextIO

import structlog

NOISY = ("web3", "asyncio", "matplotlib", "aiohttp.access", "websockets", "urllib3")


def set_up(
    log_format: Literal["console", "json"] = "console", level: str = "info", stream: TextIO | None = None
) -> None:
    """Sends every log of the process to `stream` (default: stderr). May be called again; the last call counts."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    stream = stream or sys.stderr
    renderer: list[Any] = [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
    if log_format == "json":
        renderer = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
