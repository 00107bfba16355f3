"""`python -m multinet_benchmarks` is `multinet bench`."""

import sys

from multinet_benchmarks.command import run

run(sys.argv[1:])
