"""`python -m metabench`: the console command."""

from metabench.cli import main

if __name__ == "__main__":
    main()
