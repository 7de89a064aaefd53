"""The simulated Asterisk on the machine's own clock, and in virtual time."""

import pytest

from tests.patience import be_patient


@pytest.fixture(autouse=True)
def _patient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(request, monkeypatch)
