"""``terp-seed completion``: what a shell needs to complete this command."""

from __future__ import annotations

import click

from terp_seed.cli.output import examples

__all__ = ["completion"]


@click.command(
    epilog=examples(
        "terp-seed completion bash >> ~/.bashrc",
        "terp-seed completion zsh >> ~/.zshrc",
        "terp-seed completion fish > ~/.config/fish/completions/terp-seed.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    root = context.find_root().command
    click.echo(kind(root, {}, "terp-seed", "_TERP_SEED_COMPLETE").source())
