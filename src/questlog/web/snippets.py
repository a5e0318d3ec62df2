"""What to paste into a game so that it sends here: one piece of code for each SDK, with the game's own keys in it."""

import urllib.parse
from typing import NamedTuple


class Snippet(NamedTuple):
    """Code for one way to send. `guide` is a page of `docs/guides/sdks/`."""

    name: str
    title: str
    code: str
    guide: str


class SendingKeys(NamedTuple):
    """Where events go, and with which keys; a key that is not shown is a word in capital letters."""

    collector_url: str
    game_key: str
    secret_key: str = "SECRET_KEY"  # noqa: S105 - what stands in its place
    api_key: str = "API_KEY"


_CURL_GAMEANALYTICS = r"""body='[{{"category": "user", "v": 2, "user_id": "ada", "session_num": 1,
  "session_id": "de305d54-75b4-431b-adb2-eb6b9e546014", "client_ts": '$(date +%s)',
  "sdk_version": "rest api v2", "os_version": "android 14", "manufacturer": "google",
  "device": "pixel 8", "platform": "android", "build": "1.0.0"}}]'
sign() {{ printf %s "$body" | openssl dgst -sha256 -hmac '{secret_key}' -binary | openssl base64; }}
curl '{url}/v2/{game_key}/events' --header "Authorization: $(sign)" --data "$body"
"""

_CURL_SATORI = """curl '{url}/v1/server-event' --user '{api_key}:' \\
  --header 'Content-Type: application/json' \\
  --data '{{"events": [{{"name": "levelCompleted", "identityId": "player-0001", "value": "3",
    "metadata": {{"levelId": "3"}}}}]}}'
"""

_UNITY = """// QuestlogAddress.cs is in the guide: put it into Assets/ with this address
const string Events = "{url}/v2";
const string Init = "{url}/remote_configs/v1";

// then, before GameAnalytics.Initialize()
QuestlogAddress.Set();

// Window > GameAnalytics > Select Settings
// game key    {game_key}
// secret key  {secret_key}
"""

_JAVASCRIPT = """import gameanalytics from "gameanalytics";

const api = gameanalytics.http.GAHTTPApi.instance;
api.baseUrl = "{url}/v2";
api.remoteConfigsBaseUrl = "{url}/remote_configs/v1";
gameanalytics.GameAnalytics.initialize("{game_key}", "{secret_key}");
"""

_SATORI_JAVASCRIPT = """import {{ Client }} from "@heroiclabs/satori-js";

const client = new Client("{api_key}", "{host}", "{port}", {tls});
const session = await client.authenticate("player-0001");
const timestamp = new Date().toISOString();
await client.event(session, {{ name: "levelCompleted", timestamp, value: "3", metadata: {{}} }});
"""

_SATORI_UNITY = """var adapter = UnityWebRequestAdapter.Instance;
var client = new Satori.Client("{scheme}", "{host}", {port}, "{api_key}", adapter);
var session = await client.AuthenticateAsync("player-0001");
await client.EventAsync(session, new Satori.Event("levelCompleted", DateTime.UtcNow));
"""

_SATORI_GODOT = """var client := Satori.create_client("{api_key}", "{host}", {port}, "{scheme}")
"""

_SATORI_UNREAL = """USatoriClient* Client = USatoriClient::CreateDefaultClient(
    TEXT("{api_key}"), TEXT("{host}"), {port}, {tls});
"""

_NAKAMA = """# the configuration of Nakama
satori:
  url: "{url}"
  api_key: "{api_key}"
  api_key_name: "nakama"
  signing_key: "what satori.signing_key of Questlog says"
"""

_KINDS = (
    ("curl", "curl", _CURL_GAMEANALYTICS, "http"),
    ("curl-satori", "curl, Satori", _CURL_SATORI, "http"),
    ("unity", "Unity", _UNITY, "unity"),
    ("javascript", "JavaScript", _JAVASCRIPT, "javascript"),
    ("satori-unity", "Unity, Satori", _SATORI_UNITY, "satori"),
    ("satori-javascript", "JavaScript, Satori", _SATORI_JAVASCRIPT, "satori"),
    ("satori-godot", "Godot, Satori", _SATORI_GODOT, "satori"),
    ("satori-unreal", "Unreal, Satori", _SATORI_UNREAL, "satori"),
    ("nakama", "Nakama", _NAKAMA, "nakama"),
)
OTHER_GUIDES = (
    ("Android", "android"),
    ("iOS", "ios"),
    ("Unreal", "unreal"),
    ("Godot", "godot"),
    ("Roblox", "roblox"),
    ("GameMaker", "gamemaker"),
    ("Defold", "defold"),
    ("Construct", "construct"),
    ("Flutter", "flutter"),
    ("C++", "cpp"),
    ("C#", "csharp"),
)
"""SDKs whose way is longer than a piece of code: name and page."""


def snippets(keys: SendingKeys) -> list[Snippet]:
    """The code for each SDK with these keys."""
    place = urllib.parse.urlsplit(keys.collector_url)
    is_https = place.scheme == "https"
    values = {
        "url": keys.collector_url,
        "scheme": place.scheme,
        "host": place.hostname or "localhost",
        "port": place.port or (443 if is_https else 80),
        "tls": "true" if is_https else "false",
        "game_key": keys.game_key,
        "secret_key": keys.secret_key,
        "api_key": keys.api_key,
    }
    return [Snippet(name, title, code.format(**values), guide) for name, title, code, guide in _KINDS]
