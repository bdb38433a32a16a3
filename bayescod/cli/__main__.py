"""``python -m bayescod.cli``: the command line without an installed script."""

from bayescod.cli import main

if __name__ == "__main__":
    main()
