"""videa images save, videa images load"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videa_cli.context import Options, group
from videa_cli.json_output import AsJson, Command, Json


def save(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file: .tar, .tar.gz or .tar.zst.")],
    images: Annotated[
        list[str] | None,
        typer.Argument(metavar="[IMAGE]...", show_default=False, help="By default, all images of the project."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the images, and write nothing.")] = False,
    as_json: AsJson = Json.NO,
) -> None:
    """Save images to a file for a machine without a network or a registry.

    By default the images of all services of the Compose file, with the balancer's, and those of retained releases, so
    that a rollback works there too. `docker load` reads the file too. The file appears when it is complete.

    \b
    Examples:
      videa images save shop.tar.gz
      videa images save shop.tar --dry-run
      videa images save app.tar.gz app:42
    """
    import dataclasses
    from contextlib import closing

    from ops.factory import connect, image_store
    from ops.images.chosen import images_of
    from ops.images.files import save as write
    from videa_cli.console import console
    from videa_cli.json_output import show_result
    from videa_cli.render import Progress
    from videa_cli.units import size

    options: Options = context.obj
    progress = Progress(as_json)
    try:
        with closing(connect()) as engine:
            store = image_store(engine)
            saved = write(store, file, images or images_of(options.load(), store), progress, dry_run)
    finally:
        progress.close()
    if as_json:
        result = {**dataclasses.asdict(saved), "seconds": round(saved.seconds, 3)}
        show_result({"file": str(file), **result, "dry_run": dry_run, "changed": not dry_run}, as_json)
        return
    out = console(unbroken=True)
    for image in saved.images:
        out.print(f"  {image}", markup=False)
    number = f"{len(saved.images)} image{'s' if len(saved.images) != 1 else ''}"
    if dry_run:
        out.print(f"would save {number} with {size(saved.content)} to {file}", markup=False)
        out.print("nothing was changed (dry run)")
    else:
        out.print(f"saved {number} to {file}: {size(saved.size)} ({saved.seconds:.1f} s)", markup=False)


def load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of `videa images save` or `docker save`.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the file and show its images; load nothing.")
    ] = False,
    as_json: AsJson = Json.NO,
) -> None:
    """Load the images of a file into the engine.

    First the whole file is checked: every layer must be there and have its digest. Nothing of a broken file is loaded.

    \b
    Examples:
      videa images load shop.tar.gz
      videa images load shop.tar.gz --dry-run
      DOCKER_HOST=ssh://ops@shop.example videa images load shop.tar.gz
    """
    import dataclasses
    from contextlib import closing

    from ops.factory import connect, image_store
    from ops.images.files import load as read
    from videa_cli.console import console
    from videa_cli.json_output import show_result
    from videa_cli.render import Progress

    progress = Progress(as_json)
    try:
        with closing(connect()) as engine:
            loaded = read(image_store(engine), file, progress, dry_run)
    finally:
        progress.close()
    changed = any(image.state != "present" for image in loaded) and not dry_run
    if as_json:
        listed = [dataclasses.asdict(image) for image in loaded]
        show_result({"file": str(file), "images": listed, "dry_run": dry_run, "changed": changed}, as_json)
        return
    out = console(unbroken=True)
    for image in loaded:
        out.print(f"  {', '.join(image.names) or image.id[7:19]}: {image.state}", markup=False)
    if dry_run:
        out.print("nothing was changed (dry run)")
    else:
        out.print(f"loaded {file}" if changed else "nothing to do: all images are there", markup=False)


commands = group("Save images to a file and load them, without a registry.")
commands.command("save", cls=Command)(save)
commands.command("load", cls=Command)(load)
