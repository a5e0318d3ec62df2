"""The sandbox game: GameAnalytics' published pair of keys, and one API key."""

import msgspec

from questlog.control.api_keys import ApiKeys
from questlog.control.errors import AlreadyExists, NotFound
from questlog.control.games import Games
from questlog.model.game import ApiKey, Game

# gameanalytics.md §1. Published, hence no secrets.
SANDBOX_GAME_KEY = "5c6bcb5402204249437fb5a7a80a4959"
SANDBOX_SECRET_KEY = "16813a12f718bc5c620f56944e1abc3ea13ccbac"  # noqa: S105
SANDBOX_NAME = "sandbox"


class Sandbox(msgspec.Struct, frozen=True):
    """The sandbox game and its API key."""

    game: Game
    api_key: ApiKey


class Sandboxes(Games, ApiKeys):
    """Makes the sandbox."""

    def ensure_sandbox(self) -> Sandbox:
        """The sandbox game and its API key, created where they do not exist."""
        game = self._sandbox_game()
        return Sandbox(game, self._sandbox_api_key(game))

    def _sandbox_game(self) -> Game:
        try:
            return self.find_game(SANDBOX_GAME_KEY)
        except NotFound:
            pass
        for name in (SANDBOX_NAME, f"{SANDBOX_NAME} {SANDBOX_GAME_KEY[:8]}"):
            try:
                return self.create_game(name, SANDBOX_GAME_KEY, SANDBOX_SECRET_KEY)
            except AlreadyExists:  # the name is taken, or another process was faster
                continue
        return self.find_game(SANDBOX_GAME_KEY)

    def _sandbox_api_key(self, game: Game) -> ApiKey:
        present = self.live_api_key(game.game_key, SANDBOX_NAME)
        if present is not None:
            return present
        try:
            return self.create_api_key(game.game_key, SANDBOX_NAME)
        except AlreadyExists:
            return self._sandbox_api_key(game)
