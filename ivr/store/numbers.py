"""Numbers of records, as people type them."""

LARGEST_NUMBER = 2**31 - 1  # of an integer column


def is_number(name: str) -> bool:
    """Whether it may be a record's number; else it is a key."""
    return name.isascii() and name.isdigit() and len(name) < 12 and int(name) <= LARGEST_NUMBER
