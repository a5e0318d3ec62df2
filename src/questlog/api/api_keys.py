"""`/api/v1/games/{game}/api-keys`: the keys that Satori clients and game servers sign in with."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from questlog.api.games import KeepOld, Services
from questlog.console.access import Right, needs
from questlog.control.api_keys import ListedApiKey
from questlog.control.names import MAX_NAME

KeyName = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]


class ApiKeyWithSecret(msgspec.Struct, frozen=True):
    """An API key: shown when it is made, and never again."""

    name: str
    key: str


class CreateApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new API key; its name is stored with the events sent with it."""

    name: KeyName


@get("/games/{game:str}/api-keys", sync_to_thread=True, opt=needs(Right.MANAGE))
def list_api_keys(services: Services, game: FromPath[str]) -> Sequence[ListedApiKey]:
    """The game's API keys, the oldest first, without the keys themselves. Times are UTC microseconds."""
    return services.control.list_api_keys(game)


@post("/games/{game:str}/api-keys", sync_to_thread=True, opt=needs(Right.KEYS))
def create_api_key(services: Services, game: FromPath[str], data: JSONBody[CreateApiKey]) -> ApiKeyWithSecret:
    """Make an API key, which only this answer shows."""
    key = services.control.create_api_key(game, data.name)
    return ApiKeyWithSecret(key.name, key.key)


@post("/games/{game:str}/api-keys/{name:str}/rotate", sync_to_thread=True, opt=needs(Right.KEYS))
def rotate_api_key(
    services: Services, game: FromPath[str], name: FromPath[str], keep_old_s: KeepOld = 0
) -> ApiKeyWithSecret:
    """Replace an API key by a new one of the same name, which only this answer shows. Session tokens stay valid.

    With `keep_old_s` the old key is accepted for as many seconds.
    """
    key = services.control.rotate_api_key(game, name, keep_old_s)
    return ApiKeyWithSecret(key.name, key.key)


@delete("/games/{game:str}/api-keys/{name:str}", sync_to_thread=True, opt=needs(Right.MANAGE))
def revoke_api_key(services: Services, game: FromPath[str], name: FromPath[str]) -> None:
    """Revoke an API key. It stops working within seconds, and its name is free again."""
    services.control.revoke_api_key(game, name)


API_KEY_HANDLERS = [list_api_keys, create_api_key, rotate_api_key, revoke_api_key]
