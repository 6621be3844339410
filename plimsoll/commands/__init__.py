"""The commands of `plimsoll`, one module each, loaded when they are run: help is instant."""
