"""`ivr counsellors`: who may take calls, and how their phones register."""

import json
from typing import Annotated

import typer

from ivr.current import current
from ivr.model import Counsellor, DeviceKind
from ivr.people import device_passwords
from ivr.settings import Settings, load_settings

app = typer.Typer(no_args_is_help=True, help="Who may take calls, and on which phones.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_people(*, as_json: AsJson = False) -> None:
    """Print every counsellor with desks, skills and devices.

    With --json an array of objects with the keys id, name, desks, skills (id, level), devices.
    """
    people = _counsellors(load_settings())
    rows = [
        {
            "id": person.id,
            "name": person.name_fa,
            "desks": list(person.desks),
            "skills": [{"id": skill.id, "level": skill.level} for skill in person.skills],
            "devices": [device.id for device in person.devices],
        }
        for person in people
    ]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for person in people:
        devices = ", ".join(device.id for device in person.devices)
        typer.echo(f"{person.id:<14} {', '.join(person.desks):<22} {devices:<14} {person.name_fa}")


@app.command("devices")
def list_devices(*, as_json: AsJson = False) -> None:
    """Print how each counsellor's SIP phone registers, password included."""
    settings = load_settings()
    phones = [
        (person, device.id)
        for person in _counsellors(settings)
        for device in person.devices
        if device.kind is DeviceKind.SIP
    ]
    passwords = device_passwords(settings.home, (device for _, device in phones))
    rows = [
        {
            "name": person.name_fa,
            "desk": person.desks[0],
            "sip_user": device,
            "sip_password": passwords[device],
            "sip_server": settings.host,
            "sip_port": settings.sip_port,
        }
        for person, device in phones
    ]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        phone = f"{row['sip_user']:<14} {row['sip_password']}"
        server = f"{row['sip_server']}:{row['sip_port']}"
        typer.echo(f"{phone} {server:<21} {row['desk']:<22} {row['name']}")


def _counsellors(settings: Settings) -> tuple[Counsellor, ...]:
    """Those whom this copy goes by; before its first start, those of the files."""
    return current(settings).counsellors
