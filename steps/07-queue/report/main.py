"""Prints how often each page was loaded, as the event service has counted it."""

import logging

from mu import DeadlineExceeded, Mu, dns, redis, run
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

DEADLINE = 6  # seconds that the event service has for its answer

logging.getLogger("mu").setLevel(logging.ERROR)  # the error says it all

mu = Mu("report")
mu.outbound({"role": "report"}, dns(redis, name="redis", port_name="_main", list="report"))


async def main() -> None:
    """Raises MuError, which `run` prints as a line."""
    async with mu:
        try:
            summary = await mu.dispatch({"role": "report", "cmd": "summary"}, timeout=DEADLINE)
        except DeadlineExceeded:
            raise DeadlineExceeded(f"no answer within {DEADLINE} seconds: does the event service run?") from None
    table = Table(box=box.SIMPLE, header_style="")
    table.add_column("url", overflow="fold")
    table.add_column("count", justify="right")
    for page in summary["pages"]:
        table.add_row(Text(page["url"]), str(page["count"]))
    Console().print(table)


run(main())
