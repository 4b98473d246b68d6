"""The adder's entry: what the wiring has connected runs until it is told to stop."""

from mu import run
from wiring import mu

run(mu.serve())
