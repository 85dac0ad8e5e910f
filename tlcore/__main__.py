"""`python -m tlcore`."""

import sys


def start() -> int:
    """Carry out the command; the doctor looks at what is installed before anything of it is imported."""
    asks_doctor = sys.argv[1:2] == ["doctor"]
    healthy = True
    if asks_doctor:
        from tlcore import installation

        healthy = installation.report()
        if not installation.is_new_enough():
            return 1
    try:
        from tlcore.cli import main

        status = main()
    except ImportError as error:
        if asks_doctor:
            print(f"BAD lab: nothing more can be looked at before this is mended: {error}")
            return 1
        if not isinstance(error, ModuleNotFoundError) or str(error.name).split(".")[0] == "tlcore":
            raise
        print(f"tlcore: {error}; `python -m tlcore doctor` says what to do.", file=sys.stderr)
        return 1
    return status if healthy else max(status, 1)


if __name__ == "__main__":
    sys.exit(start())
