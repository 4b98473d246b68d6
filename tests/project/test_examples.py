"""The examples are systems that work: started by fuge on free ports, asked, and stopped."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from fuge import Engine
from mu import Mu, ServiceError, tcp
from workbook.course import ROOT

Message = dict[str, Any]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "examples" / "shop", tmp_path / "shop", ignore=shutil.ignore_patterns(".fuge"))
    return tmp_path / "shop" / "fuge.yml"


def customer_of(engine: Engine) -> Mu:
    customer = Mu("customer")
    for name in ("stock", "orders", "mail"):
        customer.outbound({"role": name}, tcp.client(port=engine.system.services[name].ports[0].number))
    return customer


async def test_the_shop_sells_what_it_has(shop: Path) -> None:
    order = {"role": "orders", "cmd": "place", "item": "cup"}
    async with Engine(shop, isolated=True) as engine:
        assert [each["ok"] for each in await engine.start()] == [True] * 3
        async with customer_of(engine) as customer:
            sold = await customer.dispatch(order | {"count": 2})
            assert sold == {"number": 1, "item": "cup", "count": 2, "left": 1}
            assert await refusal(customer, order | {"count": 2}) == (409, "expected at least 2 of cup, found 1")
            assert (await refusal(customer, order | {"count": "two"}))[0] == 400
            assert await customer.dispatch({"role": "stock", "cmd": "count", "item": "cup"}) == 1
            await written(customer, ["order 1: 2 x cup"])


async def test_the_shop_writes_letters_when_the_mail_is_back(shop: Path) -> None:
    async with Engine(shop, isolated=True) as engine:
        await engine.start()
        async with customer_of(engine) as customer:
            await engine.stop(["mail"])
            await customer.dispatch({"role": "orders", "cmd": "place", "item": "tea", "count": 1})
            await engine.start(["mail"])
            await written(customer, ["order 1: 1 x tea"])


async def refusal(customer: Mu, message: Message) -> tuple[int, str]:
    with pytest.raises(ServiceError) as refused:
        await customer.dispatch(message)
    return refused.value.status, str(refused.value)


async def written(customer: Mu, expected: list[str]) -> None:
    """Wait until the mail has written these letters."""
    async with asyncio.timeout(20):
        while await customer.dispatch({"role": "mail", "cmd": "letters"}) != expected:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
