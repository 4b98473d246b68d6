"""What a visitor may rely on at /add, in every step: sums, and an explanation for all that is no sum."""

import http.client
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from workbook.browser import Answer, request
from workbook.system import System

NINES = "9" * 100
BAD_NUMBERS = {
    "empty": "",
    "trailing letters": "12abc",
    "fraction": "1.5",
    "exponent": "1e3",
    "not a number": "NaN",
    "only a sign": "-",
    "two signs": "--1",
    "underscore": "1_000",
    "inner space": "1 2",
    "101 digits": "1" * 101,
    "10,000 digits": "1" * 10_000,
    "html": "<script>alert(1)</script>",
    "quotes": "\"'",
    "slash": "1/2",
    "encoded slash": "1%2F2",
    "percent": "%",
    "question mark": "1?2",
    "fragment": "1#2",
    "dot": ".",
    "parent folder": "..",
    "arabic digits": "١٢",
    "fullwidth digits": "１２",
    "superscript": "²",
    "nul": "1\0",
    "line break": "1\r\n2",
    "emoji": "🙂",
}


def calculate(system: System, first: str, second: str) -> Answer:
    return system.post("webapp", "/add/calculate", first=first, second=second)


def result(answer: Answer) -> str | None:
    found = re.search(r'<output id="result"[^>]*>(.*?)</output>', answer.text)
    return found and found[1]


def error(answer: Answer) -> str | None:
    found = re.search(r'role="alert">(.*?)</p>', answer.text, re.DOTALL)
    return found and found[1]


@pytest.mark.parametrize(
    ("first", "second", "total"),
    [
        ("1", "2", "3"),
        ("0", "0", "0"),
        ("1", "-1", "0"),
        ("-5", "-7", "-12"),
        ("+5", "7", "12"),
        ("007", "1", "8"),
        ("-0", "0", "0"),
        (" 20 ", "22\t", "42"),
        (str(2**53), "1", str(2**53 + 1)),
        (NINES, "1", "1" + "0" * 100),
        ("-" + NINES, "-" + NINES, str(-2 * int(NINES))),
    ],
)
def test_sum_is_exact(system: System, first: str, second: str, total: str) -> None:
    answer = calculate(system, first, second)
    assert (answer.status, result(answer)) == (200, total)


@pytest.mark.parametrize("field", ["first", "second"])
@pytest.mark.parametrize("value", BAD_NUMBERS.values(), ids=BAD_NUMBERS)
def test_bad_number_is_explained(system: System, field: str, value: str) -> None:
    other = "second" if field == "first" else "first"
    answer = system.post("webapp", "/add/calculate", **{field: value, other: "1"})
    assert answer.status == 400
    assert result(answer) is None
    assert re.match(rf"{field}: expected an integer of at most 100 digits, found ", error(answer) or "")
    assert "Traceback" not in answer.text


def test_bad_number_is_shown_as_text_in_its_field(system: System) -> None:
    answer = calculate(system, "<script>alert(1)</script>", '"><b>')
    assert "<script" not in answer.text
    assert 'value="&lt;script&gt;alert(1)&lt;/script&gt;"' in answer.text
    assert 'value="&#34;&gt;&lt;b&gt;"' in answer.text
    assert re.search(r'id="first"[^>]*aria-invalid="true" aria-describedby="error"', answer.text)


@pytest.mark.parametrize("fields", [{}, {"first": "1"}, {"second": "1"}, {"third": "1"}])
def test_missing_field_is_explained(system: System, fields: dict[str, str]) -> None:
    answer = system.post("webapp", "/add/calculate", **fields)
    missing = "first" if "first" not in fields else "second"
    assert answer.status == 400
    assert (error(answer) or "").startswith(f"{missing}: expected an integer")


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/x-www-form-urlencoded; charset=nonsense", b"first=1&second=2", 400),
        ("application/x-www-form-urlencoded; charset=ascii", b"first=\xff&second=2", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense", 415),
        ("application/json", b'{"first": 1, "second": 2}', 415),
        ("", b"first=1&second=2", 415),
        ("application/x-www-form-urlencoded", b"first=" + b"1" * 200_000, 413),
        ("application/x-www-form-urlencoded", b"first=%FF%FE&second=1", 400),
        ("application/x-www-form-urlencoded; charset=latin-1", b"second=1&first=" + b"\xff" * 32_000, 400),
        ("application/x-www-form-urlencoded", b"second=1&first=" + b"*" * 32_000, 400),
    ],
)
def test_unusable_form_gets_a_page_that_says_so(system: System, content_type: str, body: bytes, status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", system.ports["webapp"], timeout=10)
    connection.request("POST", "/add/calculate", body, {"Content-Type": content_type})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == status
    assert "<main>" in text
    assert "Traceback" not in text
    if len(body) > 30_000 and status == 400:
        assert re.search(r'role="alert">first: expected an integer of at most 100 digits', text)


def test_two_requests_at_once_do_not_mix(system: System) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: calculate(system, str(n), str(n)), range(64)))
    assert [result(answer) for answer in answers] == [str(2 * n) for n in range(64)]


def test_form_is_empty_at_first_and_labelled(system: System) -> None:
    answer = system.get("webapp", "/add")
    assert answer.status == 200
    assert result(answer) is None
    assert error(answer) is None
    for field in ("first", "second"):
        assert f'<label for="{field}">' in answer.text
        assert f'<input id="{field}" name="{field}" value=""' in answer.text


@pytest.mark.parametrize("path", ["/", "/add", "/users"])
def test_pages_have_their_style_sheet(system: System, path: str) -> None:
    answer = system.get("webapp", path)
    assert (answer.status, answer.headers.get_content_type()) == (200, "text/html")
    href = re.search(r'rel="stylesheet" href="([^"]+)"', answer.text)
    assert href
    sheet = system.get("webapp", href[1])
    assert (sheet.status, sheet.headers.get_content_type()) == (200, "text/css")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/add/calculate", 405),
        ("DELETE", "/add", 405),
        ("GET", "/stylesheets/../main.py", 404),
        ("GET", "/stylesheets/%2e%2e/%2e%2e/main.py", 404),
        ("GET", "/<script>", 404),
    ],
)
def test_wrong_address_gets_a_page_that_says_so(system: System, method: str, path: str, status: int) -> None:
    answer = request(method, system.url("webapp", path))
    assert answer.status == status
    assert f"<h1>{status} " in answer.text
    assert "<script>" not in answer.text
