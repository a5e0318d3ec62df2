"""Numbers with their noun, for messages."""


def counted(number: int, singular: str, plural: str = "") -> str:
    """`1 API key`, `2 API keys`; `plural` where it is not the singular with an `s`."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"
