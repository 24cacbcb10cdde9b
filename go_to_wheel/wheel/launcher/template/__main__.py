"""Makes `python -m` start the program."""

from . import main

if __name__ == "__main__":
    main()
