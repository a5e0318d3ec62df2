"""What to do about an event that was dropped: the rule in words, and the line to change with the SDK that sent it."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from questlog.model.event import Source
from questlog.model.reasons import Reason


class Remedy(msgspec.Struct, frozen=True):
    """What the field may be (`rule`), what to do (`advice`), and a line of code to compare with (`line`; "" for none).

    `guide` is a page of `docs/guides/sdks/`.
    """

    rule: str = ""
    advice: str = ""
    line: str = ""
    guide: str = ""


class _Sdk(NamedTuple):
    """An SDK's name, its page, and how each topic is written with it."""

    name: str
    guide: str
    lines: Mapping[str, str]


def _lines(**lines: str) -> Mapping[str, str]:
    return lines


_UNITY = _lines(
    design='GameAnalytics.NewDesignEvent("Kill:Sword:Robot", 100);',
    business='GameAnalytics.NewBusinessEvent("USD", 499, "gems", "pack_1", "shop");',
    resource='GameAnalytics.NewResourceEvent(GAResourceFlowType.Source, "Gems", 10, "reward", "daily");',
    progression='GameAnalytics.NewProgressionEvent(GAProgressionStatus.Start, "world01", "level02");',
    error='GameAnalytics.NewErrorEvent(GAErrorSeverity.Error, "what went wrong");',
    build='GameAnalytics.SetBuildAllPlatforms("1.0.0");',
    player='GameAnalytics.SetCustomId("player-1");',
    dimension='GameAnalytics.SetCustomDimension01("ninja");',
)
_JAVASCRIPT = _lines(
    design='GameAnalytics.addDesignEvent("Kill:Sword:Robot", 100);',
    business='GameAnalytics.addBusinessEvent("USD", 499, "gems", "pack_1", "shop");',
    resource='GameAnalytics.addResourceEvent(EGAResourceFlowType.Source, "Gems", 10, "reward", "daily");',
    progression='GameAnalytics.addProgressionEvent(EGAProgressionStatus.Start, "world01", "level02");',
    error='GameAnalytics.addErrorEvent(EGAErrorSeverity.Error, "what went wrong");',
    build='GameAnalytics.configureBuild("1.0.0");',
    player='GameAnalytics.configureUserId("player-1");',
    dimension='GameAnalytics.setCustomDimension01("ninja");',
)
_JAVA = _lines(
    design='GameAnalytics.addDesignEvent("Kill:Sword:Robot", 100);',
    business='GameAnalytics.addBusinessEvent("USD", 499, "gems", "pack_1", "shop");',
    resource='GameAnalytics.addResourceEvent(GAResourceFlowType.Source, "Gems", 10, "reward", "daily");',
    progression='GameAnalytics.addProgressionEvent(GAProgressionStatus.Start, "world01", "level02", "");',
    error='GameAnalytics.addErrorEvent(GAErrorSeverity.Error, "what went wrong");',
    build='GameAnalytics.configureBuild("1.0.0");',
    player='GameAnalytics.configureUserId("player-1");',
    dimension='GameAnalytics.setCustomDimension01("ninja");',
)
_IOS = _lines(
    design='[GameAnalytics addDesignEventWithEventId:@"Kill:Sword:Robot" value:@100];',
    business='[GameAnalytics addBusinessEventWithCurrency:@"USD" amount:499 itemType:@"gems" itemId:@"pack_1" '
    'cartType:@"shop" receipt:nil];',
    resource='[GameAnalytics addResourceEventWithFlowType:GAResourceFlowTypeSource currency:@"Gems" amount:@10 '
    'itemType:@"reward" itemId:@"daily"];',
    progression="[GameAnalytics addProgressionEventWithProgressionStatus:GAProgressionStatusStart "
    'progression01:@"world01" progression02:@"level02" progression03:nil];',
    error='[GameAnalytics addErrorEventWithSeverity:GAErrorSeverityError message:@"what went wrong"];',
    build='[GameAnalytics configureBuild:@"1.0.0"];',
    player='[GameAnalytics configureUserId:@"player-1"];',
    dimension='[GameAnalytics setCustomDimension01:@"ninja"];',
)
_CPP = _lines(
    design='gameanalytics::GameAnalytics::addDesignEvent("Kill:Sword:Robot", 100);',
    business='gameanalytics::GameAnalytics::addBusinessEvent("USD", 499, "gems", "pack_1", "shop");',
    resource='gameanalytics::GameAnalytics::addResourceEvent(gameanalytics::Source, "Gems", 10, "reward", "daily");',
    progression='gameanalytics::GameAnalytics::addProgressionEvent(gameanalytics::Start, "world01", "level02", "");',
    error='gameanalytics::GameAnalytics::addErrorEvent(gameanalytics::Error, "what went wrong");',
    build='gameanalytics::GameAnalytics::configureBuild("1.0.0");',
    player='gameanalytics::GameAnalytics::configureUserId("player-1");',
    dimension='gameanalytics::GameAnalytics::setCustomDimension01("ninja");',
)
_CSHARP = _lines(
    design='GameAnalytics.AddDesignEvent("Kill:Sword:Robot", 100);',
    business='GameAnalytics.AddBusinessEvent("USD", 499, "gems", "pack_1", "shop");',
    resource='GameAnalytics.AddResourceEvent(EGAResourceFlowType.Source, "Gems", 10, "reward", "daily");',
    progression='GameAnalytics.AddProgressionEvent(EGAProgressionStatus.Start, "world01", "level02", "");',
    error='GameAnalytics.AddErrorEvent(EGAErrorSeverity.Error, "what went wrong");',
    build='GameAnalytics.ConfigureBuild("1.0.0");',
    player='GameAnalytics.ConfigureUserId("player-1");',
    dimension='GameAnalytics.SetCustomDimension01("ninja");',
)
_JSON = _lines(
    design='"category": "design", "event_id": "Kill:Sword:Robot", "value": 100',
    business='"category": "business", "event_id": "gems:pack_1", "amount": 499, "currency": "USD", '
    '"transaction_num": 1',
    resource='"category": "resource", "event_id": "Source:Gems:reward:daily", "amount": 10',
    progression='"category": "progression", "event_id": "Start:world01:level02"',
    error='"category": "error", "severity": "error", "message": "what went wrong"',
    build='"build": "1.0.0"',
    player='"user_id": "player-1"',
    dimension='"custom_01": "ninja"',
    session_id='"session_id": "de305d54-75b4-431b-adb2-eb6b9e546014"',
    session_num='"session_num": 1',
    sdk_version='"sdk_version": "rest api v2"',
    os_version='"os_version": "ios 17.4"',
    engine_version='"engine_version": "unity 2022.3.1"',
    client_ts='"client_ts": 1767268800',
    v='"v": 2',
    platform='"platform": "ios"',
    device='"device": "iPhone15,2"',
    manufacturer='"manufacturer": "apple"',
    length='"length": 30',
)

_SDKS: Mapping[str, _Sdk] = {
    "unity": _Sdk("Unity", "unity.md", _UNITY),
    "unreal": _Sdk("Unreal", "unreal.md", {}),
    "android": _Sdk("Android", "android.md", _JAVA),
    "ios": _Sdk("iOS", "ios.md", _IOS),
    "tvos": _Sdk("tvOS", "ios.md", _IOS),
    "javascript": _Sdk("JavaScript", "javascript.md", _JAVASCRIPT),
    "cpp": _Sdk("C++", "cpp.md", _CPP),
    "mono": _Sdk("C#", "csharp.md", _CSHARP),
    "netcore": _Sdk("C#", "csharp.md", _CSHARP),
    "csharp": _Sdk("C#", "csharp.md", _CSHARP),
    "godot": _Sdk("Godot", "godot.md", {}),
    "defold": _Sdk("Defold", "defold.md", {}),
    "roblox": _Sdk("Roblox", "roblox.md", {}),
    "flutter": _Sdk("Flutter", "flutter.md", {}),
    "gamemaker": _Sdk("GameMaker", "gamemaker.md", {}),
    "construct": _Sdk("Construct", "construct.md", {}),
    "rest": _Sdk("HTTP", "http.md", _JSON),
}
"""By the first word of `sdk_version`."""

_OTHER = _Sdk("", "README.md", _JSON)

_VERSIONED = "a word, a space and a version"
_RULES: Mapping[str, str] = {
    "design": "1 to 5 parts with `:` between them, each of 1 to 64 letters, digits, spaces and `-_.()!?`",
    "business": "item type and item id with `:` between them, each of 1 to 64 letters, digits, spaces and `-_.()!?`",
    "resource": "`Source` or `Sink`, a currency of letters only, item type and item id, with `:` between them",
    "progression": "`Start`, `Complete` or `Fail`, then 1 to 3 parts, with `:` between them",
    "user_id": "a text that is not empty",
    "session_id": "a UUID in lower case",
    "session_num": "a whole number from 1",
    "sdk_version": f"{_VERSIONED}, like `unity 7.10.6`; or `rest api v2`",
    "os_version": f"{_VERSIONED}, like `ios 17.4`",
    "engine_version": f"{_VERSIONED}, like `unity 2022.3.1`",
    "client_ts": "seconds since 1970, a whole number",
    "currency": "three capital letters, ISO 4217",
    "amount": "a whole number; money in cents",
    "transaction_num": "a whole number from 0",
    "build": "a text of at most 32 characters",
    "custom_01": "a text of at most 32 characters",
    "custom_02": "a text of at most 32 characters",
    "custom_03": "a text of at most 32 characters",
    "connection_type": "`offline`, `wwan`, `wifi` or `lan`",
    "severity": "`debug`, `info`, `warning`, `error` or `critical`",
    "message": "a text",
    "category": "a category of GameAnalytics, like `design`",
    "country_code": "two capital letters, ISO 3166",
    "v": "the number 2",
    "name": "1 to 128 printable characters; a leading `_` is reserved",
    "id": "at most 128 printable characters",
    "timestamp": "RFC 3339 with `Z` or an offset, like `2026-01-31T12:00:00Z`",
    "value": "a text of at most 4,096 characters; numbers as text",
    "metadata": "at most 100 keys and 16 KiB; keys and values are texts",
    "identity_id": "8 to 128 letters, digits, `_` and `-`",
}
_HOW_WRONG: Mapping[str, str] = {
    "missing_required_property": "is missing",
    "wrong_type": "is of the wrong type",
    "wrong_length": "is too short or too long",
    "no_match": "does not have the form that it must have",
    "not_in_enum": "is none of the words that it may be",
    "not_in_range": "is out of range",
}
_TOPIC_OF_FIELD: Mapping[str, str] = {
    "user_id": "player",
    "custom_01": "dimension",
    "custom_02": "dimension",
    "custom_03": "dimension",
    "currency": "business",
    "transaction_num": "business",
    "severity": "error",
    "message": "error",
}
_FIELD_OF_REASON: Mapping[str, str] = {
    Reason.INVALID_NAME: "name",
    Reason.INVALID_VALUE: "value",
    Reason.VALUE_LENGTH_EXCEEDED: "value",
    Reason.INVALID_METADATA: "metadata",
    Reason.METADATA_SIZE_EXCEEDED: "metadata",
    Reason.INVALID_ID: "id",
    Reason.INVALID_TIMESTAMP: "timestamp",
}
_SATORI_LINE = (
    'await client.event(session, {"name": "gameStarted", "value": "1", "timestamp": new Date().toISOString(), '
    '"metadata": {"level": "3"}});'
)
_OF_REQUESTS: Mapping[str, str] = {
    Reason.WRONG_SIGNATURE: "Compare the secret key of the build with Settings, Keys. No proxy may change the body.",
    Reason.UNKNOWN_GAME_KEY: "Compare the game key of the build with Settings, Keys.",
    Reason.UNKNOWN_API_KEY: "Compare the API key with Settings, Keys; it may be revoked.",
    Reason.UNAUTHENTICATED: "The request has no key. Satori clients send the API key as the user of Basic log-in.",
    Reason.BAD_TOKEN: "The session token is not this server's, or it is over. The client must authenticate again.",
    Reason.GAME_DISABLED: "The game is disabled in Settings, Game.",
    Reason.NOT_JSON: "The body is no JSON. Write it with a JSON library, in UTF-8.",
    Reason.NOT_A_LIST: "The body must be a JSON list of events, also for one event.",
    Reason.NOT_AN_OBJECT: 'The body must be a JSON object: `{"events": [...]}`.',
    Reason.BODY_TOO_LARGE: "Send fewer events in one request.",
    Reason.INFLATED_BODY_TOO_LARGE: "Send fewer events in one request.",
    Reason.BAD_COMPRESSION: "`Content-Encoding: gzip` was sent with a body that is no gzip.",
    Reason.UNKNOWN_CONTENT_CODING: "Send the body as it is or with gzip.",
    Reason.BODY_TIMEOUT: "The body did not arrive in time: a slow network, or a proxy that holds it back.",
    Reason.BODY_INCOMPLETE: "The connection ended before the body was complete.",
    Reason.TOO_DEEP: "Nest objects less deeply.",
    Reason.BAD_FIELD: "A field of the request has the wrong type; `detail` names it.",
    Reason.BAD_IDENTITY_ID: "Identity ids have 8 to 128 letters, digits, `_` and `-`.",
    Reason.CORRUPT_RECORD: "The server could not read what it had journalled. Please report it.",
    Reason.PLAYER_ERASED: "The player was erased, and what was received before that is dropped. Nothing is to be done.",
    Reason.EXPIRED: "The event is older than the game keeps its events: an old queue, or a wrong clock.",
}


def sdk_name(source: str, sdk_version: str | None) -> str:
    """What the SDK is called, "" where it is not known."""
    if source != Source.GAMEANALYTICS:
        return "Nakama or Satori client" if source == Source.SATORI_CLIENT else "server"
    return _sdk(sdk_version).name


def remedy(
    source: str, sdk_version: str | None, reason: str, error_type: str | None, field: str | None, category: str | None
) -> Remedy:
    """What to do about events that were dropped, or requests that were rejected, for this reason.

    `field` and `error_type` are those of GameAnalytics' errors.
    """
    if source == Source.GAMEANALYTICS and error_type is not None:
        return _of_gameanalytics(_sdk(sdk_version), error_type, field or "", category)
    if reason in _FIELD_OF_REASON:
        field = field or _FIELD_OF_REASON[reason]
        rule = _RULES[field]
        advice = f"Mend `{field}`: {rule}."
        if reason == Reason.INVALID_NAME:
            advice += " In a strict game the name must be declared: add it in Settings, Game."
        return Remedy(rule, advice, _SATORI_LINE, "satori.md")
    guide = "satori.md" if source.startswith("satori") else _sdk(sdk_version).guide
    return Remedy(advice=_OF_REQUESTS.get(reason, ""), guide=guide)


def _sdk(sdk_version: str | None) -> _Sdk:
    return _SDKS.get((sdk_version or "").partition(" ")[0].lower(), _OTHER)


def _of_gameanalytics(sdk: _Sdk, error_type: str, field: str, category: str | None) -> Remedy:
    topic = (category or "") if field in ("event_id", "amount", "") else _TOPIC_OF_FIELD.get(field, field)
    rule = _RULES.get(topic if field == "event_id" else field, "")
    wrong = _HOW_WRONG.get(error_type, error_type)
    advice = f"`{field}` {wrong}." if field else f"The event {wrong}."
    if rule:
        advice += f" It must be {rule}."
    line = sdk.lines.get(topic) or _JSON.get(topic, "")
    return Remedy(rule, advice, line, sdk.guide)
