"""Resolves the scope of a call from the object, the arguments and the config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast
from uuid import UUID

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, field_validator, model_validator

from integrations.langchain.shared import AnyMemory, shared
from memory.errors import InvalidInput, MissingScope
from memory.records.inputs import Whose, filters_in

NAMES = ("user_id", "agent_id", "session_id", "tenant_id")


def names_in(given: Mapping[str, Any] | object | None) -> Whose:
    """The names that a mapping or an object holds, as text; None counts as not given.

    Raises InvalidInput for what cannot be a name: a tuple, say. Whole numbers and UUIDs can.
    """
    names = {}
    for what in NAMES:
        value = given.get(what) if isinstance(given, Mapping) else getattr(given, what, None)
        if value is not None:
            names[what] = _name(what, value)
    return cast(Whose, names)


def configurable(config: RunnableConfig | None = None) -> dict[str, Any]:
    """What a config, else the run that this call is part of, has under "configurable"."""
    return ensure_config(config).get("configurable") or {}


def recalling(names: Whose) -> Whose:
    """Where a turn recalls from: all sessions of a user or agent; the session, where only that is named."""
    if names.get("user_id") is None and names.get("agent_id") is None:
        return names
    return cast(Whose, {what: value for what, value in names.items() if what != "session_id"})


def required(names: Whose) -> Whose:
    """These names, or MissingScope where they name nobody but a tenant."""
    if not names.keys() - {"tenant_id"}:
        raise MissingScope(
            "whose memory? give user_id, agent_id or session_id: as an argument, in the runtime context, "
            'or in the config as {"configurable": {"user_id": ...}}'
        )
    return names


class Scoped(BaseModel):
    """What every part has: the memory behind it, and whose it is. A name given here holds for every call.

    The memory is `service`, else that on the server of `url`, else the process's: of the settings, which may
    name a server too (MEMORY_URL).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, hide_input_in_errors=True)  # it may be a key
    opened_by: ClassVar[tuple[str, ...]] = ("url", "key")  # arguments that are settings of the memory

    service: AnyMemory = Field(default_factory=shared, exclude=True, repr=False)
    user_id: str | None = None
    agent_id: str | None = None
    session_id: str | None = None
    tenant_id: str | None = None
    url: str | None = Field(default=None, exclude=True, repr=False)
    key: SecretStr | None = Field(default=None, exclude=True, repr=False)
    _default_user: str | None = PrivateAttr(None)  # who is meant where nobody is named

    @model_validator(mode="before")
    @classmethod
    def _opened(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        given = {name: values[name] for name in cls.opened_by if values.get(name) is not None}
        if values.get("service") is None:
            return {**values, "service": shared(**given)} if given else values
        if given.keys() & {"url", "key"}:
            raise InvalidInput("give a service, or the url and key of a server, not both")
        return values

    def names(self) -> dict[str, Any]:
        """The service and the names, as arguments for another part."""
        return {"service": self.service, **names_in(self)}

    def whose(self, config: RunnableConfig | None = None, **given: Any) -> Whose:
        """The names in force: given ones, then those of the config, on top of this object's.

        Raises MissingScope where nobody is named, InvalidInput where two places name different ones.
        """
        names = names_in({**names_in(configurable(config)), **names_in(given)})
        for what, mine in names_in(self).items():
            if names.setdefault(what, mine) != mine:  # type: ignore[misc]
                raise InvalidInput(f"{what} is {mine!r} here, the call says {names[what]!r}")  # type: ignore[literal-required]
        if self._default_user is not None and "agent_id" not in names:
            names.setdefault("user_id", self._default_user)
        return required(names)


class Recalling(Scoped):
    """A part that recalls: of what is its owner's, only what filters let through."""

    filters: dict[str, Any] | None = None
    """What the metadata of all that is recalled has to have; those of a call narrow it further."""

    @field_validator("filters")
    @classmethod
    def _filters(cls, given: dict[str, Any] | None) -> dict[str, Any] | None:
        return dict(filters_in(given)) or None

    def narrowed(self, given: Mapping[str, Any] | None = None) -> Mapping[str, Any] | None:
        """The filters in force: given here and by the call."""
        mine = [one for one in (self.filters, given) if one]
        return {"$and": mine} if len(mine) > 1 else next(iter(mine), None)


def scoped(service: AnyMemory | None, **given: Any) -> Scoped:
    """The memory that is given, else the one that arguments or settings name; and whose it is."""
    return Scoped(**given) if service is None else Scoped(service=service, **given)


def _name(what: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | UUID) and not isinstance(value, bool):
        return str(value)
    raise InvalidInput(f"{what} is {value!r}; give a string")
