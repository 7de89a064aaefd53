"""The call that somebody means."""

from ivr.errors import BadInput
from ivr.model import CallId
from ivr.model.record import CallRecord
from ivr.store.store import Store


async def find_call(store: Store, text: str) -> CallRecord:
    """The call of this id, or the only one whose id begins so; raises BadInput."""
    if exact := await store.load_call(CallId(text)):
        return exact
    found = await store.find_calls(text) if text else ()
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadInput(f"No call's id begins with {text!r}; `ivr calls list` shows them.")
    names = ", ".join(call.call for call in found)
    raise BadInput(f"Several calls' ids begin with {text!r}: {names}. Write more of it.")
