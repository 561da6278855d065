"""Prometheus metrics. No label names a tenant, a user or anything said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from memory.records import ChatReply
from memory.service import Service

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The counters of one server, in a registry of its own."""

    def __init__(self, memory: Service) -> None:
        self.registry = registry = CollectorRegistry()
        self._memory = memory
        self._requests = Counter(
            "memory_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._latency = Histogram(
            "memory_request_seconds",
            "From a request's first byte to its answer's last.",
            ["method", "route"],
            registry=registry,
            buckets=_SECONDS,
        )
        self._saved = Counter(
            "memory_tokens_saved", "Tokens that weights held in place of the prompt.", registry=registry
        )
        self._selected = Counter("memory_adapters_selected", "Adapters merged for turns.", registry=registry)
        self._queue = Gauge("memory_queue_depth", "What waits.", ["queue"], registry=registry)
        self._internalize = Histogram(
            "memory_internalize_seconds",
            "Remembering what one call told, storage included.",
            registry=registry,
            buckets=_SECONDS,
        )
        self._generate = Histogram(
            "memory_generate_seconds",
            "Writing one reply, waiting for the model included.",
            registry=registry,
            buckets=_SECONDS,
        )
        registry.register(_Caches(memory))

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request, by the template of its route: /v1/memories/{memory_id}."""
        self._requests.labels(method, route, str(status)).inc()
        self._latency.labels(method, route).observe(seconds)

    def replied(self, reply: ChatReply, saved: int) -> None:
        """One reply of the model, and the tokens its prompt did without."""
        self._selected.inc(len(reply.adapters))
        self._saved.inc(saved)
        self._generate.observe(reply.timings.get("generate", 0.0) / 1000)
        if "remember" in reply.timings:
            self._internalize.observe(reply.timings["remember"] / 1000)

    @contextmanager
    def internalizing(self) -> Iterator[None]:
        """Measures one call that remembers."""
        began = perf_counter()
        yield
        self._internalize.observe(perf_counter() - began)

    def page(self, jobs_waiting: int | None) -> bytes:
        """All of it, as Prometheus reads it; jobs are left out where they cannot be counted."""
        self._queue.labels("replies").set(self._memory.load().waiting)
        if jobs_waiting is not None:
            self._queue.labels("jobs").set(jobs_waiting)
        return generate_latest(self.registry)


class _Caches(Collector):
    """The adapter caches count by themselves; this reads them."""

    def __init__(self, memory: Service) -> None:
        self._memory = memory

    def collect(self) -> Iterator[Metric]:
        load = self._memory.load()
        found = CounterMetricFamily("memory_adapter_cache", "Look-ups of adapters.", labels=["found"])
        found.add_metric(["yes"], load.cache_hits)
        found.add_metric(["no"], load.cache_misses)
        yield found
