"""A small synchronous look at AMI, for start-up and checks; calls are served by the AMI link."""

import socket
from typing import Self

from ivr.asterisk.wire import header_value
from ivr.errors import ActionFailed, AsteriskError
from ivr.settings import Settings

Message = dict[str, str]


class NotListening(AsteriskError):
    """Nobody listens on the AMI port."""


class LoginRefused(AsteriskError):
    """Asterisk does not take our name and password."""


class AmiProbe:
    """One logged-in AMI connection, as a context manager.

    Raises NotListening, LoginRefused, and ActionFailed where no answer comes within `timeout_s`.
    """

    def __init__(self, settings: Settings, secret: str, timeout_s: float = 30.0) -> None:
        self._address = (settings.host, settings.ami_port)
        self._login = {"Username": settings.ami_user, "Secret": secret}
        self._timeout_s = timeout_s
        self._events: list[Message] = []

    def __enter__(self) -> Self:
        where = "{}:{}".format(*self._address)
        try:
            self._socket = socket.create_connection(self._address, timeout=self._timeout_s)
        except OSError as error:
            raise NotListening(
                f"nobody answers on {where} (IVR_AMI_PORT): {error.strerror or error}"
            ) from error
        self._file = self._socket.makefile("rb")
        try:
            self.banner = self._line()
            answer = self.action("Login", **self._login)
        except BaseException:
            self.__exit__()
            raise
        if answer.get("Response") != "Success":
            self.__exit__()
            raise LoginRefused(
                f"Asterisk on {where} refuses the AMI log-in of {self._login['Username']!r}: "
                "IVR_AMI_USER and IVR_AMI_SECRET (or IVR_HOME/secrets/ami) must be those of its "
                "manager.conf"
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def action(self, name: str, **headers: str) -> Message:
        """Send an action; returns its response. Events in between are kept."""
        rows = [
            f"Action: {name}",
            *(f"{key}: {header_value(text)}" for key, text in headers.items()),
        ]
        self._socket.sendall(("\r\n".join(rows) + "\r\n\r\n").encode())
        while True:
            message = self._message()
            if "Event" not in message:  # OriginateResponse is an event that has a Response
                return message
            self._events.append(message)

    def wait_event(self, name: str) -> Message:
        """The first event of that name, seen already or still to come."""
        for message in self._events:
            if message.get("Event") == name:
                return message
        while True:
            message = self._message()
            if message.get("Event") == name:
                return message

    def value_of(self, expression: str) -> str:
        """What a global variable or a dialplan function holds, e.g. `VERSION()`."""
        answer = self.action("Getvar", Variable=expression)
        if answer.get("Response") != "Success":
            raise ActionFailed(f"Asterisk does not tell {expression}: {answer.get('Message', '')}")
        return answer.get("Value", "")

    def _message(self) -> Message:
        message: Message = {}
        while line := self._line():
            name, _, text = line.partition(": ")
            message[name.rstrip(":")] = text
        return message

    def _line(self) -> str:
        try:
            raw = self._file.readline()
        except OSError as error:
            raise ActionFailed(f"AMI gave no answer within {self._timeout_s:.0f} s") from error
        if not raw:
            raise NotListening("Asterisk closed the AMI connection")
        return raw.decode("utf-8", "replace").rstrip("\r\n")
