"""The command line: data on stdout, words on stderr; exit codes 0 ok, 1 failure, 2 usage, 130 interrupted."""

from __future__ import annotations

import os
import sys

import click

from pace_edge.cli.adapt import adapt
from pace_edge.cli.bench import bench
from pace_edge.cli.benchmark import benchmark
from pace_edge.cli.change import correct, forget, hide, merge, rename, reset, undo, unhide
from pace_edge.cli.config import config
from pace_edge.cli.devices import devices
from pace_edge.cli.export import export
from pace_edge.cli.history import history
from pace_edge.cli.inspect import inspect
from pace_edge.cli.journal import journal, relearn
from pace_edge.cli.labels import labels
from pace_edge.cli.learn import learn
from pace_edge.cli.listen import listen
from pace_edge.cli.service import service
from pace_edge.errors import PaceEdgeError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pace-edge")
def cli() -> None:
    """Ears that learn: hear sounds, teach new ones with a few examples, keep them."""


for verb in (
    listen, learn, correct, undo, forget, hide, unhide, rename, labels, history, merge, reset, relearn, journal,
    devices, config, service, bench, benchmark, adapt, export, inspect,
):  # fmt: skip
    cli.add_command(verb)


def main() -> None:
    if sys.argv[1:2] not in (["adapt"], ["benchmark"]):  # which solve large systems
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy loads; more only spin between windows
    try:
        cli.main(prog_name="pace-edge", standalone_mode=False)
    except PaceEdgeError as error:
        click.echo(f"pace-edge: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at exit
        sys.exit(1)
