"""The `multinet` command: which backends there are, and whether one conforms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from multinet import registry
from multinet.errors import MultinetError

app = typer.Typer(
    name="multinet",
    help="One neural-net frontend on several backends.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def backends() -> None:
    """List the backends: installed or not, version, devices, how to install."""
    table = Table()
    for heading in ("backend", "installed", "version", "devices", "install with"):
        table.add_column(heading)
    for info in registry.backends():
        table.add_row(
            info.name,
            "yes" if info.installed else "no",
            info.version or "",
            escape(_devices(info)),
            "" if info.installed else escape(info.install),
        )
    Console().print(table)


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
        # Not at the top: it needs the extra `test`, and the other commands do not.
        from multinet import conformance
    except ImportError as error:
        console.print(
            f"[red]The conformance kit needs {error.name}.[/] Install it with: "
            r"pip install 'multinet-nn\[test]'"
        )
        raise typer.Exit(2) from None
    options = {"gradients": gradients, "all_dtypes": all_dtypes, "only": only}
    options.update(level=level, xfail=xfail, draft=draft)
    try:
        for path in report or ():
            conformance.writer(path)  # a wrong suffix must not cost a run
        reports = [_checked(name, console, **options) for name in names]
    except MultinetError as error:
        console.print(f"[red]{escape(str(error))}[/]")
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


if __name__ == "__main__":
    app()
