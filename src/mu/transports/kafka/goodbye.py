"""The end of what is connected to a Kafka."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import ProducerClosed  # type: ignore[import-untyped]

LAST_WORDS = 2.0  # seconds for the goodbye


async def stop(end: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """Say goodbye to the broker, but do not wait long: one that brings a group together may not answer for minutes.

    While the broker is away, a consumer's own `stop` ends halfway, by a CancelledError that nobody has asked for.
    """
    stopping = asyncio.get_running_loop().create_task(end.stop())
    await asyncio.wait([stopping], timeout=LAST_WORDS)
    if isinstance(end, AIOKafkaProducer):
        end._message_accumulator.fail_all(ProducerClosed())  # so is told who waits for what is still on its way
        await end.client.close()
    else:
        await end._client.close()  # which ends what it waits for
    await asyncio.wait([stopping], timeout=LAST_WORDS)
    stopping.cancel()
    await asyncio.gather(stopping, return_exceptions=True)
