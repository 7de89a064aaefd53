"""The rules and people that scenarios are played with: those in force, with times to wait for.

Both stages read the same files, so that nothing but Asterisk differs between them.
"""

import shutil
from pathlib import Path
from typing import Any

import yaml

from ivr.settings import Settings

# What a story would have to wait for in vain is short; what would go on without it is long, so that
# a slow machine tells no other story. Callers' time in menus stays that of production.
TIMES: dict[str, Any] = {
    "limits": {
        "ring_s": 60,
        "whisper_s": 60,
        "connect_s": 30,
        "short_abandonment_s": 30,
        "lost_talk_s": 300,
        "device_lost_s": 300,
        "device_back_s": 600,
        "wrap_up_s": 1,
        "rona_s": 1,
        "rona_most_s": 1,
        "rejected_s": 1,
        "busy_s": 1,
        "unreachable_s": 1,
        "declined_s": 1,
        "failed_s": 1,
        "heavy_gap_s": 0,  # nor is a story to know of the one before
    },
    "steps": [
        {"ring": "own", "lasts_s": 3},
        {"ring": "supporting", "lasts_s": 3},
        {"ring": "province", "lasts_s": 3},
        {"ring": "on_call"},
    ],
    "conversation": {"closing_wait_s": 10, "announce_first_s": 5, "announce_every_s": 10},
}


def scenario_settings(settings: Settings, scenarios: Path) -> Settings:
    """`settings` with rules and people written below its home.

    Who is needed besides the demonstration's people stands in `scenarios`/people/*.yaml; landlines
    that tell a county, in `scenarios`/locations/*.csv.
    """
    rules_dir, people_dir = settings.home / "rules", settings.home / "people"
    rules_dir.mkdir(parents=True)
    for source in sorted(settings.rules_dir.glob("*.yaml")):
        (rules_dir / source.name).write_text(_with_times(source), encoding="utf-8")
    shutil.copytree(settings.demo_dir, people_dir)
    for source in sorted((scenarios / "people").glob("*.yaml")):
        shutil.copy(source, people_dir)
    changes = {
        "rules_dir": rules_dir,
        "demo_dir": people_dir,
        "locations_dir": scenarios / "locations",
    }
    return settings.model_copy(update=changes)


def _with_times(source: Path) -> str:
    """A province's file with `TIMES`; what provinces have in common stays as it is."""
    text = source.read_text(encoding="utf-8")
    rules = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - text only
    if "id" not in rules:
        return text
    for section, times in TIMES.items():
        own = rules.get(section, {})
        rules[section] = {**own, **times} if isinstance(times, dict) else times
    return yaml.safe_dump(rules, allow_unicode=True)
