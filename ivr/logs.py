"""Logging: one JSON line an event on standard error, static messages, identifiers in fields."""

import logging
import sys

import structlog


def set_up_logs(*, for_people: bool) -> None:
    """`for_people`: readable lines instead of JSON."""
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=False)
        if for_people
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries may put what a caller sent into their messages: only their warnings' existence
    # is let through, as the name of the logger.
    logging.basicConfig(handlers=[_NameOnly()], level=logging.WARNING, force=True)


class _NameOnly(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().warning(
            "library_warning",
            library=record.name,
            at=f"{record.pathname}:{record.lineno}",
            error=record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None,
        )
