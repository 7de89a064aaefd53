"""A page as PDF, printed by Chromium: it sets Persian right, with the font that the page has."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from ivr.errors import BadInput, LineError

PRINT_S = 120
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def print_pdf(page: str, to: Path) -> None:
    """Write the page to `to`. Raises BadInput without Chromium, LineError where it fails."""
    browser = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if browser is None:
        raise BadInput(
            "A PDF is printed by Chromium, which is not installed: apt-get install chromium, or "
            "write the page (--html FILE) and print it in any browser."
        )
    with tempfile.TemporaryDirectory() as home:
        source, made = Path(home) / "report.html", Path(home) / "report.pdf"
        source.write_text(page, encoding="utf-8")
        _run(browser, Path(home), source, made)
        shutil.copyfile(made, to)


def _run(browser: str, home: Path, source: Path, made: Path) -> None:
    # No sandbox: it needs rights that services and containers do not have; the page is our own and
    # loads nothing.
    options = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"),
        f"--user-data-dir={home / 'profile'}",
        f"--print-to-pdf={made}",
    )
    try:
        done = subprocess.run(
            [browser, *options, source.as_uri()],
            capture_output=True,
            text=True,
            timeout=PRINT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LineError(
            f"{browser} did not print the report ({error}); nothing was written."
        ) from None
    if done.returncode or not made.exists():
        words = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise LineError(f"{browser} did not print the report ({words[0]}); nothing was written.")
