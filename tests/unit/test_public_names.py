"""The public names of the packages' front doors."""

from __future__ import annotations

import subprocess
import sys
from inspect import signature

import pytest

import hypernet
import memory
import memory.client


def test_hypernet_exports_exactly_these_names() -> None:
    """A new public name is a decision, made here."""
    assert sorted(hypernet.__all__) == ["DocToLoRA", "LoRA", "TextToLoRA", "apply"]
    for name in hypernet.__all__:
        assert getattr(hypernet, name).__module__.startswith("hypernet.")


def test_memory_and_its_client_export_exactly_these_names() -> None:
    """Those that the documentation names; the client's verbs are those of a memory."""
    assert sorted(memory.__all__) == ["Memory", "errors", "open", "records"]
    assert sorted(memory.client.__all__) == ["AsyncClient", "Client"]
    verbs, awaited = (
        {name for name in vars(kind) if not name.startswith("_")} - {"run", "stream"}
        for kind in (memory.client.Client, memory.client.AsyncClient)
    )
    assert verbs == awaited
    assert {name for name in verbs if not callable(getattr(memory.Memory, name, None))} == set()


def test_a_clients_verbs_take_what_those_of_a_memory_take() -> None:
    """But for the record that a change expects, which a client cannot hand over."""
    for name in memory.client.Client.__dict__.keys() & set(dir(memory.Memory)):
        if not name.startswith("_"):
            wanted = signature(getattr(memory.Memory, name)).parameters.keys()
            assert wanted - signature(getattr(memory.client.Client, name)).parameters.keys() <= {
                "expects",
                "self",
            }, name


def test_an_unknown_name_is_an_attribute_error() -> None:
    """Lazy loading does not hide a typing mistake."""
    with pytest.raises(AttributeError, match="no attribute 'DocToLora'"):
        hypernet.DocToLora  # noqa: B018


def test_importing_hypernet_loads_neither_torch_nor_transformers() -> None:
    """A command that prints its help need not wait for either."""
    code = "import hypernet, sys; print({'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
