"""`python -m questlog`: the command line."""

from questlog.cli.main import main

main()
