"""The directions in which modules may import each other (docs/architecture.md, design §3)."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "ivr"
STDLIB = sys.stdlib_module_names

WORDS = {"model", "errors"}
FACTS = WORDS | {"limits", "notices", "events", "effects", "view", "text", "outcomes"}
FLOOR = FACTS | {
    "presence",
    "timers",
    "order",
    "waiting",
    "line",
    "matching",
    "several",
    "returning",
    "breaks",
    "load",
    "staff",
    "pool",
    "queues",
    "offers",
    "replanning",
    "reconcile",
    "expected_wait",
    "heard",
    "recent_times",
    "announcing",
    "floor_alarms",
    "left_open",
    "lost",
    "remembered",
}
CORE = FLOOR | {
    "floor_view",
    "floor_delta",
    "desk_view",
    "router",
    "planner",
    "circles",
    "duty",
    "alarms",
    "location",
    "rules",
    "spoken",
    "floor_acts",
}

# Part → what it may import of ours. A part not named here is a composition root: anything.
MAY_IMPORT = {
    "model": set(),
    "errors": set(),
    "text": set(),
    "limits": {"model"},
    "notices": {"model"},
    "events": {"model", "limits", "notices"},
    "effects": {"model"},
    "view": {"model", "notices", "expected_wait"},
    "outcomes": {"errors"},
    "outcome_form": {"errors", "outcomes", "rules", "text"},
    "mistakes": set(),
    "form_check": {"model", "outcomes", "outcome_form", "rules", "text"},
    "dispatching": WORDS | {"rules"},
    "visits": WORDS,
    "spoken": set(),
    "timers": set(),
    "load": {"model", "limits"},
    "presence": {"model", "limits", "load"},
    "expected_wait": {"model"},
    "heard": {"expected_wait"},
    "recent_times": {"model", "presence", "expected_wait"},
    "announcing": FLOOR,
    "order": {"model"},
    "waiting": {"model", "heard", "order", "line"},
    "line": {"model", "order", "waiting"},
    "matching": FLOOR,
    "pool": {"model", "line", "presence", "waiting"},
    "staff": {"model", "limits", "pool", "presence", "timers", "waiting", "recent_times"},
    "queues": FLOOR,
    "offers": FLOOR,
    "several": FLOOR,
    "returning": FLOOR,
    "breaks": FLOOR,
    "replanning": FLOOR,
    "reconcile": FLOOR,
    "floor_alarms": FLOOR,
    "left_open": FLOOR,
    "lost": FLOOR,
    "remembered": FLOOR,
    "floor_delta": {"notices", "view"},
    "floor_view": FLOOR | {"desk_view"},
    "desk_view": FLOOR,
    "duty": {"model"},
    "alarms": {"model", "duty"},
    "closures": WORDS | {"duty"},
    "jalali": {"errors", "calendar", "text"},
    "rosters": WORDS | {"duty", "calendar", "jalali"},
    "reports": WORDS | {"outcomes", "calendar", "jalali", "dispatching"},
    "roster_files": WORDS | {"text", "duty", "jalali", "rosters", "rules"},
    "duty_page": {"model", "duty", "alarms"},
    "location": {"model", "text"},
    "location_files": WORDS | {"location", "rules"},
    "circles": {"model", "duty", "rules"},
    "router": {"model", "duty", "rules", "circles"},
    "coverage_time": {"model", "duty", "rules", "calendar"},
    "coverage": {"model", "duty", "rules", "circles", "router", "coverage_time"},
    "coverage_findings": {"model", "duty", "alarms", "rules", "calendar"}
    | {"coverage", "coverage_time"},
    "dry_run": CORE | {"calendar", "coverage", "simulator"},
    "publishing": CORE | {"dialplan", "calendar", "coverage_findings"},
    "rules": WORDS | {"text", "outcomes", "calendar"},
    "kept_passwords": {"errors"},
    "people": WORDS | {"rules", "kept_passwords"},
    "accounts": WORDS | {"rules", "people", "calendar"},
    "rights": WORDS | {"people", "accounts"},
    "callers": WORDS | {"people", "rights"},
    "retention": {"model", "rules"},
    "passwords": {"errors", "text"},
    "tokens": WORDS,
    "bearers": WORDS | {"people", "rights", "tokens"},
    "webhooks": WORDS,
    "dialplan": CORE,
    "planner": {"model", "duty", "router", "rules"},
    "floor_acts": {"model", "events"},
    "act_watch": {"errors", "events", "floor_acts", "steering"},
    "controller": CORE | {"dialplan"},
    "desk_phone": CORE | {"dialplan", "controller"},
    "earlier_calls": WORDS,
    "reception": CORE | {"dialplan", "controller", "earlier_calls"},
    "prompts": WORDS | {"settings", "text"},
    "asterisk": CORE | {"dialplan", "settings", "people"},
    "audit": {"model", "errors", "calendar"},
    "versions": WORDS | {"rules", "calendar"},
    "in_force": {"model", "duty", "people", "rules", "versions", "accounts"},
    "standing_alarms": {"notices", "alarms", "calendar", "duty", "floor_view", "in_force", "rules"},
    "owed": {"model", "notices", "calendar", "rules", "visits", "webhooks"},
    "owed_watch": {"errors", "notices", "owed", "rules"},
    "watchman": {"events", "notices", "controller", "floor_view", "in_force", "standing_alarms"},
    "steering": {"model", "errors", "floor_view", "in_force"},
    "store": FACTS
    | {
        "earlier_calls",
        "settings",
        "floor_acts",
        "rules",
        "audit",
        "duty",
        "people",
        "versions",
        "accounts",
        "passwords",
        "publishing",
        "rights",
        "outcome_form",
        "dispatching",
        "visits",
        "tokens",
        "bearers",
        "webhooks",
        "callers",
        "retention",
        "owed",
    }
    | {"in_force"}
    | {"jalali", "rosters", "closures", "reports"},
    "web": FACTS
    | {"expected_wait", "floor_delta", "floor_acts", "calendar", "rules"}
    | {"bearers", "tokens", "outcome_form", "dispatching", "visits", "mistakes"},
    "calendar": set(),
    "settings": {"errors"},
    "logs": set(),
    "notify": set(),
    "garbage": set(),
    "signals": set(),
    "supervisor": {"errors"},
}
# Parts of the core: the standard library and, for the rules' schema alone, pydantic.
NO_THIRD_PARTY = (CORE - {"rules"}) | {"timers"}
NO_IO = {"asyncio", "socket", "os", "pathlib", "subprocess", "threading", "logging", "time"}


def _modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def _part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: write imports from ivr on"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def _ours(path: Path) -> set[str]:
    return {name.split(".")[1] for name in _imports(path) if name.startswith("ivr.")}


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_part_may(path: Path) -> None:
    part = _part(path)
    if part in MAY_IMPORT:
        assert _ours(path) <= MAY_IMPORT[part] | {part}


@pytest.mark.parametrize("part", sorted(NO_THIRD_PARTY))
def test_the_core_needs_nothing_but_python_and_does_nothing_by_itself(part: str) -> None:
    for path in (path for path in _modules() if _part(path) == part):
        roots = {name.split(".")[0] for name in _imports(path)} - {"ivr"}
        assert roots <= STDLIB - NO_IO, f"{path} imports {sorted(roots - (STDLIB - NO_IO))}"


def test_the_schema_of_the_rules_needs_pydantic_alone() -> None:
    roots = {name.split(".")[0] for name in _imports(PACKAGE / "rules" / "schema.py")} - {"ivr"}
    assert roots - STDLIB == {"pydantic"}


def test_every_named_part_exists() -> None:
    assert set(MAY_IMPORT) <= {_part(path) for path in _modules()}
