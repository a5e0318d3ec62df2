"""The `Questlog-*` headers: where an answer comes from, for the formats that have no place for it."""

from collections.abc import Mapping

import msgspec

from questlog.analytics.question.answer import Answer, Origin


def origin_headers(answer: Answer) -> Mapping[str, str]:
    """The origin of the answer as HTTP headers. A value that is not known has no header."""
    origin = msgspec.to_builtins(answer.origin)
    origin["sources"] = ", ".join(source.name for source in answer.origin.sources)
    if period := answer.origin.compared_period:
        origin["compared_period"] = f"{period.start}/{period.end}"
    origin["data_version"] = answer.data_version
    origin["next"] = answer.next
    origin["warnings"] = len(answer.warnings)
    return {_header(name): str(value) for name, value in origin.items() if value not in (None, "")}


def _header(field: str) -> str:
    return f"Questlog-{field.replace('_', '-').title()}"


ORIGIN_HEADERS: Mapping[str, str] = {
    **{_header(field): f"As `{field}` of the body." for field in Origin.__struct_fields__},
    _header("compared_period"): "The first and the last day of `compared_period`, with a `/` between them.",
    _header("sources"): "The names of the sources, with commas between them.",
    _header("data_version"): "As `data_version` of the body.",
    _header("next"): "As `next` of the body.",
    _header("warnings"): "The number of warnings.",
}
"""The description of each header."""
