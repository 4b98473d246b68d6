"""Asks a DNS server for one thing, again and again, from a process of its own: asking.py PORT NAME TYPE SECONDS RATE

RATE 0 keeps 64 questions under way; another asks so often in a second, at even times. Prints the answers per second,
the 99th percentile of their times in seconds, and the number of questions that were not answered, as JSON.
"""

import json
import select
import socket
import sys
import time

import dns.message

IN_FLIGHT = 64
SILENCE = 1.0  # seconds after which a question counts as lost


def main(port: int, name: str, kind: str, seconds: float, rate: float) -> dict[str, float]:
    question = dns.message.make_query(name, kind).to_wire()[2:]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.settimeout(SILENCE)
        return at_rate(client, question, seconds, rate) if rate else saturated(client, question, seconds)


def saturated(client: socket.socket, question: bytes, seconds: float) -> dict[str, float]:
    began = now = time.perf_counter()
    sent = answered = lost = 0
    while now < began + seconds:
        while sent - answered - lost < IN_FLIGHT:
            client.send((sent & 0xFFFF).to_bytes(2, "big") + question)
            sent += 1
        try:
            client.recv(512)
            answered += 1
        except TimeoutError:
            lost = sent - answered
        now = time.perf_counter()
    return {"rate": answered / (now - began), "p99": 0.0, "lost": lost}


def at_rate(client: socket.socket, question: bytes, seconds: float, rate: float) -> dict[str, float]:
    count = int(seconds * rate)
    due = [number / rate for number in range(count)]
    times: dict[int, float] = {}
    began = time.perf_counter()
    sent = 0
    while len(times) < count and time.perf_counter() - began < seconds + SILENCE:
        while sent < count and time.perf_counter() - began >= due[sent]:
            client.send(sent.to_bytes(2, "big") + question)
            sent += 1
        pause = due[sent] - (time.perf_counter() - began) if sent < count else SILENCE
        if select.select([client], [], [], max(0, pause))[0]:
            number = int.from_bytes(client.recv(512)[:2], "big")
            times[number] = time.perf_counter() - began - due[number]
    ordered = sorted(times.values()) or [0.0]
    return {"rate": len(times) / seconds, "p99": ordered[int(len(ordered) * 0.99)], "lost": count - len(times)}


if __name__ == "__main__":
    port, name, kind, seconds, rate = sys.argv[1:]
    print(json.dumps(main(int(port), name, kind, float(seconds), float(rate))))
