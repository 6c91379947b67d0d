"""Every case, by the id of its requirement."""

from collections.abc import Mapping

from ..case import Case
from . import envelope, features, framing, http_params, http_streams, lifecycle, modern, over_http, payloads, tools

CASES: Mapping[str, Case] = {
    **framing.CASES,
    **lifecycle.CASES,
    **envelope.CASES,
    **payloads.CASES,
    **tools.CASES,
    **features.CASES,
    **modern.CASES,
    **over_http.CASES,
    **http_streams.CASES,
    **http_params.CASES,
}
