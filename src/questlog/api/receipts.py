"""`/api/v1/games/{game}/receipts`: what the receipts of a game's purchases are checked with."""

from typing import Annotated

import msgspec
from litestar import get, patch
from litestar.params import FromPath, JSONBody

from questlog.api.games import Services
from questlog.console.access import Right, needs
from questlog.model.receipt import ReceiptSettings


class UpdateReceiptSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; a field that is left out stays as it is, an empty text removes what was there."""

    google_licence_key: Annotated[
        str | None, msgspec.Meta(description="Licence key of the Play Console: base64 of an RSA key.")
    ] = None
    apple_bundle_id: Annotated[str | None, msgspec.Meta(description="Bundle id of the app in the App Store.")] = None


@get("/games/{game:str}/receipts", sync_to_thread=True, opt=needs(Right.MANAGE))
def get_receipt_settings(services: Services, game: FromPath[str]) -> ReceiptSettings:
    """What the game's receipts are checked with; null: not known. Neither is a secret."""
    return services.control.find_receipt_settings(game)


@patch("/games/{game:str}/receipts", sync_to_thread=True, opt=needs(Right.MANAGE))
def update_receipt_settings(
    services: Services, game: FromPath[str], data: JSONBody[UpdateReceiptSettings]
) -> ReceiptSettings:
    """Change what receipts are checked with. It counts for what is loaded from now on."""
    return services.control.change_receipt_settings(game, data.google_licence_key, data.apple_bundle_id)


RECEIPT_HANDLERS = [get_receipt_settings, update_receipt_settings]
