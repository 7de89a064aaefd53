"""A real Asterisk for the connecting trial: its own ports, dialplan and audio, gone afterwards.

The dialplan is the shape of docs/architecture.md with both connecting mechanisms. Each part of a
call has a tone of its own, so that a telephone can tell where its call is.
"""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ivr.bench.connect_ami import Ami
from ivr.errors import AsteriskError
from ivr.simulator import tone
from ivr.simulator.ports import free_port

MENU_HZ = 2000.0
MUSIC_HZ = 1500.0
ROOM_MUSIC_HZ = 1250.0  # heard by a caller who waits in a room
WHISPER_HZ = 2500.0
CLOSING_HZ = 1800.0
FALLBACK_HZ = 3000.0
WHISPER_S = 0.4
DEVICES = tuple(f"c{n:02d}" for n in range(12))
LOAD_DEVICE = "load"
PASSWORD = "trial"  # noqa: S105  a loopback exchange of a few minutes
OBSERVER = "observer"
CONTROLLER = "controller"
_UNUSED = """res_odbc res_config_odbc res_config_ldap res_config_pgsql func_odbc
cdr_pgsql cdr_csv cdr_custom cdr_manager cdr_syslog cdr_odbc cdr_adaptive_odbc cdr_radius cdr_tds
cdr_sqlite3_custom cel_pgsql cel_odbc cel_custom cel_manager cel_radius cel_tds cel_sqlite3_custom
chan_dahdi chan_iax2 chan_unistim chan_motif chan_console chan_websocket chan_audiosocket
app_voicemail app_voicemail_odbc app_voicemail_imap app_minivm app_festival app_queue app_stasis
app_alarmreceiver app_adsiprog app_getcpeid res_adsi res_snmp res_xmpp res_calendar res_phoneprov
res_smdi res_hep res_statsd res_corosync res_fax res_geolocation res_parking res_stir_shaken
res_prometheus res_ari res_stasis res_http_websocket pbx_dundi pbx_ael pbx_lua"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A running trial Asterisk and how to reach it."""

    host: str
    sip_port: int
    ami_port: int
    agi_port: int
    load_port: int
    pid: int
    home: Path

    @property
    def server(self) -> tuple[str, int]:
        return (self.host, self.sip_port)

    def processor_s(self) -> float:
        """Processor time that Asterisk has used, in seconds (user and system)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100  # clock ticks of 10 ms, see proc(5)


@asynccontextmanager
async def running_exchange(root: Path) -> AsyncIterator[Exchange]:
    """Start Asterisk from the private `root`; it and its files are gone afterwards.

    Raises AsteriskError where it does not come up.
    """
    home = Path(tempfile.mkdtemp(prefix="line123-trial-"))
    ports = {
        "sip": free_port(socket.SOCK_DGRAM),
        "load": free_port(socket.SOCK_DGRAM),
        "ami": free_port(socket.SOCK_STREAM),
        "agi": free_port(socket.SOCK_STREAM),
    }
    try:
        _write_files(home, ports)
        process = await _start(root, home)
        try:
            pid = await _wait_until_up(process, home, ports["ami"])
            yield Exchange(
                host="127.0.0.1",
                sip_port=ports["sip"],
                ami_port=ports["ami"],
                agi_port=ports["agi"],
                load_port=ports["load"],
                pid=pid,
                home=home,
            )
        finally:
            await _stop(process)
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def _start(root: Path, home: Path) -> asyncio.subprocess.Process:
    """Asterisk in the root, with our files in place of the root's, in a mount namespace."""
    mounts = {
        "etc": "etc/asterisk",
        "lib": "var/lib/asterisk",
        "log": "var/log/asterisk",
        "spool": "var/spool/asterisk",
        "run": "run/asterisk",
        "sounds": "usr/share/asterisk/sounds",
        "moh": "usr/share/asterisk/moh",
        "hosts": "etc/hosts",
    }
    (root / "etc/hosts").touch()
    lines = [f'mount --bind "{home}/{ours}" "{root}/{theirs}"' for ours, theirs in mounts.items()]
    lines.append(f'exec chroot "{root}" /usr/sbin/asterisk -f -U asterisk')
    with (home / "asterisk.out").open("wb") as output:
        return await asyncio.create_subprocess_exec(
            "unshare",
            "--mount",
            "sh",
            "-euc",
            "\n".join(lines),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


async def _wait_until_up(process: asyncio.subprocess.Process, home: Path, ami_port: int) -> int:
    for _ in range(600):  # a minute
        if process.returncode is not None:
            break
        try:
            async with Ami.connected(ami_port, OBSERVER, PASSWORD) as ami:
                await ami.wait_booted(60)
                return process.pid
        except (OSError, EOFError):
            await asyncio.sleep(0.1)
    words = (home / "asterisk.out").read_text(errors="replace")[-2000:]
    raise AsteriskError(f"The trial's Asterisk did not come up; its last words:\n{words}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _write_files(home: Path, ports: dict[str, int]) -> None:
    for name in ("etc", "lib", "log", "spool", "run", "sounds", "moh/line", "moh/room"):
        (home / name).mkdir(parents=True)
    host_name = socket.gethostname()
    hosts = f"127.0.0.1 localhost {host_name}\n127.0.0.1 a.root-servers.net\n"
    (home / "hosts").write_text(hosts)
    for name, text in _configuration(ports).items():
        (home / "etc" / name).write_text(text)
    _write_audio(home)
    for path in (home, *home.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o644)


def _write_audio(home: Path) -> None:
    audio = {
        "sounds/menu": tone.tone(MENU_HZ, 1) * 60,
        "sounds/closing": tone.tone(CLOSING_HZ, 1),
        "sounds/whisper": tone.tone(WHISPER_HZ, WHISPER_S),
        "sounds/fallback": tone.tone(FALLBACK_HZ, 1) * 15,
        "moh/line/music": tone.tone(MUSIC_HZ, 1) * 30,
        "moh/room/music": tone.tone(ROOM_MUSIC_HZ, 1) * 30,
    }
    for name, data in audio.items():
        (home / f"{name}.alaw").write_bytes(data)


def _configuration(ports: dict[str, int]) -> dict[str, str]:
    return {
        "asterisk.conf": _ASTERISK_CONF,
        "modules.conf": "[modules]\nautoload=yes\n"
        + "".join(f"noload={name}.so\n" for name in _UNUSED.split()),
        "logger.conf": "[general]\n[logfiles]\nmessages.log=warning,error\n",
        "rtp.conf": "[general]\nrtpstart=30000\nrtpend=32767\nstrictrtp=no\n",
        "musiconhold.conf": _MUSIC_CONF,
        "manager.conf": _manager_conf(ports["ami"]),
        "pjsip.conf": _pjsip_conf(ports["sip"], ports["load"]),
        "confbridge.conf": _CONFBRIDGE_CONF,
        "extensions.conf": _EXTENSIONS_CONF.replace("AGI_PORT", str(ports["agi"])),
    }


def _manager_conf(port: int) -> str:
    return f"""[general]
enabled=yes
bindaddr=127.0.0.1
port={port}
[{OBSERVER}]
secret={PASSWORD}
read=all
write=all
[{CONTROLLER}]
secret={PASSWORD}
read=system,call,user,dtmf
write=call,originate
"""


def _pjsip_conf(sip_port: int, load_port: int) -> str:
    endpoint = """type=endpoint
disallow=all
allow=alaw
direct_media=no
dtmf_mode=rfc4733
media_address=127.0.0.1
bind_rtp_to_media_address=yes
allow_transfer=no
"""
    devices = "".join(
        f"[{name}]\n{endpoint}auth={name}\naors={name}\n"
        f"[{name}]\ntype=auth\nauth_type=userpass\nusername={name}\npassword={PASSWORD}\n"
        f"[{name}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\nminimum_expiration=5\n"
        for name in DEVICES
    )
    return f"""[global]
type=global
endpoint_identifier_order=username,ip,anonymous
[transport]
type=transport
protocol=udp
bind=127.0.0.1:{sip_port}
[trunk]
{endpoint}context=trial
[trunk]
type=identify
endpoint=trunk
match=127.0.0.1
[{LOAD_DEVICE}]
{endpoint}aors={LOAD_DEVICE}
[{LOAD_DEVICE}]
type=aor
contact=sip:{LOAD_DEVICE}@127.0.0.1:{load_port}
{devices}"""


_ASTERISK_CONF = """[directories]
astdbdir=/var/lib/asterisk
astvarlibdir=/var/lib/asterisk
astdatadir=/usr/share/asterisk
"""

_MUSIC_CONF = """[default]
mode=files
directory=/usr/share/asterisk/moh/line
[room]
mode=files
directory=/usr/share/asterisk/moh/room
"""

_CONFBRIDGE_CONF = """[general]
[trial_room]
type=bridge
internal_sample_rate=8000
mixing_interval=20
[trial_caller]
type=user
quiet=yes
wait_marked=yes
end_marked=yes
music_on_hold_when_empty=yes
music_on_hold_class=room
[trial_counsellor]
type=user
quiet=yes
marked=yes
"""

# The called number says what the trial's controller does: see connect_controller.
_EXTENSIONS_CONF = """[general]
static=yes
writeprotect=yes
[trial]
exten => _X.,1,Set(IVR_LINE=${EXTEN})
 same => n,Goto(line,s,1)
[line]
exten => s,1,Answer()
 same => n(loop),AGI(agi://127.0.0.1:AGI_PORT/call,line=${IVR_LINE},phase=${IVR_PHASE})
 same => n,GotoIf($["${IVR_DONE}"="1"]?done)
 same => n,UserEvent(Fallback,Line: ${IVR_LINE})
 same => n,Playback(fallback)
 same => n,Goto(loop)
 same => n(done),Hangup()
; The guard on the caller's side: whoever is left in the room leaves it too.
exten => h,1,GotoIf($["${IVR_GUARD}"=""]?done)
 same => n,GotoIf($[0${CONFBRIDGE_INFO(parties,${IVR_OFFER})}=0]?done)
 same => n,ConfKick(${IVR_OFFER},all)
 same => n(done),NoOp()
[offer]
exten => s,1,AGI(agi://127.0.0.1:AGI_PORT/offer,offer=${IVR_OFFER})
 same => n,Hangup()
; The same with the guard: a leg whose controller died connects by itself where the caller is
; already in the room, and whoever is left in the room when the leg ends is sent back.
[offer-guarded]
exten => s,1,AGI(agi://127.0.0.1:AGI_PORT/offer,offer=${IVR_OFFER})
 same => n,GotoIf($["${IVR_TALKED}"="1"]?done)
 same => n,GotoIf($[0${CONFBRIDGE_INFO(parties,${IVR_OFFER})}=0]?done)
 same => n,ConfBridge(${IVR_OFFER},trial_room,trial_counsellor)
 same => n(done),Hangup()
exten => h,1,GotoIf($[0${CONFBRIDGE_INFO(parties,${IVR_OFFER})}=0]?done)
 same => n,ConfKick(${IVR_OFFER},all)
 same => n(done),NoOp()
[whisper]
exten => s,1,Set(GOSUB_RESULT=CONTINUE)
 same => n,AGI(agi://127.0.0.1:AGI_PORT/whisper,offer=${ARG1})
 same => n,GotoIf($["${IVR_WHISPERED}"="1"]?done)
 same => n,Set(GOSUB_RESULT=)
 same => n(done),Return()
"""
