"""The `multinet` command: which backends there are, and whether one conforms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    name: Annotated[str, typer.Argument(help="The backend, such as numpy.")],
    gradients: Annotated[
        bool, typer.Option(help="Check derivatives and training too.")
    ] = True,
    all_dtypes: Annotated[
        bool, typer.Option("--all-dtypes", help="Every dtype, every order.")
    ] = False,
    json: Annotated[
        Path | None, typer.Option(help="Write the report to this file.")
    ] = None,
    only: Annotated[str | None, typer.Option(help="Check this method alone.")] = None,
) -> None:
    """Check that a backend keeps the interface's contracts; exit 1 if it does not."""
    console = Console()
    try:
        from multinet import conformance
    except ImportError as error:
        console.print(
            f"[red]The conformance kit needs {error.name}.[/] Install it with: "
            r"pip install 'multinet-nn\[test]'"
        )
        raise typer.Exit(2) from None
    try:
        with console.status(f"Checking {name}") as status:
            report = conformance.run(
                name,
                gradients=gradients,
                all_dtypes=all_dtypes,
                only=only,
                progress=lambda check: status.update(
                    f"Checking {name}: {check.level}, {check.row}"
                ),
            )
    except MultinetError as error:
        console.print(f"[red]{escape(str(error))}[/]")
        raise typer.Exit(2) from None
    conformance.show(report, console)
    if json is not None:
        report.save(json)
    raise typer.Exit(0 if report.ok else 1)


if __name__ == "__main__":
    app()
