"""Where an unexpected error arose: its message and locals stay out of the log, for the numbers."""

import traceback


def place_of(error: BaseException) -> str:
    """The innermost `file:line` of the error's traceback."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"
