"""`python -m go_to_wheel`, and the console script."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is still being imported ends it quietly."""
    try:
        from go_to_wheel.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
