"""Tell whoever watches over us that we live: systemd's notify protocol (sd_notify(3))."""

import asyncio
import os
import socket

BEAT_S = 1.0


def notify(state: str) -> None:
    """Send READY=1, WATCHDOG=1 or STOPPING=1 to NOTIFY_SOCKET, where there is one."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # a socket in Linux's abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
        try:
            sender.sendto(state.encode(), address)
        except OSError:
            return  # the watcher has gone; we serve on


async def beat() -> None:
    """A sign of life every second: a frozen event loop sends none and is restarted."""
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(BEAT_S)
