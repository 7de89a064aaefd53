"""`python -m tests.real.patient_ivr …`: `ivr`, patient with everybody who stands still a while.

Whoever waits so long goes on without what was asked for. That is right on a line, and another
story than the one that a test tells; on a machine that stalls it would come by chance.
"""

from collections.abc import Callable

from ivr import earlier_calls
from ivr.asterisk import agi, signals
from ivr.asterisk.ami import AmiTiming
from ivr.cli import main
from ivr.dialplan import conversation, desk, whisper

PATIENCE_S = 30.0
LIMITS = {
    (agi, "COMMAND_LIMIT_S"): PATIENCE_S,
    (conversation, "VERDICT_S"): PATIENCE_S,
    (desk, "_FIRST_KEY_S"): PATIENCE_S,
    (desk, "_NEXT_KEY_S"): 12.0,  # waited for where a PIN is typed without its end
    (earlier_calls, "LOOK_UP_S"): PATIENCE_S,
    (signals, "READING_S"): PATIENCE_S,
    (whisper, "CONNECT_WAIT_S"): PATIENCE_S,
}
AMI = ("connect_s", "answer_s", "list_s")


def be_patient(change: Callable[[object, str, object], None] = setattr) -> None:
    for (module, name), limit_s in LIMITS.items():
        assert hasattr(module, name), name
        change(module, name, limit_s)
    made = AmiTiming.__init__.__kwdefaults__
    assert made.keys() >= set(AMI)
    change(AmiTiming.__init__, "__kwdefaults__", made | dict.fromkeys(AMI, PATIENCE_S))


if __name__ == "__main__":
    be_patient()
    main()
