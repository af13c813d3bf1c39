"""``python -m tianmu`` is ``tianmu``."""

from tianmu.cli import main

if __name__ == "__main__":
    main()
