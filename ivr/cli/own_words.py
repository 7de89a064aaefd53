"""The provinces' rules for their words alone: records are shown also where rules have mistakes."""

from collections.abc import Sequence

import typer

from ivr.current import current
from ivr.errors import LineError
from ivr.rules.schema import ProvinceRules
from ivr.settings import load_settings


def rules_for_words() -> Sequence[ProvinceRules]:
    """None where they cannot be read; that is said."""
    try:
        return current(load_settings()).rules
    except LineError as error:
        typer.echo(f"ivr: without the provinces' own words ({error})", err=True)
        return ()
