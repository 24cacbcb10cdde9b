"""Makes `python -m sqlite_scanner` start the program."""

from ._launcher import main

if __name__ == "__main__":
    main()
