"""What a verb does not need, it does not import: each costs CPU time at every start of the command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_listing_imports_no_models_no_numbers_no_rules_and_no_use_cases(tmp_path: Path) -> None:
    """It reads rows."""
    unneeded = {
        "torch", "transformers", "numpy", "faiss", "yaml", "markdown_it", "jinja2", "alembic.command",
        "memory.write.ingest", "memory.upkeep.compaction", "memory.text.passage", "memory.text.speakers",
        "memory.backends.reader.english", "memory.service.wiring",
    }  # fmt: skip
    code = (
        "import sys; from memory import Memory\n"
        "with Memory() as memory:\n"
        "    memory.list(user_id='ana'), memory.status(), memory.stats(user_id='ana')\n"
        f"print(sorted({unneeded!r} & set(sys.modules)))"
    )
    environment = {**os.environ, "MEMORY_HOME": str(tmp_path)}
    command = [sys.executable, "-c", code]
    subprocess.run(command, env=environment, check=True, capture_output=True)  # makes the database
    ran = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "[]"
