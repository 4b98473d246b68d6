"""Prints how often each page was loaded, as the event service has counted it."""

from mu import DeadlineExceeded, Mu, dns, redis, run
from rich.console import Console
from rich.table import Table

DEADLINE = 6  # seconds that the event service has for its answer

mu = Mu("report")
mu.outbound({"role": "report"}, dns(redis, name="redis", port_name="_main", list="report"))


async def main() -> None:
    """Raises MuError, which `run` prints as a line."""
    async with mu:
        try:
            summary = await mu.dispatch({"role": "report", "cmd": "summary"}, timeout=DEADLINE)
        except DeadlineExceeded:
            raise DeadlineExceeded(
                f"the event service has not answered within {DEADLINE} seconds: see whether it runs"
            ) from None
    table = Table("url")
    table.add_column("count", justify="right")
    for page in summary["pages"]:
        table.add_row(page["url"], str(page["count"]))
    Console().print(table)


run(main())
