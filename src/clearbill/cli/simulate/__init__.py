"""``clearbill simulate``: plays a scenario file in the real engine, in a throw-away database, and shows what came of it."""

from clearbill.cli.simulate.command import command

__all__ = ["command"]
