"""`python -m plimsoll`."""

from plimsoll.cli import main

main(prog_name="python -m plimsoll")
