"""The null server: the same HTTP stack as the collector's, reading the body and answering, and nothing else."""

from granian.rsgi import HTTPProtocol, Scope


async def app(scope: Scope, proto: HTTPProtocol) -> None:
    """Answer `200 []` to anything, and 401 to a missing signature, so that the load generator's check passes."""
    await proto()
    signed = scope.headers.get("authorization")
    proto.response_bytes(200 if signed else 401, [("content-type", "application/json")], b"[]")
