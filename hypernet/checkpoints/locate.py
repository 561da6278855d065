"""Where models are: a local path, a hub id, or a folder named relative to the checkpoint that names it."""

from __future__ import annotations

from pathlib import Path

_LEVELS_UP = 4


def checkpoint_path(path: str | Path) -> Path:
    """A local file or folder as it is; a hub id ``owner/repo[:subfolder]`` downloaded.

    Raises FileNotFoundError when it is neither, or cannot be had.
    """
    local = Path(path).expanduser()
    if local.exists():
        return local
    repo, _, subfolder = str(path).partition(":")
    if repo.count("/") != 1 or repo.startswith((".", "/", "~")):
        raise FileNotFoundError(
            f"no checkpoint at {path}: expected a file, a folder or a hub id owner/repo[:folder]"
        )
    return download(repo, subfolder, [f"{subfolder}/*"] if subfolder else None)


def base_model(name: str, checkpoint: Path) -> str:
    """The model a checkpoint names: a folder relative to it or to one above it, else the name (a hub id)."""
    start = (checkpoint if checkpoint.is_dir() else checkpoint.parent).resolve()
    for folder in (start, *list(start.parents)[:_LEVELS_UP], Path.cwd()):
        if (folder / name / "config.json").is_file() or _is_gguf(folder / name):
            return str((folder / name).resolve())
    return name


def _is_gguf(path: Path) -> bool:
    return path.suffix == ".gguf" and path.is_file()


def download(repo: str, subfolder: str = "", patterns: list[str] | None = None) -> Path:
    """A hub repository's files, or those that match, in the hub's cache. Raises FileNotFoundError."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        root = snapshot_download(repo, allow_patterns=patterns)
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        said = " ".join(str(error).split())
        raise FileNotFoundError(
            f"no checkpoint at {repo}: not a local path, and the hub says: {said}"
        ) from error
    folder = Path(root) / subfolder
    if not folder.exists():
        raise FileNotFoundError(f"the hub's {repo} has no folder {subfolder!r}")
    return folder
