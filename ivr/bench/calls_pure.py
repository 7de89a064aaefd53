"""What the line is compared with: the same spoken menu as dialplan alone, with app_queue."""

from collections.abc import Sequence
from pathlib import Path

from ivr.bench.running_copy import PROVINCE
from ivr.bench.sounds import joined_wavs
from ivr.dialplan.flow import Fact, Flow
from ivr.dialplan.script import build_flow, whisper_prompts
from ivr.model import CallFacts, CategoryId, CountyId, Lane, ProvinceId
from ivr.rules.load import load_all
from ivr.settings import Settings

PURE_LINE = "0198"
WHISPER = "bench-whisper"


def markazi_flow() -> Flow:
    """The line's own conversation, whose prompts the dialplan plays as well."""
    rules = load_all(Settings().rules_dir)
    return build_flow(next(one for one in rules if one.id == PROVINCE))


def pure_dialplan(flow: Flow) -> str:
    """Answer, ask each question for one key, then the queue."""
    rows = [f"[trunk]\nexten => {PURE_LINE},1,Answer()", "Set(CALLERID(pres)=prohib)"]
    for place, question in enumerate(flow.questions):
        prompts = "&".join(f"ivr/{prompt}" for prompt in question.pages[0].prompts)
        rows.append(f"Read(KEY{place},{prompts},1,,1,{question.wait_s:g})")
    return "\n same => n,".join([*rows, "Queue(bench,c)", "Hangup()"]) + "\n"


def pure_queue(devices: Sequence[str]) -> str:
    """The best settings for speed; the counsellor hears the same whisper before the talk."""
    members = "".join(f"member => PJSIP/{device}\n" for device in devices)
    return f"""[bench]
strategy = rrmemory
autofill = yes
ringinuse = no
timeout = 15
retry = 1
wrapuptime = 0
joinempty = yes
leavewhenempty = no
musicclass = ivr
announce = ivr/{WHISPER}
announce-frequency = 0
announce-holdtime = no
announce-position = no
periodic-announce-frequency = 0
{members}"""


def whisper_sound(flow: Flow, keys: Sequence[str], directory: Path) -> bytes:
    """What a counsellor hears of ours for a call with these keys, as one sound."""
    facts: dict[Fact, str] = {}
    for question, key in zip(flow.questions, keys, strict=True):
        facts |= question.pages[0].answers[key].facts
    of_call = CallFacts(
        province=ProvinceId(PROVINCE),
        county=CountyId(facts[Fact.COUNTY]),
        category=CategoryId(facts[Fact.CATEGORY]),
        lane=Lane.ORDINARY,
    )
    prompts = whisper_prompts(flow.topics, of_call, confirm=False)
    return joined_wavs(directory / f"{prompt}.wav" for prompt in prompts)
