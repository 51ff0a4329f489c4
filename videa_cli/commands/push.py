"""videa push"""

from __future__ import annotations

from typing import Annotated

import typer

from videa_cli.json_output import AsJson, Json


def push(
    image: Annotated[
        str | None, typer.Argument(metavar="IMAGE", help="Name of an image on this engine.", show_default=False)
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="HOST",
            help="The other engine: ssh://USER@HOST, tcp://HOST:PORT, or the name of a Docker context.",
        ),
    ] = None,
    all_nodes: Annotated[
        bool, typer.Option("--all-nodes", help="To every other node of this engine's swarm, over SSH.")
    ] = False,
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="With --all-nodes: the user to log in as.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the layers and bytes that would be sent, and send nothing.")
    ] = False,
    as_json: AsJson = Json.NO,
) -> None:
    """Send an image to another engine, without a registry.

    Sends only the layers that are missing there. Without --to, the image goes from this machine's engine to the one
    that DOCKER_HOST or the current context names. The other engine gets the whole image or nothing, and its id is
    compared at the end.

    With --all-nodes, every other node of the swarm gets it from this manager, at the address by which managers know it.
    A node that cannot be reached is named at the end; the others have the image. Without IMAGE, each node gets every
    image that was sent in this way before and that it lacks, for example because it has just joined.

    \b
    Examples:
      videa push app:42 --to ssh://ops@shop.example
      videa push app:42 --to production --dry-run      a context, see `docker context ls`
      DOCKER_HOST=ssh://ops@shop.example videa push app:42
      videa push app:42 --all-nodes --user ops
      videa push --all-nodes
    """
    import dataclasses
    import os
    from contextlib import closing

    from ops.engine.hosts import environment_of, environment_of_this_machine
    from ops.errors import UsageError
    from ops.factory import connect, image_store
    from ops.images.push import push as send
    from videa_cli.console import console
    from videa_cli.json_output import show_result
    from videa_cli.render import Progress
    from videa_cli.units import size

    if all_nodes:
        if to is not None:
            raise UsageError("--to and --all-nodes cannot be used together", "choose one of them")
        _push_all(image, user, dry_run, as_json)
        return
    if image is None:
        raise UsageError("IMAGE is missing", "name an image of this engine: docker images")
    target = environment_of(to, os.environ) if to is not None else dict(os.environ)
    source = dict(os.environ) if to is not None else environment_of_this_machine(os.environ)
    progress = Progress(as_json)
    try:
        with closing(connect(target)) as there, closing(connect(source)) as here:
            if to is None and there.local:
                raise UsageError("the engine is the one of this machine", "name the other one: --to ssh://USER@HOST")
            pushed = send(image_store(here), image_store(there), image, progress, dry_run)
    finally:
        progress.close()
    if as_json:
        result = {**dataclasses.asdict(pushed), "seconds": round(pushed.seconds, 3), "dry_run": dry_run}
        show_result(result, as_json)
        return
    out = console(unbroken=True)
    missing = [layer for layer in pushed.layers if not layer.present]
    if not pushed.changed:
        out.print(f"nothing to do: {pushed.image} is there ({pushed.id[7:19]})", markup=False)
        return
    if dry_run:
        for layer in pushed.layers:
            out.print(f"  {layer.diff_id[7:19]}  {'is there' if layer.present else size(layer.size)}")
    done = "would send" if dry_run else "sent"
    out.print(
        f"{done} {pushed.image} ({pushed.id[7:19]}): {len(missing)} of {len(pushed.layers)} layers, "
        f"{size(pushed.sent)} ({pushed.seconds:.1f} s)",
        markup=False,
    )
    if dry_run:
        out.print("nothing was changed (dry run)")


def _push_all(image: str | None, user: str, dry_run: bool, as_json: Json) -> None:
    import dataclasses
    import os
    from collections.abc import Iterator
    from contextlib import closing, contextmanager

    from ops.engine.hosts import environment_of
    from ops.factory import connect, everywhere, image_store
    from ops.platform.image_ports import ImageStore
    from videa_cli.json_output import show_text_or_json
    from videa_cli.render import Progress
    from videa_cli.units import size

    @contextmanager
    def reach(host: str) -> Iterator[ImageStore]:
        with closing(connect(environment_of(host, os.environ))) as there:
            yield image_store(there)

    progress = Progress(as_json)
    try:
        with closing(connect()) as here:
            nodes = everywhere(here, reach, progress, user, dry_run)
            found = nodes.again() if image is None else {image: nodes.push(image)}
    finally:
        progress.close()
    would = "would send" if dry_run else "sent"
    lines = [
        f"{name}: {'' if image else f'{each.image}: '}"
        + (f"{would} {size(each.sent)}" if each.changed else "has it already")
        for pushed in found.values()
        for name, each in pushed.items()
    ]
    by_image = {
        sent: {name: dataclasses.asdict(each) for name, each in pushed.items()} for sent, pushed in found.items()
    }
    result = {"dry_run": dry_run, **({"nodes": by_image[image]} if image else {"images": by_image})}
    show_text_or_json(result, "\n".join(lines) or "the swarm has no other node", as_json)
