"""Requests and answers as they are written."""

import pytest

from heddle.serving.router.answer import AnswerHead, chunk, refusal
from heddle.serving.router.request import Request


def request(*headers: tuple[bytes, bytes], method: bytes = b"POST", body: bytes = b"") -> Request:
    return Request(
        method,
        target=b"/infer?x=1",
        headers=list(headers),
        body=body,
        is_http_10=False,
        keeps_alive=True,
        peer=b"127.0.0.1",
    )


def test_a_request_is_written_with_its_length_and_where_it_came_from() -> None:
    written = request((b"host", b"a"), (b"x-forwarded-for", b"9.9.9.9"), body=b"abc")
    assert written.for_instance(None) == (
        b"POST /infer?x=1 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n"
        b"x-forwarded-for: 9.9.9.9, 127.0.0.1\r\n\r\nabc"
    )


def test_a_get_without_body_has_no_length() -> None:
    assert b"content-length" not in request(method=b"GET").for_instance(None)


def test_what_is_left_of_the_deadline_replaces_it() -> None:
    written = request((b"heddle-deadline-ms", b"250")).for_instance(12.5)
    assert written.count(b"heddle-deadline-ms") == 1
    assert b"heddle-deadline-ms: 12.500\r\n" in written


@pytest.mark.parametrize(
    ("stated", "deadline_ms"),
    [(b"250", 250.0), (b"0", 0.0), (b"-1", None), (b"nan", None), (b"inf", None), (b"x", None)],
)
def test_a_deadline_is_a_number_of_milliseconds_or_none(
    stated: bytes, deadline_ms: float | None
) -> None:
    assert request((b"heddle-deadline-ms", stated)).deadline_ms == deadline_ms


def test_what_the_connection_header_names_is_left_out() -> None:
    written = request((b"connection", b"close, X-Hop"), (b"x-hop", b"1"), (b"x-on", b"2"))
    assert b"hop" not in written.for_instance(None)
    assert b"x-on: 2\r\n" in written.for_instance(None)


def head(status: int, length: int | None, *headers: tuple[bytes, bytes]) -> AnswerHead:
    return AnswerHead(status, b"Reason", headers, length)


def test_an_answer_of_unknown_length_is_chunked_for_clients_that_know_chunks() -> None:
    asked = request()
    assert b"transfer-encoding: chunked\r\n" in head(200, None).written(asked, is_last=False)
    asked.is_http_10 = True
    assert b"transfer-encoding" not in head(200, None).written(asked, is_last=True)
    assert chunk(b"a" * 17) == b"11\r\n" + b"a" * 17 + b"\r\n"


def test_answers_to_head_and_without_content_have_no_body() -> None:
    assert not head(200, 5).has_body(request(method=b"HEAD"))
    assert not head(204, None).has_body(request())
    assert b"content-length" not in head(204, 0).written(request(), is_last=False)


def test_only_full_and_leaving_instances_hand_a_request_back() -> None:
    marked = (b"heddle-not-executed", b"1")
    handed_back = [
        status for status in (200, 429, 503, 504) if head(status, 2, marked).is_not_executed
    ]
    assert handed_back == [429, 503]
    assert not head(429, 2).is_not_executed


def test_a_refusal_is_json_and_says_when_to_come_again() -> None:
    written = refusal(503, 'no "x"', request(), is_last=True)
    top, _, body = written.partition(b"\r\n\r\n")
    assert body == b'{"error": "no \\"x\\""}'
    assert b"retry-after: 1\r\n" in top
    assert b"connection: close" in top
    assert b"content-length: %d\r\n" % len(body) in top
    assert refusal(503, "no", request(method=b"HEAD"), is_last=False).endswith(b"\r\n\r\n")
