"""Requests read from bytes; what is dubious is refused."""

import pytest

from heddle.serving.router.limits import Limits
from heddle.serving.router.request_reader import RequestReader

LIMITS = Limits(max_body_bytes=100, max_head_bytes=1000)
POST = b"POST /infer HTTP/1.1\r\nHost: a\r\n"


def read(*pieces: bytes) -> RequestReader:
    reader = RequestReader(LIMITS)
    for piece in pieces:
        reader.feed(piece)
    return reader


def status(*pieces: bytes) -> int | None:
    reader = read(*pieces)
    assert not reader.requests
    return reader.rejection.status if reader.rejection else None


def test_a_request_is_whole_when_its_last_byte_came() -> None:
    reader = read(POST + b"Content-Length: 3\r\n\r\nab")
    assert not reader.requests
    assert reader.is_within_request
    assert reader.num_held_bytes == 2
    reader.feed(b"c")
    assert [request.body for request in reader.requests] == [b"abc"]
    assert not reader.is_within_request


def test_requests_before_a_bad_one_are_kept_and_those_after_it_are_not() -> None:
    reader = read(POST + b"Content-Length: 1\r\n\r\na" + b"rubbish\r\n\r\n")
    reader.feed(POST + b"Content-Length: 1\r\n\r\nb")
    assert [request.body for request in reader.requests] == [b"a"]
    assert reader.rejection is not None


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"Content-Length: 101\r\n", 413),
        (b"Content-Length: -1\r\n", 400),
        (b"Content-Length: 3\r\nContent-Length: 3\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400),
        (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: chunked, identity\r\n", 400),
        (b"Transfer-Encoding : chunked\r\n", 400),
        (b"X: 1\r\n folded\r\n", 400),
        (b"X: " + b"y" * 1000 + b"\r\n", 431),
        (b"Upgrade: h2c\r\nConnection: upgrade\r\n", 501),
    ],
)
def test_a_dubious_head_is_refused(head: bytes, expected: int) -> None:
    assert status(POST + head + b"\r\n") == expected


def test_a_chunked_body_is_bounded_too() -> None:
    assert status(POST + b"Transfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 101) == 413


def test_a_header_without_end_is_refused_before_it_fills_the_memory() -> None:
    assert status(POST + b"X: ", *[b"y" * 100_000] * 10) == 431


def test_a_trailer_without_end_is_refused_too() -> None:
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: "
    assert status(chunked, *[b"y" * 100_000] * 10) == 431


def test_headers_after_the_body_are_dropped() -> None:
    reader = read(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nHost: evil\r\n\r\n")
    assert [header for header in reader.requests[0].headers if header[0] == b"host"] == [
        (b"host", b"a")
    ]


def test_http_10_has_no_chunks_and_needs_no_host() -> None:
    assert status(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400
    assert read(b"GET / HTTP/1.0\r\n\r\n").requests[0].is_http_10


def test_only_a_body_that_is_still_to_come_is_waited_for_with_100_continue() -> None:
    expecting = POST + b"Expect: 100-continue\r\n"
    assert read(expecting + b"Content-Length: 1\r\n\r\n").wants_continue
    assert not read(expecting + b"Content-Length: 1\r\n\r\na").wants_continue
    assert not read(expecting + b"Content-Length: 0\r\n\r\n").wants_continue
