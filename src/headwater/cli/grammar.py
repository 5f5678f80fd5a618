"""Every command, its parameters, help and examples, in the order the help shows them.

Apart from what the commands do, so that help, completion and the reference
page need nothing but this page. A test holds it against the actions' signatures.
"""

from __future__ import annotations

from typing import Final

import click

from headwater import __version__
from headwater.cli.command import Command, Group
from headwater.cli.complete import relation_names

__all__ = ["headwater"]

_RELATION: Final = "A relation, as product.relation."


def _relation(*, required: bool = True, help: str = _RELATION) -> click.Argument:
    return click.Argument(
        ["relation"],
        metavar="RELATION" if required else "[RELATION]",
        required=required,
        help=help,
        shell_complete=relation_names,
    )


def _print_version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked:
        click.echo(f"headwater {__version__}")
        context.exit()


_init = Command(
    "init",
    action="init:init",
    help="Start a workspace. It is made from a template, data files, ODCS contracts or a dbt project.",
    params=[
        click.Argument(
            ["folder"],
            metavar="[FOLDER]",
            default=".",
            type=click.Path(file_okay=False),
            help="Where the workspace is made; created when missing.",
        ),
        click.Option(
            ["--template"],
            type=click.Choice(["minimal", "flights"]),
            default="minimal",
            show_default=True,
            help="What to start from: one source and one model, or two products with a contract.",
        ),
        click.Option(
            ["--from", "origin"],
            type=(click.Choice(["files", "odcs", "dbt"]), click.Path(exists=True)),
            metavar="KIND PATH",
            help="Begin with what is at PATH. KIND is files (data), odcs (contracts) or dbt (a project).",
        ),
        click.Option(["--name"], help="The workspace's name; the folder's by default."),
    ],
    examples=[
        "headwater init shop",
        "headwater init --template flights flights",
        "headwater init shop --from files ~/exports",
        "headwater init shop --from dbt ~/jaffle_shop",
    ],
)

_check = Command(
    "check",
    action="check:check",
    help="Verify every declaration, query and contract. Nothing is run and nothing published.",
    examples=["headwater check", "headwater -C examples/airline check --output json"],
)

_plan = Command(
    "plan",
    action="plan:plan",
    help="Show what a run would do, and why. Tells what differs from the last run and what is rebuilt.",
    params=[click.Option(["--all", "everything"], is_flag=True, help="Show unchanged relations as well.")],
    examples=["headwater plan", "headwater plan --all", "headwater plan --env prod --output json"],
)

_run = Command(
    "run",
    action="run:run",
    help="Read, compute, judge and publish what is new. The exit code is 1 when a check blocks publication.",
    params=[
        click.Argument(["products"], metavar="[PRODUCT]...", nargs=-1, help="Only these products; all by default.")
    ],
    examples=[
        "headwater run",
        "headwater -C examples/airline run",
        "headwater run delays",
        "headwater run --output json",
    ],
)

_query = Command(
    "query",
    action="query:query",
    help="Query published relations with SQL. They are named product.relation; the query changes nothing.",
    params=[
        click.Argument(["sql"], metavar="SQL", help="The query; '-' reads it from standard input."),
        click.Option(
            ["--limit"],
            type=click.IntRange(min=0),
            help="Rows to show; 40 as text by default, all as JSON. 0 shows all, as they are computed.",
        ),
    ],
    examples=[
        'headwater query "SELECT * FROM shop.orders LIMIT 10"',
        'headwater query "SELECT codes, raw FROM shop.orders__quarantine"',
        'headwater query "SELECT count(*) AS n FROM shop.orders FOR VERSION AS OF 3" --output json',
    ],
)

_explain = Command(
    "explain",
    action="explain:explain",
    help="Show how a relation is maintained. Tells the kind of each block, why, what is cheaper, SQL and checks.",
    params=[_relation()],
    examples=["headwater explain shop.orders_by_day"],
)

_lineage = Command(
    "lineage",
    action="lineage:lineage",
    help="Show what a relation or column is made from. With --down, show what is made from it.",
    params=[
        _relation(help="A relation, as product.relation, or a column, as product.relation.column."),
        click.Option(["--down"], is_flag=True, help="What depends on it, instead of what it depends on."),
    ],
    examples=[
        "headwater lineage shop.orders_by_day",
        "headwater lineage shop.orders_by_day.revenue",
        "headwater lineage shop.orders.price --down",
    ],
)

_contract = Group(
    "contract",
    help="Infer, compare and verify data contracts (ODCS).",
    commands=[
        Command(
            "infer",
            action="contract:infer",
            help="Infer the contract of a relation. It is printed, or with --write becomes a file of the product.",
            params=[
                _relation(),
                click.Option(["--write"], is_flag=True, help="Write the file into the product's folder."),
            ],
            examples=["headwater contract infer shop.orders", "headwater contract infer shop.orders --write"],
        ),
        Command(
            "diff",
            action="contract:diff",
            help="Classify each change of a contract. Names what breaks; the exit code is 1 if anything does.",
            params=[
                click.Argument(
                    ["old"],
                    metavar="OLD",
                    help="A contract file; or git:REVISION, the version of NEW at that revision.",
                ),
                click.Argument(["new"], metavar="NEW", help="The contract file it is compared with."),
            ],
            examples=[
                "headwater contract diff old.odcs.yaml shop/orders.odcs.yaml",
                "headwater contract diff git:HEAD shop/orders.odcs.yaml",
            ],
        ),
        Command(
            "check",
            action="contract:check",
            help="Verify that contracts agree with their relations. A disagreement is an error in the declarations.",
            examples=["headwater contract check"],
        ),
    ],
    examples=["headwater contract infer shop.orders", "headwater contract check"],
)

_quarantine = Group(
    "quarantine",
    help="List, read and replay the rows that contracts refused.",
    commands=[
        Command(
            "list",
            action="quarantine:list_",
            help="Count the refused rows of each relation by reason.",
            params=[_relation(required=False, help="Only this relation, as product.relation.")],
            examples=["headwater quarantine list", "headwater quarantine list shop.orders --output json"],
        ),
        Command(
            "show",
            action="quarantine:show",
            help="Show refused rows. Each has its reasons, contract version, source position and run.",
            params=[
                _relation(),
                click.Option(["--code"], metavar="CODE", help="Only rows refused for this reason."),
                click.Option(["--run", "run_id"], metavar="RUN", help="Only rows refused in this run."),
                click.Option(
                    ["--limit"], type=click.IntRange(min=0), default=20, show_default=True, help="Rows; 0 shows all."
                ),
            ],
            examples=["headwater quarantine show shop.orders", "headwater quarantine show shop.orders --code required"],
        ),
        Command(
            "replay",
            action="quarantine:replay",
            help="Judge refused rows again. Those that today's contract admits are published, exactly once.",
            params=[_relation()],
            examples=["headwater quarantine replay shop.orders"],
        ),
    ],
    examples=["headwater quarantine list", "headwater quarantine show shop.orders"],
)

_maintain = Command(
    "maintain",
    action="maintain:maintain",
    help="Compact tables and expire old versions. Their content stays the same.",
    params=[
        _relation(required=False, help="Only this relation, as product.relation."),
        click.Option(["--dry-run"], is_flag=True, help="Tell which tables would be maintained and change nothing."),
        click.Option(
            ["--keep-days"],
            type=click.IntRange(min=0),
            default=7,
            show_default=True,
            help="Versions younger than this stay readable.",
        ),
    ],
    examples=["headwater maintain --dry-run", "headwater maintain shop.orders --keep-days 30"],
)

_status = Command(
    "status",
    action="status:status",
    help="Show the published relations. Tells rows, refused rows and when each was last published.",
    examples=["headwater status", "headwater status --output json"],
)

_history = Command(
    "history",
    action="history:history",
    help="Show the latest runs. The newest stands first.",
    params=[click.Option(["--limit"], type=click.IntRange(min=1), default=20, show_default=True, help="Runs to show.")],
    examples=["headwater history", "headwater history --limit 5 --output json"],
)

_completion = Command(
    "completion",
    action="completion:completion",
    help="Print a shell's completion script. It completes commands, options and relations.",
    params=[click.Argument(["shell"], type=click.Choice(["bash", "zsh", "fish"]), help="The shell that will read it.")],
    examples=['eval "$(headwater completion bash)"', "headwater completion fish | source"],
)

headwater: Final = Group(
    "headwater",
    help="Declare a data product once; run it in batch, incrementally and as a stream. No row is silently lost.",
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Show the version.",
        )
    ],
    commands=[
        _init,
        _check,
        _plan,
        _run,
        _query,
        _explain,
        _lineage,
        _contract,
        _quarantine,
        _maintain,
        _status,
        _history,
        _completion,
    ],
    examples=["headwater init shop", "headwater -C shop plan", "headwater -C shop run"],
)
