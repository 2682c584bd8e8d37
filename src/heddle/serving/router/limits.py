"""What the router bears: sizes, numbers and times, in one place.

``router`` makes one and hands it to connections and exchanges; tests make smaller ones.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one router.

    Attributes
    ----------
    max_body_bytes
        Of one request, which is held whole until it is answered; more gets a 413.
    max_held_bytes
        Of all bodies together; a request that goes beyond gets a 503.
    max_head_bytes
        Of a request line with its headers; more gets a 431.
    max_answer_held_bytes
        An answer of known length up to this is passed on when it is whole, so that an
        instance that dies in the middle of it costs the client nothing.
    max_connections
        Of clients, all services together; more are closed as they come.
    max_waiting
        Requests of one service that may wait for an instance; more get a 503.
    wait_s
        How long a request waits for an instance.
    answer_s
        How long an instance may be silent on a request under way.
    client_s
        How long a client may be silent within a request, or not read its answer.
    seek_s
        How often requests that wait try again what could not be reached.
    shy_s
        How long an instance that could not be reached is chosen last.
    connect_s
        How long a connection to an instance may take.
    """

    max_body_bytes: int = 64 << 20
    max_held_bytes: int = 1 << 30
    max_head_bytes: int = 64 << 10
    max_answer_held_bytes: int = 1 << 20
    max_connections: int = 8192
    max_waiting: int = 1024
    wait_s: float = 30.0
    answer_s: float = 300.0
    client_s: float = 60.0
    seek_s: float = 0.1
    shy_s: float = 1.0
    connect_s: float = 5.0
