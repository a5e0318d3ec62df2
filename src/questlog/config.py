"""Settings: a TOML file, overridden by the environment, overridden by flags.

Unknown names in the file and among the flags are refused. In the environment they have no effect: others set variables
there too.
"""

import datetime
import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NoReturn

import msgspec
from msgspec import Meta, Struct, field

ENVIRONMENT_PREFIX = "QUESTLOG_"
FILE_NAME = "questlog.toml"
# Options of the command line, not settings.
OPTION_VARIABLES = {"QUESTLOG_DATA": "--data", "QUESTLOG_CONFIG": "--config", "QUESTLOG_TOKEN": "--token"}

# What Kubernetes puts into every pod of a namespace for a service named `questlog` or `questlog-…`
# (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables). The address of a service
# `questlog-collector` has the name of our setting `collector.port`: only its value tells them apart.
_SERVICE_NAME = re.compile(r"QUESTLOG_(?:\w+_)?(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)")
_SERVICE_ADDRESS_NAME = re.compile(r"QUESTLOG_(?:\w+_)?PORT")
_SERVICE_ADDRESS = re.compile(r"(?:tcp|udp|sctp)://\S+")

_SECRET = {"is_secret": True}
_DAY_S = 86_400

Port = Annotated[int, Meta(ge=1, le=65_535)]
Bytes = Annotated[int, Meta(ge=1024, le=2**40)]
Values = Annotated[int, Meta(ge=1, le=10_000_000)]
Seconds = Annotated[float, Meta(gt=0, le=3650 * _DAY_S)]


class ConfigError(Exception):
    """The settings cannot be used. The message is one line that names the key."""


class _Section(Struct, frozen=True, kw_only=True):
    """A table of the settings file. Its `repr` shows no secrets."""

    def __repr__(self) -> str:
        shown = (
            f"{info.name}={_shown(getattr(self, info.name), _is_secret(info.type))}"
            for info in msgspec.structs.fields(self)
        )
        return f"{type(self).__name__}({', '.join(shown)})"


class CollectorSettings(_Section, frozen=True, kw_only=True):
    """The port that games send to."""

    host: Annotated[str, Meta(min_length=1, description="Address that games connect to.")] = "0.0.0.0"  # noqa: S104
    port: Annotated[Port, Meta(description="Port that games connect to, for both protocols.")] = 7450
    workers: Annotated[int, Meta(ge=0, le=1024, description="Collector processes; 0 = one per core.")] = 0
    max_body_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=4_128_768,  # with its envelope it must fit the journal's largest record, 4 MiB
            description="Largest request body as sent; larger ones get 413.",
        ),
    ] = 1_048_576
    max_inflated_bytes: Annotated[Bytes, Meta(description="Largest request body after decompression.")] = 16_777_216
    body_timeout_s: Annotated[Seconds, Meta(description="Time limit for sending a body.")] = 30.0
    metrics: Annotated[
        bool,
        Meta(
            description="Answer `/metrics` on this port too, for scrapers on this machine and those with an API token. "
            "For machines with collectors alone."
        ),
    ] = False
    max_pending_bytes: Annotated[
        Bytes,
        Meta(description="Most bytes that a collector holds before they are on disk. Above it, requests are rejected."),
    ] = 67_108_864


class ConsoleSettings(_Section, frozen=True, kw_only=True):
    """The port for people and programs: status page, API, metrics."""

    host: Annotated[str, Meta(min_length=1, description="Address of the status page and the API.")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="Port of the status page and the API.")] = 7451
    sql_timeout_s: Annotated[Seconds, Meta(description="Time limit of an SQL statement.")] = 30.0
    sql_max_rows: Annotated[
        int, Meta(ge=1, le=2**31 - 1, description="Most rows in the answer of an SQL statement.")
    ] = 100_000
    trusted_proxies: Annotated[
        str,
        Meta(
            description="Addresses and networks of proxies in front of this port, separated by commas, for example "
            "`127.0.0.1, 10.0.0.0/8`. Only their `X-Forwarded-For` is read. Empty: none."
        ),
    ] = ""
    login_idle_s: Annotated[
        int, Meta(ge=60, le=365 * _DAY_S, description="A log-in ends so long after its last request.")
    ] = 43_200
    login_lifetime_s: Annotated[
        int, Meta(ge=60, le=365 * _DAY_S, description="A log-in ends so long after it began, whatever happens.")
    ] = 604_800


class AuditSettings(_Section, frozen=True, kw_only=True):
    """The audit log: who changed, exported and read what."""

    keep_days: Annotated[int, Meta(ge=30, le=3650, description="How long its entries are kept.")] = 365


class AnalyticsSettings(_Section, frozen=True, kw_only=True):
    """Questions about games: dashboard, API, `questlog query`."""

    timeout_s: Annotated[Seconds, Meta(description="Time limit of a question.")] = 30.0


class CardinalitySettings(_Section, frozen=True, kw_only=True):
    """Number of values of a field that a day of a game can show; further values are shown as `(other)`."""

    build: Annotated[Values, Meta(description="Builds.")] = 100
    platform: Annotated[Values, Meta(description="Platforms.")] = 30
    device: Annotated[Values, Meta(description="Device models.")] = 500
    os_version: Annotated[Values, Meta(description="Versions of operating systems.")] = 255
    custom_01: Annotated[Values, Meta(description="Values of the first custom dimension.")] = 50
    custom_02: Annotated[Values, Meta(description="Values of the second custom dimension.")] = 50
    custom_03: Annotated[Values, Meta(description="Values of the third custom dimension.")] = 50
    cart_type: Annotated[Values, Meta(description="Cart types of purchases.")] = 10
    progression_01: Annotated[Values, Meta(description="Names of the first part of a progression.")] = 100
    progression_02: Annotated[Values, Meta(description="Names of the second part of a progression.")] = 100
    progression_03: Annotated[Values, Meta(description="Names of the third part of a progression.")] = 100
    business_item_type: Annotated[Values, Meta(description="Item types of purchases.")] = 100
    business_item_id: Annotated[Values, Meta(description="Item ids of purchases.")] = 100
    resource_currency: Annotated[Values, Meta(description="Currencies of resource events.")] = 100
    resource_item_type: Annotated[Values, Meta(description="Item types of resource events.")] = 100
    resource_item_id: Annotated[Values, Meta(description="Item ids of resource events.")] = 100
    design_event_id: Annotated[Values, Meta(description="Ids of design events.")] = 50_000


class JournalSettings(_Section, frozen=True, kw_only=True):
    """The durable log between collectors and loader."""

    segment_bytes: Annotated[Bytes, Meta(description="A segment file is closed at this size.")] = 67_108_864
    keep_s: Annotated[
        float, Meta(ge=0, le=3650 * _DAY_S, description="How long a segment is kept after it was loaded.")
    ] = 86_400.0


class LoaderSettings(_Section, frozen=True, kw_only=True):
    """Loading events from the journal into the store."""

    tick_ms: Annotated[int, Meta(ge=10, le=60_000, description="Shortest time between two looks for new records.")] = (
        250
    )
    batch_bytes: Annotated[Bytes, Meta(description="Most journal bytes in one batch.")] = 33_554_432
    batch_events: Annotated[int, Meta(ge=1, le=10_000_000, description="Most events in one batch.")] = 50_000


class MemorySettings(_Section, frozen=True, kw_only=True):
    """The server's memory."""

    server_mb: Annotated[
        int,
        Meta(
            ge=256,
            le=2**24,
            description="Memory limit of the server: engine, loading and questions together. Above it, running "
            "questions are stopped. Each collector uses about 60 MB more.",
        ),
    ] = 1536


class StoreSettings(_Section, frozen=True, kw_only=True):
    """The analytics store."""

    memory_limit_mb: Annotated[
        int, Meta(ge=0, le=2**24, description="Memory limit of the engine; 0 = half of `memory.server_mb`.")
    ] = 0
    threads: Annotated[int, Meta(ge=0, le=1024, description="Threads of the engine; 0 = one per core.")] = 0
    checkpoint_mb: Annotated[
        int, Meta(ge=1, le=2**20, description="Size of the engine's write-ahead log that starts a checkpoint.")
    ] = 256


class DedupeSettings(_Section, frozen=True, kw_only=True):
    """De-duplication of events."""

    window_days: Annotated[
        int, Meta(ge=1, le=3650, description="Events with the same id within this time are duplicates.")
    ] = 7


class RejectedSettings(_Section, frozen=True, kw_only=True):
    """Rejected events and requests, which are stored with their reasons."""

    keep_days: Annotated[int, Meta(ge=1, le=3650, description="Days after which they are deleted.")] = 14
    max_rows_per_game: Annotated[
        int, Meta(ge=1, le=2**31 - 1, description="Most rows of a game; the oldest are deleted.")
    ] = 100_000


class SatoriSettings(_Section, frozen=True, kw_only=True):
    """Satori's session tokens."""

    signing_key: Annotated[
        str,
        Meta(
            description="Key that session tokens are signed with (HS256), the same as Nakama's `satori.signing_key`. "
            "Empty: Questlog makes one and stores it in the control database.",
            extra=_SECRET,
        ),
    ] = ""
    token_lifetime_s: Annotated[
        int, Meta(ge=1, le=3650 * _DAY_S, description="Lifetime of a session token. SDKs renew it 5 minutes before.")
    ] = 3600
    refresh_token_lifetime_s: Annotated[
        int, Meta(ge=1, le=3650 * _DAY_S, description="Lifetime of a refresh token.")
    ] = 86_400


class SessionSettings(_Section, frozen=True, kw_only=True):
    """Sessions of players, of both protocols."""

    reuse_gap_s: Annotated[
        int,
        Meta(
            ge=60,
            le=31 * _DAY_S,
            description="A session id that is used again this long after its last event begins a new session. A change "
            "applies to stored events after `questlog rebuild`.",
        ),
    ] = 43_200


class EventSettings(_Section, frozen=True, kw_only=True):
    """Events of both protocols."""

    sessionless_events_grace_period_sec: Annotated[
        int,
        Meta(
            ge=0,
            le=3650 * _DAY_S,
            description="An event without a session joins the player's latest session, up to this long after its end.",
        ),
    ] = 3600
    earliest_time: Annotated[
        datetime.date,
        Meta(description="First day (UTC) of events; an earlier client time counts as not sent."),
    ] = datetime.date(2010, 1, 1)
    keep_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="Whole days before today whose events are kept; older ones are deleted. 0 = for ever. A game "
            "may have its own number (`questlog game keep`).",
        ),
    ] = 0

    @property
    def earliest_us(self) -> int:
        """`earliest_time` as UTC microseconds."""
        return (self.earliest_time - datetime.date(1970, 1, 1)).days * _DAY_S * 1_000_000


class GeoSettings(_Section, frozen=True, kw_only=True):
    """Country from the client's address. The address itself is never stored."""

    database_path: Annotated[
        str,
        Meta(description="Your own country database (MMDB). Empty: the database of the installation."),
    ] = ""


class MoneySettings(_Section, frozen=True, kw_only=True):
    """Amounts in US dollars, computed when an event is loaded. `questlog reprice` computes stored amounts again."""

    rates_path: Annotated[
        str,
        Meta(
            description="Your own exchange rates: CSV with the header `day,currency,usd`. `usd` is the value of one "
            "unit in US dollars from that day on. They replace other rates of the same currencies. Empty: none.",
        ),
    ] = ""
    refresh: Annotated[
        bool, Meta(description="Fetch new rates once a day. Switch it off if the server has no internet access.")
    ] = True
    ecb_url: Annotated[
        str,
        Meta(min_length=1, description="Address of the ECB's reference rates of all days (`eurofxref-hist.zip`)."),
    ] = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip"
    wide_rates: Annotated[
        bool,
        Meta(
            description="Use a wider table, with daily rates of about 150 currencies, for currencies that the ECB does "
            "not quote. Its rates are approximate. It is fetched once a day if `money.refresh` is on.",
        ),
    ] = False
    wide_rates_url: Annotated[
        str,
        Meta(
            description="Address of the wider table: the newest package of `@fawazahmed0/currency-api` (`.tgz`), "
            "or its file `usd.json`. Empty: fetched with the npm client of this machine, from the registry in its "
            "settings.",
        ),
    ] = ""


class ReceiptSettings(_Section, frozen=True, kw_only=True):
    """Receipts of purchases, checked when an event is loaded."""

    apple_root_path: Annotated[
        str,
        Meta(
            description="File with Apple's root certificate, `Apple Root CA - G3` of Apple's certificate authorities "
            "(DER or PEM), to check receipts of the App Store. Empty: they stay unchecked.",
        ),
    ] = ""


class ControlSettings(_Section, frozen=True, kw_only=True):
    """The database of games, keys, users and identities."""

    url: Annotated[
        str,
        Meta(
            description="Address of a PostgreSQL database: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, with "
            "options of its client such as `?sslmode=verify-full`. Empty: the SQLite file `control.sqlite3` in the "
            "data directory.",
            extra=_SECRET,
        ),
    ] = ""


class LogSettings(_Section, frozen=True, kw_only=True):
    """The log of Questlog itself, on stderr."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="Lowest level that is logged.")] = (
        "info"
    )
    format: Annotated[
        Literal["auto", "json", "console"],
        Meta(description="`json` for machines, `console` for people; `auto` = `console` on a terminal, else `json`."),
    ] = "auto"


class Settings(Struct, frozen=True, kw_only=True):
    """All settings, and where the data is."""

    data_dir: Path
    collector: CollectorSettings = field(default_factory=CollectorSettings)
    console: ConsoleSettings = field(default_factory=ConsoleSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    analytics: AnalyticsSettings = field(default_factory=AnalyticsSettings)
    cardinality: CardinalitySettings = field(default_factory=CardinalitySettings)
    journal: JournalSettings = field(default_factory=JournalSettings)
    loader: LoaderSettings = field(default_factory=LoaderSettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    dedupe: DedupeSettings = field(default_factory=DedupeSettings)
    rejected: RejectedSettings = field(default_factory=RejectedSettings)
    satori: SatoriSettings = field(default_factory=SatoriSettings)
    session: SessionSettings = field(default_factory=SessionSettings)
    event: EventSettings = field(default_factory=EventSettings)
    geo: GeoSettings = field(default_factory=GeoSettings)
    money: MoneySettings = field(default_factory=MoneySettings)
    receipts: ReceiptSettings = field(default_factory=ReceiptSettings)
    control: ControlSettings = field(default_factory=ControlSettings)
    log: LogSettings = field(default_factory=LogSettings)

    @property
    def journal_dir(self) -> Path:
        """Where collectors write segments."""
        return self.data_dir / "journal"

    @property
    def store_dir(self) -> Path:
        """Where the store's files are."""
        return self.data_dir / "store"

    @property
    def console_file(self) -> Path:
        """Where a running server says how the CLI of the same machine reaches it."""
        return self.data_dir / "console.json"

    @property
    def rates_dir(self) -> Path:
        """Where fetched exchange rates are."""
        return self.data_dir / "rates"

    @property
    def control_database(self) -> str | Path:
        """`control.url`, or the path of the SQLite file."""
        return self.control.url or self.data_dir / "control.sqlite3"


class SettingInfo(NamedTuple):
    """One setting as the reference shows it."""

    key: str
    variable: str
    type: Any
    default: Any
    is_secret: bool


def section_types() -> dict[str, type[_Section]]:
    """The sections by name, in the order of the reference."""
    return {info.name: info.type for info in msgspec.structs.fields(Settings) if info.name != "data_dir"}


def setting_infos(section: str) -> list[SettingInfo]:
    """The settings of one section, in the order of the reference."""
    return [
        SettingInfo(
            key=f"{section}.{info.name}",
            variable=f"{ENVIRONMENT_PREFIX}{section}_{info.name}".upper(),
            type=info.type,
            default=info.default,
            is_secret=_is_secret(info.type),
        )
        for info in msgspec.structs.fields(section_types()[section])
    ]


def load(
    data_dir: Path,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """Read the settings: the file, overridden by the environment, overridden by flags.

    `file` defaults to `questlog.toml` in the data directory, where there is one. `overrides` has keys like
    `collector.port`; text is converted to the setting's type. Raises `ConfigError`.
    """
    infos = {info.key: info for section in section_types() for info in setting_infos(section)}
    values: dict[str, object] = {}
    for given in (*_from_file(data_dir, file), *_from_environment(environ or {}, infos), *_from_flags(overrides or {})):
        info = infos.get(given.key)
        if info is None:
            _refuse("unknown setting", given.key, infos, given.origin)
        values[given.key] = _convert(given, info)
    return Settings(data_dir=data_dir, **_sections(values))


class _Given(NamedTuple):
    key: str
    value: object
    origin: str
    is_text: bool


def _from_file(data_dir: Path, file: Path | None) -> Iterator[_Given]:
    path = file or data_dir / FILE_NAME
    if file is None and not path.exists():
        return
    for section, table in _read_toml(path).items():
        if section not in section_types():
            _refuse("unknown section", section, section_types(), str(path))
        if not isinstance(table, dict):
            raise ConfigError(f"{section}: must be a table, [{section}] ({path})")
        for name, value in table.items():
            yield _Given(f"{section}.{name}", value, str(path), is_text=False)


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


class UnknownVariable(NamedTuple):
    """A variable of the environment that has our prefix and is no setting."""

    variable: str
    nearest: str


def unknown_variables(environ: Mapping[str, str]) -> list[UnknownVariable]:
    """The variables that look like settings and are none, each with the nearest one that is."""
    known = [*(info.variable for section in section_types() for info in setting_infos(section)), *OPTION_VARIABLES]
    return [
        UnknownVariable(name, _nearest(name, known)[0])
        for name, value in environ.items()
        if name.startswith(ENVIRONMENT_PREFIX) and name not in known and not _is_of_a_service(name, value)
    ]


def _from_environment(environ: Mapping[str, str], infos: Mapping[str, SettingInfo]) -> Iterator[_Given]:
    keys = {info.variable: info.key for info in infos.values()}
    for variable, text in environ.items():
        if variable in keys and not _is_of_a_service(variable, text):
            yield _Given(keys[variable], text, variable, is_text=True)


def _is_of_a_service(variable: str, value: str) -> bool:
    """Whether Kubernetes made this variable for a service."""
    if _SERVICE_NAME.fullmatch(variable):
        return True
    return _SERVICE_ADDRESS_NAME.fullmatch(variable) is not None and _SERVICE_ADDRESS.fullmatch(value) is not None


def _from_flags(overrides: Mapping[str, object]) -> Iterator[_Given]:
    for key, value in overrides.items():
        yield _Given(key, value, "command line", is_text=isinstance(value, str))


def _convert(given: _Given, info: SettingInfo) -> Any:
    try:
        return msgspec.convert(given.value, info.type, strict=not given.is_text)
    except msgspec.ValidationError as error:
        expected = str(error).partition(" - at ")[0]
        raise ConfigError(
            f"{given.key}: {expected[:1].lower()}{expected[1:]}, is {_shown(given.value, info.is_secret)}"
            f" ({given.origin})"
        ) from error


def _sections(values: Mapping[str, object]) -> dict[str, Any]:
    grouped: dict[str, dict[str, Any]] = {section: {} for section in section_types()}
    for key, value in values.items():
        section, _, name = key.partition(".")
        grouped[section][name] = value
    return {section: section_types()[section](**given) for section, given in grouped.items()}


def _refuse(what: str, name: str, valid: Iterable[str], origin: str) -> NoReturn:
    nearest = _nearest(name, valid)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    raise ConfigError(f"{what} {name} ({origin}){hint}")


def _nearest(name: str, valid: Iterable[str]) -> list[str]:
    """The most similar of the names; none where there are none."""
    return difflib.get_close_matches(name, list(valid), n=1, cutoff=0.0)


def _is_secret(kind: Any) -> bool:
    metadata = getattr(kind, "__metadata__", ())
    return any((meta.extra or {}).get("is_secret", False) for meta in metadata if isinstance(meta, Meta))


def _shown(value: object, is_secret: bool) -> str:
    return "…" if is_secret and value else repr(value)
