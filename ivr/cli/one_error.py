"""Parts that run together end together; a person wants to know the one reason."""

from collections.abc import Iterator
from contextlib import contextmanager

from ivr.errors import LineError


@contextmanager
def one_error() -> Iterator[None]:
    """Raise the first LineError of a group by itself; a group with anything else stays whole.

    Not `except*`: before Python 3.11.4 what is raised in it ends up in a group again (gh-103590).
    """
    try:
        yield
    except BaseExceptionGroup as group:
        expected, unexpected = group.split(LineError)
        if expected is None or unexpected is not None:
            raise
        raise _first(expected) from None


def _first(group: BaseExceptionGroup[LineError]) -> LineError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, LineError)
    return error
