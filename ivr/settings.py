"""Settings of one running copy: environment variables with the prefix IVR_, read once."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ivr.errors import BadInput

PROJECT = Path(__file__).resolve().parent.parent
Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """Where this copy listens, keeps its state, and which Asterisk it uses."""

    model_config = SettingsConfigDict(env_prefix="IVR_", frozen=True, extra="ignore")

    home: Path = Path("var")
    asterisk: Literal["private", "existing", "simulated", "auto"] = "auto"
    host: str = "127.0.0.1"
    sip_port: Port = 5060
    ami_port: Port = 5038
    agi_port: Port = 4573
    http_port: Port = 8123
    rtp_ports: str = "10000-10999"
    ami_user: str = "ivr"
    ami_secret: str | None = None  # made at first run and kept in IVR_HOME where unset
    trunk_match: str = "127.0.0.1"
    trunk_outbound: str | None = None  # HOST or HOST:PORT that rings counsellors' telephones
    trunk_geolocation: bool = False  # take in PIDF-LO; see deploy/locations/README.md
    fallback_round_s: Annotated[int, Field(ge=2, le=60)] = 15  # of waiting while we are dead
    default_province: str = "markazi"
    rules_dir: Path = PROJECT / "deploy" / "provinces"
    demo_dir: Path = PROJECT / "deploy" / "demo"
    locations_dir: Path = PROJECT / "deploy" / "locations"
    prompts_dir: Path = PROJECT / "prompts" / "fa"
    templates_dir: Path = PROJECT / "deploy" / "asterisk"
    cache_dir: Path = Path("~/.cache/line123")
    calls_csv: Path | None = None  # Asterisk's own records of calls; default: the private one's
    database_url: str | None = None  # default: SQLite in IVR_HOME
    webhook_kept_d: Annotated[int, Field(ge=1, le=365)] = 7  # after it was taken
    retention_within_d: Annotated[int, Field(ge=1, le=365)] | None = None  # else an alarm
    number_key_file: Path | None = None  # default: made in IVR_HOME/secrets at first run

    @field_validator(
        "home",
        "cache_dir",
        "rules_dir",
        "demo_dir",
        "locations_dir",
        "prompts_dir",
        "templates_dir",
    )
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().resolve()

    @field_validator("trunk_outbound")
    @classmethod
    def _host_and_port(cls, text: str | None) -> str | None:
        if text is not None and not re.fullmatch(r"[A-Za-z0-9.-]+(:\d{1,5})?", text):
            raise ValueError("write it as HOST or HOST:PORT, for example 192.0.2.7:5060")
        return text

    @field_validator("rtp_ports")
    @classmethod
    def _port_range(cls, text: str) -> str:
        match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text)
        if not match or not 1024 <= int(match[1]) < int(match[2]) <= 65535:
            raise ValueError("write it as FIRST-LAST, for example 10000-10999")
        return text


def load_settings() -> Settings:
    """Settings from the environment.

    Raises BadInput naming each variable that is wrong.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"IVR_{'_'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
            for item in error.errors()
        ]
        raise BadInput("Wrong settings in the environment:\n  " + "\n  ".join(lines)) from error
