"""The `multinet` command: what is installed, conforms, and runs a model fastest."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from multinet import bridging, config, registry
from multinet.errors import MultinetError
from multinet.version import __version__

app = typer.Typer(
    name="multinet",
    help="One neural-net frontend on several backends.",
    no_args_is_help=True,
    add_completion=False,
)


#: What a report of the environment tells the version of, beside the backends.
_LIBRARIES = ("numpy", "ml_dtypes", "optree", "h5py", "rich", "typer")
_errors = Console(stderr=True)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"multinet {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_version,
            is_eager=True,
            help="Print the version, and end.",
        ),
    ] = False,
) -> None:
    """One neural-net frontend on several backends."""


@app.command()
def backends(
    devices: Annotated[
        bool,
        typer.Option("--devices", help="List devices too, which imports frameworks."),
    ] = False,
) -> None:
    """List the backends: installed or not, version, how to install."""
    table = Table()
    headings = ("backend", "installed", "version", *["devices"] * devices)
    for heading in (*headings, "install with"):
        table.add_column(heading)
    for info in registry.backends():
        row = (info.name, "yes" if info.installed else "no", info.version or "")
        last = escape("" if info.installed else info.error or info.install)
        table.add_row(*row, *([escape(_devices(info))] if devices else []), last)
    Console().print(table)


@app.command()
def info(
    devices: Annotated[
        bool,
        typer.Option("--devices", help="List devices too, which imports frameworks."),
    ] = False,
) -> None:
    """Print the environment as plain text, to be pasted into a report of a problem."""
    lines = {
        "multinet": __version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
        "backend": f"{config.backend()}, floatx {config.floatx()}",
    }
    lines |= {f"  {name}": importlib.metadata.version(name) for name in _LIBRARIES}
    for each in registry.backends():
        text = each.error or ((each.version or "yes") if each.installed else "no")
        told = f": {_devices(each)}" if devices and each.installed else ""
        lines[f"backend {each.name}"] = text + told
    lines |= {k: v for k, v in sorted(os.environ.items()) if k.startswith("MULTINET_")}
    width = max(map(len, lines)) + 2
    for name, value in lines.items():
        typer.echo(f"{name:{width}}{value}")


def _devices(info: registry.BackendInfo) -> str:
    if info.error:
        return info.error
    try:
        return ", ".join(info.devices())
    except MultinetError as error:  # one broken backend must not hide the others
        return str(error)


@app.command()
def conform(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Backends, such as numpy.")
    ],
    level: Annotated[
        str, typer.Option(help="The last level to check; see the table of a run.")
    ] = "training",
    gradients: Annotated[
        bool, typer.Option(help="Check derivatives and training too.")
    ] = True,
    all_dtypes: Annotated[
        bool, typer.Option("--all-dtypes", help="Every dtype, every order.")
    ] = False,
    only: Annotated[str | None, typer.Option(help="Check this method alone.")] = None,
    xfail: Annotated[
        Path | None,
        typer.Option(help="Known failures: a line is a method, then a reason."),
    ] = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="The backend may lack primitives yet.")
    ] = False,
    report: Annotated[
        list[Path] | None,
        typer.Option(help="Write a report: .json, .html or .md; repeatable."),
    ] = None,
) -> None:
    """Check that backends keep the interface's contracts; exit 1 if one does not."""
    console = Console()
    try:
        # Not at the top: it needs an extra, and the other commands do not.
        from multinet import conformance
    except ImportError as error:
        _errors.print(
            f"[red]The conformance kit needs {error.name}.[/] Install it with: "
            r"pip install 'multinet-nn\[conform]'"
        )
        raise typer.Exit(2) from None
    options = {"gradients": gradients, "all_dtypes": all_dtypes, "only": only}
    options.update(level=level, xfail=xfail, draft=draft)
    try:
        for path in report or ():
            conformance.writer(path)  # a wrong suffix must not cost a run
        reports = [_checked(name, console, **options) for name in names]
    except MultinetError as error:
        _errors.print(f"[red]{escape(str(error))}[/]")
        raise typer.Exit(2) from None
    for path in report or ():
        conformance.save(reports, path)
    raise typer.Exit(0 if all(found.ok for found in reports) else 1)


def _checked(name: str, console: Console, **options: Any) -> Any:
    from multinet import conformance  # `conform` has found it

    with console.status(f"Checking {name}") as status:
        found = conformance.run(
            name,
            progress=lambda check: status.update(
                f"Checking {name}: {check.level}, {check.row}"
            ),
            **options,
        )
    conformance.show(found, console)
    return found


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def bench(context: typer.Context) -> None:
    """Measure Multinet beside loops written by hand, and beside Keras 3."""
    bridging.bridged("run_benchmarks")(context.args)


@app.command()
def compare(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL.PY[:NAME]]",
            help="A file whose function NAME, or make, returns (model, x, y): a "
            "compiled model and arrays. Without it, small models on the digits.",
        ),
    ] = None,
    backends: Annotated[
        str | None, typer.Option(help="Of these, by commas; else of all.")
    ] = None,
    models: Annotated[
        str | None, typer.Option(help="Of the built-in mlp, cnn, lstm, transformer.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Of each backend; as many as cores by default.")
    ] = None,
    rounds: Annotated[int, typer.Option(help="Of steps, whose median counts.")] = 12,
    batch: Annotated[int, typer.Option(help="The size of a batch.")] = 32,
    epochs: Annotated[int, typer.Option(help="Of your run, whose time is told.")] = 10,
    steps: Annotated[
        int | None, typer.Option(help="Of an epoch of your run; as data have, else.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Tell the time to it, such as accuracy=0.9.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Set before the model is made.")] = 0,
    html: Annotated[
        Path | None, typer.Option(help="Write a page: tables, plots, agreement.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write every round, and all else.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Tell what changed since an earlier --json.")
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Exit 1 if one is WRONG, fails, or got slower."),
    ] = False,
) -> None:
    """Compare backends: which runs a model fastest here, and do they agree?"""
    # Not at the top: the other commands need no models.
    from multinet.compare import command

    try:
        options = command.Options(
            model=model,
            backends=backends,
            models=models,
            threads=threads,
            rounds=rounds,
            batch=batch,
            epochs=epochs,
            steps=steps,
            target=target,
            seed=seed,
            html=html,
            json=json,
            against=against,
            check=check,
        )
        code = command.run(options)
    except MultinetError as error:
        _errors.print(f"[red]{escape(str(error))}[/]")
        raise typer.Exit(2) from None
    raise typer.Exit(code)


if __name__ == "__main__":
    app()
