"""Which pages of a browser may read: those served on this machine."""

from aiohttp import web

LOCAL = ("http://127.0.0.1", "http://localhost", "https://127.0.0.1", "https://localhost")


def cors(request: web.Request) -> dict[str, str]:
    """Pages served on this machine may read."""
    origin = request.headers.get("Origin", "")
    host = origin.rpartition(":")[0] if origin.count(":") == 2 else origin
    if host not in LOCAL:
        return {}
    allowed = {"Access-Control-Allow-Methods": "GET", "Access-Control-Allow-Headers": "Last-Event-ID, If-None-Match"}
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin", "Access-Control-Expose-Headers": "ETag", **allowed}
