"""Inputs that are nearly right: real ones with a few things changed."""

from collections.abc import Sequence
from random import Random

from fuzz.target import Change, Target

LONGEST = 4096  # bytes of an input
MOST_CHANGES = 6
OWN = 0.6  # of the inputs are changed as their language has it, where there is such a change
EDGES = (0, 1, 0x7F, 0x80, 0xC0, 0xFF)  # bytes at which lengths, pointers and texts change their meaning


def mutated(random: Random, target: Target, begin: bytes) -> bytes:
    """With 1 to MOST_CHANGES changes, of bytes or of the target's own kind."""
    data, words = bytearray(begin), (*target.words, random.choice(target.seeds))
    own = target.change if target.change and random.random() < OWN else None
    for _ in range(random.randint(1, MOST_CHANGES)):
        (own or random.choice(CHANGES))(random, data, words)
    return bytes(data[:LONGEST])


def place(random: Random, data: bytearray) -> int:
    return random.randint(0, len(data))


def part(random: Random, data: bytes | bytearray) -> slice:
    """A piece of it, mostly a short one."""
    start = random.randint(0, len(data))
    return slice(start, start + int(random.expovariate(1 / 8)))


def flip_a_bit(random: Random, data: bytearray, words: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def set_a_byte(random: Random, data: bytearray, words: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] = random.choice((*EDGES, random.randrange(256)))


def insert_bytes(random: Random, data: bytearray, words: Sequence[bytes]) -> None:
    at = place(random, data)
    data[at:at] = random.randbytes(random.randint(1, 8))


def lose_a_part(random: Random, data: bytearray, words: Sequence[bytes]) -> None:
    del data[part(random, data)]


def repeat_a_part(random: Random, data: bytearray, words: Sequence[bytes]) -> None:
    if len(data) < LONGEST:
        piece = part(random, data)
        data[piece.start : piece.start] = data[piece] * random.choice((1, 2, 20))


def end_early(random: Random, data: bytearray, words: Sequence[bytes]) -> None:
    del data[place(random, data) :]


def insert_a_word(random: Random, data: bytearray, words: Sequence[bytes]) -> None:
    at = place(random, data)
    data[at:at] = random.choice(words)


def replace_by_a_word(random: Random, data: bytearray, words: Sequence[bytes]) -> None:
    data[part(random, data)] = random.choice(words)


CHANGES: tuple[Change, ...] = (
    *(flip_a_bit, set_a_byte, insert_bytes, lose_a_part, repeat_a_part, end_early),
    *(insert_a_word, insert_a_word, replace_by_a_word, replace_by_a_word),
)
