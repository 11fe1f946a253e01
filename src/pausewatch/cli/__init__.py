"""The command line: parse, call the pipeline, print."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from pausewatch.cli import evaluating, findings, inspecting, sealing, telemetry
from pausewatch.errors import PausewatchError

app = typer.Typer(
    name="pausewatch",
    help="Checks a declared pause of large AI training from datacenter energy telemetry.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    inspecting.demo,
    telemetry.simulate,
    telemetry.check,
    telemetry.collect,
    inspecting.baseline,
    inspecting.inspect,
    inspecting.replay,
    evaluating.train,
    evaluating.evaluate,
    evaluating.promote,
    sealing.verify,
):
    app.command()(command)
app.add_typer(findings.app, name="findings")

_INTERRUPTED = 130


def main() -> None:
    """Run the command line; an error is one line on standard error, never a traceback unless --debug is given."""
    debug = "--debug" in sys.argv
    try:
        code = app(prog_name="pausewatch", standalone_mode=False)
        if code == _INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(code if isinstance(code, int) else 0)
    except TyperException as error:
        _misused(error, debug)
    except PausewatchError as error:
        _fail(error, debug, str(error), error.exit_code)
    except KeyboardInterrupt as error:
        _fail(error, debug, "interrupted; run the same command again, nothing is lost", 1)
    except BrokenPipeError:
        # The reader of our output went away: nothing is wrong with our work.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
        sys.exit(0)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or str(error)
        _fail(error, debug, f"{where}{reason}; free space or permissions may be missing, then run again", 1)
    except Exception as error:  # noqa: BLE001  # the last resort: a defect of ours, told as one
        line = f"internal error: {type(error).__name__}: {error}; run again with --debug and report it"
        _fail(error, debug, " ".join(line.split()), 1)


def _misused(error: TyperException, debug: bool) -> NoReturn:
    """Tell of a wrong option or argument in one line; with nothing asked for, show the help."""
    context = getattr(error, "ctx", None)
    if len(sys.argv) == 1 and context is not None:
        sys.stderr.write(f"{error.format_message()}\n")
        sys.exit(error.exit_code)
    command = context.command_path if context is not None else "pausewatch"
    line = f"{error.format_message().rstrip('.')}; see {command} --help"
    _fail(error, debug, " ".join(line.split()), error.exit_code)


def _fail(error: BaseException, debug: bool, line: str, code: int) -> NoReturn:
    if debug:
        import traceback

        traceback.print_exception(error)
    for each in line.splitlines():
        sys.stderr.write(f"pausewatch: {each}\n")
    sys.exit(code)
