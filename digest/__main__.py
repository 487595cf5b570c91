"""The command `digest`; `python -m digest` is the same."""

import sys

__all__ = ["main"]


def main() -> None:
    """Loading the libraries takes a second or two, in which Ctrl-C must show no traceback either."""
    try:
        from digest.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("digest: stopped\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
