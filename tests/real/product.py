"""The whole product on a private Asterisk of a test's own: controller, records, phones."""

import asyncio
import http.client
import json
import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from ivr.asterisk.configure import configure
from ivr.asterisk.process import AsteriskProcess
from ivr.asterisk.roster import lines_and_devices
from ivr.model import DeviceId
from ivr.people import demo_accounts, device_passwords
from ivr.prompts.builder import build
from ivr.settings import PROJECT, Settings
from tests.last_words import last_words
from tests.real.exchange import free_settings
from tests.real.parties import Caller, Counsellor
from tests.real.watcher import Watcher, watched_templates, watching

LINE = "086123"
SUPERVISOR = "markazi-supervisor"
PROVINCES = PROJECT / "deploy" / "provinces"
POLL_S = 0.05
# On a machine that has much else to do: nobody waits so long where all is well.
PATIENCE_S = 60.0
STARTED_S = STOPPED_S = 300.0

Json = dict[str, Any]

# What only a clock would end lasts longer than any machine waits: a test ends it by an act, or
# says how long. Back-offs are none that a test could wait for.
TIMES = {
    "ring_s": 60,
    "whisper_s": 60,
    "connect_s": 30,
    "wrap_up_s": 0,
    "short_abandonment_s": 30,
    "lost_talk_s": 300,
    "rejected_s": 1,
    "busy_s": 1,
    "rona_s": 1,
    "device_lost_s": 300,
    "device_back_s": 600,
}
# Where phones ring in vain: rung so long, a phone has surely rung, and soon rings again.
IN_VAIN = {**TIMES, "ring_s": 10, "short_abandonment_s": 0}


@dataclass
class Product:
    """A running copy. `serve` is the controller's process; Asterisk outlives it."""

    settings: Settings
    asterisk: AsteriskProcess
    log_path: Path
    serve: asyncio.subprocess.Process | None = None
    watched: Watcher | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """A copy that is not started; all that its controller prints goes to a file."""
        settings.home.mkdir(parents=True, exist_ok=True)
        return cls(settings, AsteriskProcess(settings), settings.home / "serve.log")

    @property
    def address(self) -> tuple[str, int]:
        return self.settings.host, self.settings.sip_port

    @property
    def watcher(self) -> Watcher:
        assert self.watched is not None, "this copy was started without one"
        return self.watched

    def caller(self, *, number: str, line: str = LINE, **options: Any) -> Caller:
        return Caller(self, self.address, line, caller=number, **options)

    def counsellor(self, device: str, **options: Any) -> Counsellor:
        known = device_passwords(self.settings.home, [DeviceId(device)])
        return Counsellor(self, self.address, device, known[DeviceId(device)], **options)

    # -- the controller

    async def start(self, *, until_exchange_up: bool = True) -> None:
        """Start the controller and wait until it serves, and sees Asterisk unless told not to."""
        with self.log_path.open("ab") as log:
            self.serve = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.real.patient_ivr", "serve"),
                cwd=PROJECT,
                env=self.environment(),
                stdout=log,
                stderr=log,
            )
        await self.until(
            lambda: (health := self.health()) and (health["exchange_up"] or not until_exchange_up),
            STARTED_S,
        )

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the controller (SIGKILL: as a crash would) and wait until it is gone."""
        if self.serve is not None and self.serve.returncode is None:
            self.serve.send_signal(how)
            await ended(self.serve, self.log_path)

    async def kill(self) -> None:
        await self.stop(signal.SIGKILL)

    # -- what can be seen from outside

    def health(self) -> Json:
        return self._get("/healthz")

    def floor(self) -> Json:
        return self._get("/api/v1/floor")

    def counsellor_state(self, counsellor: str) -> str:
        states = {row["counsellor"]: row["state"] for row in self.floor()["counsellors"]}
        return str(states.get(counsellor))

    async def until(self, condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
        """Wait for a condition; its value. Raises TimeoutError with what the controller said last.

        To look may take long itself: what counts is a look that began when the time was up.
        """
        give_up_at = time.monotonic() + timeout_s
        while True:
            too_late = time.monotonic() > give_up_at
            if value := await asyncio.to_thread(condition):
                return value
            if too_late:
                raise TimeoutError(f"not within {timeout_s} s\n{last_words(self.log_path)}")
            await asyncio.sleep(POLL_S)

    async def records(self) -> list[Json]:
        return list(await self.ivr("calls", "list", "--json"))

    async def record(self, *, number_of_calls: int = 1, timeout_s: float = PATIENCE_S) -> Json:
        """The newest record once so many calls have ended."""
        give_up_at = time.monotonic() + timeout_s
        while True:
            ended = [record for record in await self.records() if record["ended_at"]]
            if len(ended) >= number_of_calls:
                return ended[0]
            assert time.monotonic() < give_up_at, f"{len(ended)} ended calls"

    async def ivr(self, *arguments: str, by: str | None = None) -> Any:
        """Run a command of the command line, signed in as `by`; its JSON, or its text."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ivr",
            *arguments,
            env={**self.environment(), **(self._signed_in(by) if by else {})},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(STARTED_S):
            out, err = await process.communicate()
        with (self.settings.home / "ivr.log").open("ab") as printed:  # searched for numbers
            printed.write(out + err)
        assert process.returncode == 0, err.decode()
        return json.loads(out) if "--json" in arguments else out.decode()

    def _signed_in(self, name: str) -> dict[str, str]:
        known = demo_accounts(self.settings.home).known()
        return {"IVR_USER": name, "IVR_PASSWORD": known[name]}

    def _get(self, path: str) -> Json:
        url = f"http://127.0.0.1:{self.settings.http_port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_S) as response:
                return dict(json.load(response))
        except urllib.error.HTTPError as answer:  # health says by its status too what is amiss
            with answer:
                return dict(json.load(answer))
        except (OSError, http.client.HTTPException):  # not there, or gone while it answered
            return {}

    def environment(self) -> dict[str, str]:
        given = {
            f"IVR_{name.upper()}": str(value)
            for name, value in self.settings.model_dump().items()
            if value is not None
        }
        return {**os.environ, **given, "PYTHONWARNINGS": "default"}


async def ended(process: asyncio.subprocess.Process, log_path: Path) -> int:
    """Its exit status; a process that does not end says what it did last, and where it is."""
    try:
        async with asyncio.timeout(STOPPED_S):
            return await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError(f"it did not end\n{last_words(log_path)}") from None


def write_rules(
    directory: Path,
    *,
    steps: Sequence[Mapping[str, object]] | None = None,
    conversation: Mapping[str, float] | None = None,
    **limits: float,
) -> Path:
    """Markazi's rules with other times: tests cannot wait for a real wrap-up."""
    directory.mkdir(parents=True)
    write_province(directory, "markazi", steps=steps, conversation=conversation, limits=limits)
    shutil.copy(PROVINCES / "common.yaml", directory)
    return directory


def write_province(
    directory: Path,
    province: str,
    *,
    steps: Sequence[Mapping[str, object]] | None = None,
    conversation: Mapping[str, float] | None = None,
    limits: Mapping[str, float],
) -> None:
    """A province's rules with other times."""
    name = f"{province}.yaml"
    text = (PROVINCES / name).read_text(encoding="utf-8")
    rules = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - text only
    if steps:
        rules["steps"] = [dict(step) for step in steps]
    changes = {"limits": limits, "conversation": conversation or {}}
    for section, times in changes.items():
        changed = {name: str(value) for name, value in times.items()}
        rules[section] = {**rules.get(section, {}), **changed}
    text = yaml.safe_dump(rules, allow_unicode=True)
    (directory / name).write_text(text, encoding="utf-8")


@asynccontextmanager
async def running_product(
    home: Path,
    *,
    steps: Sequence[Mapping[str, object]] | None = None,
    conversation: Mapping[str, float] | None = None,
    changes: Mapping[str, Any] | None = None,
    more_provinces: Mapping[str, Mapping[str, float]] | None = None,
    **limits: float,
) -> AsyncIterator[Product]:
    """Asterisk and the controller, configured from Markazi's rules with the times of tests.

    `changes` are settings of the copy, by the names of `Settings`; `more_provinces` are served
    beside Markazi, by limits of their own.
    """
    rules_dir = write_rules(
        home / "rules", steps=steps, conversation=conversation, **{**TIMES, **limits}
    )
    for province, own in (more_provinces or {}).items():
        write_province(rules_dir, province, limits=own)
    templates = {"rules_dir": rules_dir, "templates_dir": watched_templates(home / "templates")}
    settings = free_settings(home).model_copy(update={**templates, **(changes or {})})
    await asyncio.to_thread(build, settings)
    lines, devices = lines_and_devices(settings)
    configure(settings, lines=lines, devices=devices)
    async with AsteriskProcess(settings) as asterisk, watching(settings) as watcher:
        product = Product(settings, asterisk, home / "serve.log", watched=watcher)
        try:
            await product.start()
            yield product
        finally:
            await product.stop()
