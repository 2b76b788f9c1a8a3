"""The console command: parsing of arguments and wiring. Nothing is computed here."""

try:
    from metabench.cli.main import main
except KeyboardInterrupt:  # before there is a command that could say more
    raise SystemExit(130) from None

__all__ = ["main"]
