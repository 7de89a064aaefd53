"""Parts that run together end together; a person wants to know the one reason."""

from collections.abc import Iterator
from contextlib import contextmanager

from ivr.errors import LineError


@contextmanager
def one_error() -> Iterator[None]:
    """Raise the first LineError of a group by itself; what is no LineError stays in its group."""
    try:
        yield
    except* LineError as group:
        raise _first(group) from None


def _first(group: BaseExceptionGroup[LineError]) -> LineError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, LineError)
    return error
