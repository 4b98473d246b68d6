"""The audit's entry: it has one connection to its database, for as long as it runs."""

from mu import run
from service import entries
from wiring import mu


async def main() -> None:
    async with entries:
        await mu.serve()


run(main())
