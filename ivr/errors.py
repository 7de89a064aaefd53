"""The errors of line 123: one small tree. Foreign errors are translated once, at the edge.

The message says what is wrong, where, and what to do; the command line prints it without a
traceback and exits with `exit_status`.
"""


class LineError(Exception):
    """Base of all errors that a person or a caller of our code should understand."""

    exit_status = 1


class BadInput(LineError):
    """What a person gave (file, option, date) is wrong; nothing was changed."""

    exit_status = 2


class NotAllowed(BadInput):
    """Somebody asked for what their roles do not include; nothing was changed."""


class NotThere(BadInput):
    """What was named is not there, or not yet; nothing was changed."""


class RulesError(BadInput):
    """A rules file has mistakes; the message lists them all with file, line and field."""


class AsteriskError(LineError):
    """Asterisk is missing, does not start, or refuses what we need."""


class LinkDown(AsteriskError):
    """The AMI link is down: the action was not sent."""


class ActionFailed(AsteriskError):
    """Asterisk answered an AMI action with an error, or not in time."""


class UnsafeValue(LineError):
    """A value with control characters or over-long was about to be sent to Asterisk."""


class HungUp(LineError):
    """The channel is gone: the ordinary end of a conversation, at any await."""


class SessionLost(LineError):
    """The FastAGI connection broke or a reply did not come, while the channel may live on."""


class PromptsError(LineError):
    """Prompts are missing or cannot be built."""


class StoreError(LineError):
    """The database cannot be reached or refuses to save."""


class ValueRefused(StoreError):
    """The database works and refuses a value for ever: a text that is none, a number too large."""

    exit_status = 2
