"""The models of a server, found by version, name or alias."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from quotewire.errors import ConfigError, InputError, ModelNotFoundError
from quotewire.serving.hosting import ModelHost

MAX_SELECTOR_CHARACTERS = 200


class ModelRegistry:
    """Loaded models in order, the default one, and what else they are called."""

    def __init__(self) -> None:
        self._hosts: tuple[ModelHost, ...] = ()
        # Everything that a request may say; "" is the default.
        self._by_selector: dict[str, ModelHost] = {}
        self._aliases: dict[str, str] = {}

    def __iter__(self) -> Iterator[ModelHost]:
        return iter(self._hosts)

    def replace(
        self,
        hosts: Sequence[ModelHost],
        *,
        aliases: Mapping[str, str] | None = None,
        default: str = "",
        needed: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Flips to these models in one step: a call gets either the old ones or the new.

        ``default`` is a version, name or alias; empty for the first model.  ``needed`` are further
        selectors that must lead somewhere, each with where it stands.  Raises ConfigError where two
        models have the same version or a selector leads nowhere; then nothing changes.
        """
        by_selector: dict[str, ModelHost] = {}
        for host in hosts:
            if host.info.tag in by_selector:
                raise ConfigError(f"models: two are {host.info.tag}; allowed: each version once")
            by_selector[host.info.tag] = host
        for host in hosts:
            by_selector.setdefault(host.info.name, host)  # a bare name: the first of its versions
        known = ", ".join(by_selector)
        targets = {}
        for alias, target in (aliases or {}).items():
            if alias in by_selector:
                raise ConfigError(f"aliases.{alias}: there is a model of that name")
            if target not in by_selector:
                raise ConfigError(f"aliases.{alias}: got {target!r}; allowed: one of {known}")
            targets[alias] = by_selector[target]
        by_selector |= targets
        if default and default not in by_selector:
            raise ConfigError(f"default: got {default!r}; allowed: one of {', '.join(by_selector)}")
        for where, selector in needed:
            if selector not in by_selector:
                raise ConfigError(
                    f"{where}: got the model {selector!r}; allowed: one of {', '.join(by_selector)}"
                )
        by_selector[""] = by_selector[default] if default else hosts[0]
        first = by_selector[""]
        self._hosts = (first, *(host for host in hosts if host is not first))
        self._aliases = {alias: host.info.tag for alias, host in targets.items()}
        self._by_selector = by_selector

    def aliases_of(self, host: ModelHost) -> list[str]:
        return [alias for alias, tag in self._aliases.items() if tag == host.info.tag]

    def select(self, selector: str) -> ModelHost:
        """The model of that version (``name@version``), name or alias; the default for an empty
        selector.  Raises ModelNotFoundError."""
        if len(selector) > MAX_SELECTOR_CHARACTERS:
            raise InputError(
                field="model",
                value=f"{len(selector)} characters",
                allowed=f"name, name@version or alias, at most {MAX_SELECTOR_CHARACTERS} "
                "characters",
            )
        if host := self._by_selector.get(selector):
            return host
        known = [*(host.info.tag for host in self._hosts), *self._aliases]
        raise ModelNotFoundError(selector, known=known)

    @contextmanager
    def using(self, selector: str) -> Iterator[ModelHost]:
        """As select(), and keeps a reload from closing the model meanwhile."""
        with self.select(selector).used() as host:
            yield host

    async def close(self) -> None:
        for host in self._hosts:
            await host.close()
