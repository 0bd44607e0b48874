"""What a listener does, in numbers for Prometheus, over HTTP. Needs the extra [metrics].

/metrics has the numbers, /health answers 200 while the listener comes round and 503 when it has not for a while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, get_args
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from pace_edge.errors import PaceEdgeError
from streams.heard import Event, Heard, SourceState, SourceStates, Window
from streams.listening.counters import Counters
from streams.sinks.sink import Counts

STALE_S = 30.0
_BUCKETS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_TOTALS = {  # of Counters: as Prometheus names it, and a sentence
    "sound_s": ("sound_seconds", "Sound that came from all sources."),
    "windows": ("windows", "Windows reported."),
    "gated": ("windows_gated", "Windows that were too quiet for the model to hear."),
    "clipped": ("windows_clipped", "Windows with samples at full scale."),
    "learned": ("labels_learned", "Labels taken up from the journal while listening."),
    "gaps": ("gaps", "Places where sound is missing."),
    "dropped_samples": ("dropped_samples", "Samples lost although their source was there, at the model's rate."),
    "away_samples": ("away_samples", "Samples missing because their source was away, at the model's rate."),
    "overflows": ("overflows", "Times that the sound system lost samples and did not say how many."),
    "journal_failures": ("journal_failures", "Times that the journal could not be read or written."),
    "inference_s": ("inference_seconds", "Time on the clock inside ONNX Runtime."),
}


class Metrics:
    """A sink that counts what is heard, and the HTTP server that tells it, from `open` to `close`.

    `counters` and `sinks` (counts by the sink's name) are read whenever somebody asks.
    """

    name = "metrics"

    def __init__(
        self, port: int, address: str = "127.0.0.1", *,
        counters: Callable[[], Counters], sinks: Callable[[], Mapping[str, Counts]] = dict,
    ) -> None:  # fmt: skip
        try:
            import prometheus_client as prometheus
        except ImportError:
            raise PaceEdgeError(
                "metrics need prometheus-client", do="Install it with: pip install 'pace-edge[metrics]'"
            ) from None
        self._counters, self._sinks, self._counts = counters, sinks, Counts()
        registry = prometheus.CollectorRegistry()
        registry.register(self)
        prometheus.ProcessCollector(registry=registry)
        self._events = prometheus.Counter(
            "pace_edge_events", "Sounds announced.", ["label", "source"], registry=registry
        )  # fmt: skip
        self._latency = prometheus.Histogram(
            "pace_edge_window_latency_seconds", "From the arrival of a window's last sample to its report.",
            buckets=_BUCKETS_S, registry=registry,
        )  # fmt: skip
        self._level = prometheus.Gauge(
            "pace_edge_level_dbfs", "Loudness of the latest window, dB relative to full scale.", ["source"],
            registry=registry,
        )  # fmt: skip
        self._states: dict[str, SourceStates] = {}
        self._alive_at = time.monotonic()
        try:
            self._server = make_server(
                address, port, self._app(prometheus.make_wsgi_app(registry)), _Server, handler_class=_Quiet
            )
        except OSError as error:
            raise PaceEdgeError(
                f"metrics cannot be served on {address}:{port} ({error.strerror})", do="Choose another port or address."
            ) from None
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def write(self, heard: Heard) -> None:
        self._counts.written += 1
        match heard:
            case Window():
                self._latency.observe(self._counters().latency_s)
                self._level.labels(heard.source).set(heard.level_dbfs)
            case Event(state="start"):
                self._events.labels(heard.label, heard.source).inc()
            case SourceState():
                self._states[heard.source] = heard.state

    def alive(self) -> None:
        """Call it whenever the listener comes round."""
        self._alive_at = time.monotonic()

    def counts(self) -> Counts:
        return self._counts

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def collect(self) -> Iterable[Any]:
        """prometheus_client asks for what is counted elsewhere."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        counters = self._counters()
        for field, (name, words) in _TOTALS.items():
            yield CounterMetricFamily(f"pace_edge_{name}", words, getattr(counters, field))
        yield GaugeMetricFamily("pace_edge_latency_seconds", "Latency of the latest window.", counters.latency_s)
        reports = CounterMetricFamily("pace_edge_sink_reports", "What became of reports.", labels=["sink", "outcome"])
        waiting = GaugeMetricFamily("pace_edge_sink_waiting", "Reports that wait for a receiver.", labels=["sink"])
        for sink, counts in self._sinks().items():
            for outcome in ("written", "delivered", "discarded", "failed"):
                reports.add_metric([sink, outcome], getattr(counts, outcome))
            waiting.add_metric([sink], counts.waiting)
        yield from (reports, waiting)
        states = GaugeMetricFamily(
            "pace_edge_source_state", "1 for the state a source is in.", labels=["source", "state"]
        )
        for source, state in self._states.copy().items():
            for one in get_args(SourceStates):
                states.add_metric([source, one], one == state)
        yield states

    def _app(self, numbers: Any) -> Any:
        def answer(request: dict[str, Any], start: Any) -> Iterable[bytes]:
            if request["PATH_INFO"] == "/metrics":
                return numbers(request, start)
            if request["PATH_INFO"] != "/health":
                start("404 Not Found", [("Content-Type", "text/plain")])
                return [b"/metrics or /health\n"]
            silent_s = time.monotonic() - self._alive_at
            start("200 OK" if silent_s < STALE_S else "503 Service Unavailable", [("Content-Type", "text/plain")])
            return [f"came round {silent_s:.1f} s ago\n".encode()]

        return answer


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Without HTTPServer's look-up of our own name, for which a board without a network waits."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Quiet(WSGIRequestHandler):
    timeout = 5.0  # a client that connects and says nothing does not keep the others out

    def log_message(self, format: str, *args: object) -> None:
        """A request is nothing to tell."""
