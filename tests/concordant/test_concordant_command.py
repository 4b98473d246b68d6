"""python -m concordant NAME"""

import asyncio
import inspect
import os
import sys

from dns_fakes import FakeDns, silent

import concordant
from concordant.__main__ import parser

WEB = """
_main._tcp.web.test. 5 IN SRV 10 100 8080 a.test.
_main._tcp.web.test. 5 IN SRV 20 100 81 b.test.
a.test. 5 IN A 127.0.0.1
b.test. 30 IN AAAA ::1
"""


async def command(server: FakeDns, *arguments: str) -> tuple[int | None, str, str]:
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "concordant", *arguments),
        env=os.environ | server.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await run.communicate()
    return run.returncode, out.decode().replace("\r", ""), err.decode()


async def test_endpoints_are_printed_as_a_table() -> None:
    async with FakeDns(WEB) as server:
        assert await command(server, "_main._tcp.web.test") == (
            0,
            "host       port  priority  weight  ttl  target\n"
            "127.0.0.1  8080  10        100     5    a.test\n"
            "::1        81    20        100     5    b.test\n",
            "",
        )


async def test_port_is_the_given_one_or_none() -> None:
    async with FakeDns(WEB) as server:
        assert "\n127.0.0.1  -     0" in (await command(server, "a.test"))[1]
        assert "\n127.0.0.1  80    0" in (await command(server, "a.test", "--port", "80"))[1]


async def test_error_goes_to_standard_error_and_ends_with_1() -> None:
    async with FakeDns(WEB) as server:
        code, out, err = await command(server, "_main._tcp.nope.test")
        assert (code, out) == (1, "")
        assert err.startswith("NoSuchName: expected SRV records of _main._tcp.nope.test, but 127.0.0.1:")
        assert err.count("\n") == 1


async def test_wrong_usage_ends_with_2() -> None:
    async with FakeDns() as server:
        for wrong in ([], ["a.test", "--port", "http"], ["a.test", "--timeout", "long"]):
            code, _, err = await command(server, *wrong)
            assert code == 2
            assert "usage: concordant" in err


async def test_timeout_is_the_given_one() -> None:
    async with FakeDns(answer=silent) as server:
        code, _, err = await command(server, "a.test", "--timeout", "0.3")
        assert code == 1
        assert "did not answer within 0.3 s" in err


def test_what_is_not_given_is_as_for_resolve() -> None:
    given = {name: each.default for name, each in inspect.signature(concordant.resolve).parameters.items()}
    options = parser().parse_args(["a.test"])
    assert (options.port, options.timeout) == (given["port"], given["timeout"]) == (None, 5.0)
    assert "in seconds (default: 5)" in parser().format_help()
